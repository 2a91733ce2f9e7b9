# SPDX-License-Identifier: BSD-3-Clause
"""For all Python tests: time limits with stacks, and the harness of tests on MPI ranks."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "support"))

pytest_plugins = ("spmd.plugin",)

# Spark's JVMs live for minutes here: what their second compiler makes better is not worth its time.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
