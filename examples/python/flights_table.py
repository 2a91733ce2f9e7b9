# SPDX-License-Identifier: BSD-3-Clause
"""What the demo prints: the matrix, the time of each step, the components in words, the checks.

Next: flights_picture.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import matrass as mt
    from flights_check import Check, Reference
    from flights_data import Flights
    from numpy.typing import NDArray

SHOWN = 8
"""Components that are put into words."""


def print_table(title: str, rows: list[tuple[str, ...]], right: tuple[int, ...] = ()) -> None:
    """Print aligned columns under a title; the columns in `right` are aligned to the right."""
    widths = [max(len(row[j]) for row in rows) for j in range(len(rows[0]))]
    print(f"\n{title}")
    for row in rows:
        cells = [
            text.rjust(width) if j in right else text.ljust(width)
            for j, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())


def print_report(
    grid: mt.Grid,
    flights: Flights,
    a: mt.DistMatrix,
    b: mt.DistMatrix,
    pca: Any,
    loadings: NDArray[np.float64],
    reference: Reference,
    seconds: dict[str, float],
) -> None:
    """Print everything but the checks."""
    m, n = flights.shape
    left_out = flights.rows_read - m
    rows = [("flights", f"{flights.rows_read:,} read, {left_out:,} left out:")]
    rows += [("", f"{count:>7,}  {reason}") for reason, count in flights.dropped.items() if count]
    rows += [
        ("matrix", f"{m:,} x {n} of {a.dtype}, {a.nbytes / 1e6:.0f} MB, every column standardised"),
        ("ranks", f"{grid.size}, as a grid of {grid.shape[0]} x {grid.shape[1]}"),
        ("layouts", f"{describe(a)}, then {describe(b)}"),
        ("rank", rank_in_words(flights, reference)),
    ]
    if flights.constant:
        rows.append(("constant", f"left out: {', '.join(flights.constant)}"))
    names = flights.columns
    pairs = [f"{names[i]} = {names[j]}" for i, j in reference.duplicates()]
    if pairs:
        rows.append(("duplicates", ", ".join(pairs[:4]) + (", ..." if len(pairs) > 4 else "")))
    print_table("The flights that left New York City in 2013", rows)

    print_table("Seconds", [(step, f"{value:.2f}") for step, value in seconds.items()], right=(1,))

    share = pca.explained_variance_ratio
    k = len(share)
    rows = [("", "variance", "at one end", "at the other")]
    for c in range(min(SHOWN, k)):
        up, down = (strongest(loadings[:, c] * sign, names) for sign in (1, -1))
        rows.append((str(c + 1), f"{share[c]:.1%}", up, down))
    print_table("Principal components, and the columns that weigh most in them", rows, right=(0, 1))
    print(f"  {k} components explain {share.sum():.1%} of the variance of {n} columns.")


def describe(a: mt.DistMatrix) -> str:
    """A layout in words."""
    return f"{a.layout} in blocks of {a.block[0]:,} x {a.block[1]}"


def rank_in_words(flights: Flights, reference: Reference) -> str:
    """The rank of the matrix, and why it is less than the number of columns."""
    text = f"{reference.rank}, with {flights.shape[1]} columns"
    if reference.rank == flights.shape[1] - len(flights.groups):
        text += f": each of the {len(flights.groups)} one-hot groups adds up to a constant"
    return text


def strongest(weights: NDArray[np.float64], names: list[str], count: int = 3) -> str:
    """The columns with the largest positive weights, if they weigh anything."""
    order = np.argsort(-weights)[:count]
    return ", ".join(f"{names[j]} {weights[j]:.2f}" for j in order if weights[j] >= 0.1)


def print_checks(checks: list[Check]) -> None:
    """Print each check with its bound; one that fails cannot be overlooked."""
    rows = [("", "measured", "bound", "")]
    rows += [
        (check.what, f"{check.value:.1e}", f"{check.bound:.1e}", "ok" if check.holds else "FAILED")
        for check in checks
    ]
    print_table("Checked against NumPy", rows, right=(1, 2))
    failed = sum(not check.holds for check in checks)
    print(f"  {failed} of {len(checks)} checks FAILED\n" if failed else "  all checks hold\n")
