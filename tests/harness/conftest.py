# SPDX-License-Identifier: BSD-3-Clause
"""The tests of the harness run under the harness: time limits and stacks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "python" / "support"))

pytest_plugins = ("spmd.plugin",)
