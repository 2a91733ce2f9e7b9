# SPDX-License-Identifier: BSD-3-Clause
"""For the tests of tools/: what they share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
