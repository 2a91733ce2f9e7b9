# SPDX-License-Identifier: BSD-3-Clause
"""Runs one rank and writes down how it ended: ``python -I -S rank.py RUN_DIR COMMAND...``.

mpiexec says neither which rank died first nor always how. This process holds the rank's connection
to mpiexec as well, so mpiexec learns of the rank's end only after it is written down; what mpiexec
kills then leaves no entry.

Next: `spmd.launch`.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    run_dir, command = sys.argv[1], sys.argv[2:]
    rank = os.environ["PMI_RANK"]
    if rank != "0":  # rank 0 speaks for all
        log = os.open(f"{run_dir}/rank{rank}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        os.execvp(command[0], command)
    write(f"{run_dir}/rank{rank}.pid", f"{parent} {child}")
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        write(f"{run_dir}/rank{rank}.exit", f"killed by {signal.Signals(number).name}")
        signal.signal(number, signal.SIG_DFL) if number != signal.SIGKILL else None
        os.kill(parent, number)
    code = os.WEXITSTATUS(status)
    write(f"{run_dir}/rank{rank}.exit", f"exit code {code}")
    os._exit(code)


def write(path: str, text: str) -> None:
    with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - it starts faster
        file.write(text)


if __name__ == "__main__":
    main()
