# SPDX-License-Identifier: BSD-3-Clause
"""The picture of the demo: the spectrum, what the components are made of, and who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib

matplotlib.use("Agg")  # a file, no window
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

if TYPE_CHECKING:
    from pathlib import Path

    import matrass as mt
    from flights_check import Reference
    from flights_data import Description
    from matplotlib.axes import Axes
    from matrass.session import RemoteMatrix
    from numpy.typing import NDArray

    Held = tuple[NDArray[np.int64], NDArray[np.int64]]

RANK_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"]
"""Okabe and Ito's colours, which colour-blind people can tell apart; used again after the sixth."""

COMPONENTS = 8  # columns of the heat map
STRONGEST = 5  # columns of A that each of them brings into it


@dataclass(frozen=True)
class OwnerMap:
    """Which rank holds each element of some rows of a matrix."""

    title: str
    owner: NDArray[np.int64]  # one row for each row shown
    rows: tuple[int, int]  # the rows shown lie in [rows[0], rows[1])
    ranks: int


def held(_: mt.Grid, a: mt.DistMatrix) -> Held:
    """The rows and columns that this rank holds of a matrix."""
    return a.local_rows, a.local_cols


def owner_map(
    a: mt.DistMatrix | RemoteMatrix, held: list[Held], first: int | None = None
) -> OwnerMap:
    """Who holds what of the first `first` rows, or of all; `held` is what every rank says.

    A matrix with far more rows than a picture is sampled.
    """
    m, n = a.shape
    end = min(m, first or m)
    shown = np.unique(np.linspace(0, end - 1, 600).astype(int))
    owner = np.full((len(shown), n), -1)
    for rank, (rows, cols) in enumerate(held):
        owner[np.ix_(np.isin(shown, rows), cols)] = rank
    part = f"all {m:,} rows" if end == m else f"the first {end} rows"
    title = f"{a.layout} in blocks of {a.block[0]:,} x {a.block[1]}\n{part}"
    return OwnerMap(title, owner, (0, end), len(held))


def draw(
    path: Path,
    flights: Description,
    owners: list[OwnerMap],
    *,
    reference: Reference,
    singular_values: NDArray[np.float64],
    loadings: NDArray[np.float64],
    share: NDArray[np.float64],
) -> None:
    """Draw the picture; on one rank. `share` is the part of the variance that each explains."""
    m, n = flights.shape
    figure = plt.figure(figsize=(15, 10.5), layout="constrained")
    figure.suptitle(
        f"{m:,} flights from New York City, {n} columns: "
        f"the first {len(share)} components hold {share.sum():.0%} of the variance",
        fontsize=16,
    )
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    top, bottom = left.subfigures(2, 1, height_ratios=(1, 1))
    draw_spectrum(top.subplots(), singular_values, reference)
    for axes, owner in zip(bottom.subplots(1, len(owners)), owners, strict=True):
        draw_owners(axes, owner)
    ranks = range(owners[0].ranks)
    bottom.legend(
        handles=[Patch(color=RANK_COLOURS[rank % 6], label=f"rank {rank}") for rank in ranks],
        loc="outside lower center",
        ncols=len(ranks),
        frameon=False,
    )
    draw_loadings(right.subplots(), flights.columns, loadings, share)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_spectrum(axes: Axes, found: NDArray[np.float64], reference: Reference) -> None:
    """Draw all singular values by NumPy, and on top of them those of the truncated SVD."""
    s = reference.singular_values
    axes.plot(range(1, len(s) + 1), s, color="0.6", lw=2, label="NumPy: eigh of A.T @ A")
    label = f"matrass: truncated_svd(A, {len(found)})"
    axes.plot(range(1, len(found) + 1), found, "o", color=RANK_COLOURS[0], label=label)
    if reference.rank < len(s):
        axes.annotate(
            f"{len(s) - reference.rank} are zero",
            (len(s), 0),
            xytext=(-40, 25),
            textcoords="offset points",
            ha="right",
            arrowprops={"arrowstyle": "->", "color": "0.3"},
        )
    axes.set(title="Singular values", xlabel="component", ylabel="singular value", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")


def draw_loadings(
    axes: Axes, names: list[str], loadings: NDArray[np.float64], share: NDArray[np.float64]
) -> None:
    """Draw a heat map of the columns that weigh most in the first components."""
    first = loadings[:, :COMPONENTS]
    chosen: list[int] = []  # in the order in which the components bring them
    for weights in first.T:
        chosen += [j for j in np.argsort(-np.abs(weights))[:STRONGEST] if j not in chosen]
    values = first[chosen]
    limit = np.abs(values).max()
    image = axes.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        if abs(value) >= 0.1:
            colour = "white" if abs(value) > 0.6 * limit else "black"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", color=colour, fontsize=8)
    ticks = range(first.shape[1])
    axes.set_xticks(ticks, [f"{c + 1}\n{share[c]:.1%}" for c in ticks])
    axes.set_yticks(range(len(chosen)), [names[j] for j in chosen])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(
        title="What the components are made of",
        xlabel="principal component, and its share of the variance",
    )
    axes.figure.colorbar(image, ax=axes, label="loading", shrink=0.5, pad=0.02)


def draw_owners(axes: Axes, shown: OwnerMap) -> None:
    """Draw the elements of a matrix, coloured by the rank that holds them."""
    colours = ListedColormap([RANK_COLOURS[rank % 6] for rank in range(shown.ranks)])
    axes.imshow(
        shown.owner,
        cmap=colours,
        vmin=-0.5,
        vmax=shown.ranks - 0.5,
        aspect="auto",
        interpolation="nearest",
        extent=(0, shown.owner.shape[1], shown.rows[1], shown.rows[0]),
    )
    axes.set_title(shown.title, fontsize=11)
    axes.set(xlabel="column", ylabel="row")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=8)
