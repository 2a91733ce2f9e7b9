# SPDX-License-Identifier: BSD-3-Clause
"""A machine as bare as a test wants it, on which tools/setup.sh is run. Next: ``test_setup.py``."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
NEEDED = (
    "bash",
    "echo",
    "sh",
    "date",
    "tr",
    "grep",
    "cat",
    "tail",
    "find",
    "sort",
    "xargs",
    "sha256sum",
    "cut",
    "env",
)


class Machine:
    """A PATH that holds the common tools, `more` of them, and the programs that a test gives it."""

    def __init__(self, folder, *more):
        self.folder = folder
        for name in (*NEEDED, *more):
            (folder / name).symlink_to(shutil.which(name))
        self.program("python3", "exit 1")

    def program(self, name, text):
        """A program that does what the shell text says."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, text, cwd=ROOT):
        """Run shell text with tools/setup.sh sourced; return exit code and output."""
        run = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n. tools/setup.sh\n{text}"],
            cwd=cwd,
            env={"PATH": str(self.folder), "HOME": os.environ.get("HOME", "/")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return run.returncode, run.stdout
