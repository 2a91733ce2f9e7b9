# SPDX-License-Identifier: BSD-3-Clause
"""``python -m matrass``: the command line, and ``--cmakedir``, where matrassConfig.cmake is."""

from __future__ import annotations

import sys

from matrass.bootstrap import which_mpi


def cmakedir() -> int:
    """Print the folder to add to CMAKE_PREFIX_PATH or to give as matrass_DIR."""
    found = which_mpi.installation()
    if found is None:
        print(which_mpi.no_core(), file=sys.stderr)
        return 1
    print(found.core.parent / "lib" / "cmake" / "matrass")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--cmakedir"]:
        sys.exit(cmakedir())
    from matrass.cli import main

    main()
