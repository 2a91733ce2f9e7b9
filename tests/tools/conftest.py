# SPDX-License-Identifier: BSD-3-Clause
"""For the tests of tools/: time limits with stacks, and what they share."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))
sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))

pytest_plugins = ("spmd.plugin",)
