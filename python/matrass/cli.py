# SPDX-License-Identifier: BSD-3-Clause
"""The command line `matrass`. Next: ``doctor/report.py``."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from matrass.bootstrap import launcher as launchers
from matrass.bootstrap import which_mpi
from matrass.doctor.report import Report
from matrass.doctor.report import examine as examine_machine

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Distributed matrices on MPI ranks.",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version("matrass"))
        raise typer.Exit


@app.callback()
def matrass(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Distributed matrices on MPI ranks."""


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show which MPI, launcher, ScaLAPACK and BLAS are in use, and one fix line for each problem.

    The exit code is 1 if ranks cannot run here.
    """
    report = examine_machine()
    if as_json:
        problems = [vars(problem) for problem in report.problems]
        typer.echo(json.dumps({"facts": report.facts, "problems": problems}, indent=2))
    else:
        _print_report(report)
    raise typer.Exit(0 if report.healthy else 1)


@app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def run(
    script: Annotated[Path, typer.Argument(help="A Python script; it runs on every rank.")],
    arguments: Annotated[list[str] | None, typer.Argument(help="The script's own.")] = None,
    ranks: Annotated[int, typer.Option("-n", "--ranks", min=1, help="How many.")] = 2,
) -> None:
    """Run a Python script on N ranks of this machine, with the launcher of the right MPI."""
    if not (script.exists() or str(script).startswith("-")):  # -m MODULE is Python's own
        typer.echo(f"matrass: error: run: script must be a file: got {script}", err=True)
        raise typer.Exit(2)
    launcher, problems = launchers.find(which_mpi.installation())
    if launcher is None:
        typer.echo(f"matrass: error: {problems[0]}", err=True)
        raise typer.Exit(1)
    program = [sys.executable, str(script), *(arguments or [])]
    command = [*launchers.command(launcher, ranks), *program]
    os.execve(command[0], command, launchers.environment(ranks))


def _print_report(report: Report) -> None:
    """Print what was found, then each problem with its fix; unwrapped, for copying."""
    console = Console(highlight=False, soft_wrap=True)
    for name, value in report.facts.items():
        console.print(Text.assemble((f"{name:<11} ", "bold"), value))
    for problem in report.problems:
        kind, style = ("problem", "bold red") if problem.fatal else ("advice", "bold yellow")
        console.print(Text.assemble((f"{kind}: ", style), problem.what))
        console.print(Text.assemble(("  fix: ", "bold"), problem.fix))
    if report.healthy:
        console.print(Text("Ranks can run here.", style="green"))


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
