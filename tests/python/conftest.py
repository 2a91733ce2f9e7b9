# SPDX-License-Identifier: BSD-3-Clause
"""For all Python tests: time limits with stacks, and the harness of tests on MPI ranks."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

pytest_plugins = ("spmd.plugin",)
