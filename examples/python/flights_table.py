# SPDX-License-Identifier: BSD-3-Clause
"""What the demo prints: the matrix, steps, transfers, components in words, airlines, checks.

Next: flights_picture.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable

    import matrass as mt
    import pandas as pd
    from flights_check import Check, Reference
    from flights_data import Description
    from matrass.session import RemoteMatrix
    from matrass.session.transfers import Transfer
    from numpy.typing import NDArray

SHOWN = 8
"""Components that are put into words."""

# mpiexec passes the output on through a pipe, of which nobody knows the width.
CONSOLE = Console(width=100, highlight=False)


def print_table(
    title: str, head: tuple[str, ...], rows: list[tuple[str, ...]], right: tuple[int, ...] = ()
) -> None:
    """Print aligned columns; those in `right` are aligned to the right."""
    CONSOLE.print(f"[bold]{title}")
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=any(head))
    for j, text in enumerate(head):
        table.add_column(text, justify="right" if j in right else "left")
    for row in rows:
        table.add_row(*row)
    CONSOLE.print(table)
    CONSOLE.print()


def print_matrix(
    grid: tuple[int, int],
    flights: Description,
    matrices: list[mt.DistMatrix] | list[RemoteMatrix],
    reference: Reference,
) -> None:
    """Print what was read, what was left out and why, and how the matrix is dealt out."""
    m, n = flights.shape
    a = matrices[0]
    rows = [("flights", f"{flights.rows_read:,} read, {flights.rows_read - m:,} left out:")]
    rows += [("", f"{count:>7,}  {reason}") for reason, count in flights.dropped.items() if count]
    rows += [
        ("matrix", f"{m:,} x {n} of {a.dtype}, {a.nbytes / 1e6:.0f} MB, every column standardised"),
        ("ranks", f"{grid[0] * grid[1]}, as a grid of {grid[0]} x {grid[1]}"),
        ("layouts", ", then ".join(describe(matrix) for matrix in matrices)),
        ("rank", rank_in_words(flights, reference)),
    ]
    if flights.constant:
        rows.append(("constant", f"left out: {', '.join(flights.constant)}"))
    names = flights.columns
    equal = [f"{names[i]} = {names[j]}" for i, j in reference.duplicates()]
    if equal:
        rows.append(("duplicates", ", ".join(equal[:4]) + (", ..." if len(equal) > 4 else "")))
    print_table("The flights that left New York City in 2013", ("", ""), rows)


def describe(a: mt.DistMatrix | RemoteMatrix) -> str:
    """Put a layout into words."""
    return f"{a.layout} in blocks of {a.block[0]:,} x {a.block[1]}"


def rank_in_words(flights: Description, reference: Reference) -> str:
    """Tell the rank of the matrix, and why it is less than the number of columns."""
    text = f"{reference.rank}, with {flights.shape[1]} columns"
    if reference.rank == flights.shape[1] - len(flights.groups):
        text += f": each of the {len(flights.groups)} one-hot groups adds up to a constant"
    return text


def print_seconds(seconds: dict[str, float]) -> None:
    """Print how long each step took on the slowest rank."""
    rows = [(step, f"{value:.2f}") for step, value in seconds.items()]
    print_table("Steps", ("", "seconds"), rows, right=(1,))


def print_transfers(transfers: Iterable[Transfer]) -> None:
    """Print what each rank was given, and how fast: a part of what ``print(s.transfers)`` says."""
    rows = [
        (
            str(line.rank),
            f"{line.what} {line.matrix}",
            str(line.tiles),
            *(f"{size / 1e6:.1f}" for size in (line.bytes, line.adopted, line.moved)),
            f"{line.seconds:.3f}",
            f"{line.rate:.2f}",
        )
        for line in transfers
    ]
    head = ("rank", "what", "chunks", "MB", "adopted", "moved", "seconds", "GB/s")
    print_table("Transfers", head, rows, right=(0, 2, 3, 4, 5, 6, 7))


def print_ridge(names: list[str], weights: NDArray[np.float64], explained: float) -> None:
    """Print what makes flights late, and how much of the lateness that explains."""
    rows = [
        ("late", strongest(weights, names, 5, least=0.01)),
        ("in time", strongest(-weights, names, 5, least=0.01)),
    ]
    print_table("Arrival delay, by ridge regression", ("", ""), rows)
    CONSOLE.print(
        f" What is known at departure explains {explained:.1%} of the variance of the delay.\n"
    )


def print_airlines(table: pd.DataFrame) -> None:
    """Print how many flights each airline has, and their mean score in the first components."""
    shown = min(SHOWN, table.shape[1] - 1)
    rows = [
        (name, f"{int(count):,}", *(f"{score:.2f}" for score in scores[:shown]))
        for name, count, *scores in table.sort_values("flights", ascending=False).itertuples()
    ]
    head = ("airline", "flights", *(str(c + 1) for c in range(shown)))
    title = "Mean score of each airline's flights in the first components"
    print_table(title, head, rows, right=tuple(range(1, shown + 2)))


def print_components(
    names: list[str], loadings: NDArray[np.float64], share: NDArray[np.float64]
) -> None:
    """Print what each of the first components sets against what."""
    rows = []
    for c in range(min(SHOWN, len(share))):
        ends = [strongest(loadings[:, c] * sign, names) for sign in (1, -1)]
        rows.append((str(c + 1), f"{share[c]:.1%}", f"{ends[0]}\n  against {ends[1]}"))
    head = ("", "variance", "the columns that weigh most")
    print_table("Principal components", head, rows, right=(0, 1))
    k, n = len(share), len(names)
    CONSOLE.print(f" {k} components explain {share.sum():.1%} of the variance of {n} columns.\n")


def strongest(
    weights: NDArray[np.float64], names: list[str], count: int = 3, least: float = 0.1
) -> str:
    """Name the columns with the largest positive weights, if they weigh anything."""
    order = np.argsort(-weights)[:count]
    text = ", ".join(f"{names[j]} {weights[j]:.2f}" for j in order if weights[j] >= least)
    return text or "nothing much"


def print_checks(checks: list[Check], title: str = "Checked against NumPy") -> None:
    """Print each check with its bound; one that fails cannot be overlooked."""
    rows = [
        (c.what, f"{c.value:.1e}", f"{c.bound:.1e}", "ok" if c.holds else "[bold red]FAILED")
        for c in checks
    ]
    print_table(title, ("", "measured", "bound", ""), rows, right=(1, 2))
    failed = sum(not c.holds for c in checks)
    verdict = f"[bold red]{failed} of {len(checks)} checks FAILED" if failed else "all checks hold"
    CONSOLE.print(f" {verdict}\n")
