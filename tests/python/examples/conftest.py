# SPDX-License-Identifier: BSD-3-Clause
"""The examples are no package: their folder is put on the path, as Python does for a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "python"))
