# SPDX-License-Identifier: BSD-3-Clause
"""The picture of flights_spark.py: how long each step took, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import flights_picture
import matplotlib.pyplot as plt
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from flights_spark import Decomposition
    from flights_spark_frame import FlightsFrame
    from matplotlib.axes import Axes

STEPS = {
    "transfer": ("rows to where it is computed", "#56b4e9"),
    "compute": ("truncated SVD", "#0072b2"),
    "fetch": ("left vectors back to Spark", "#e69f00"),
}


def draw(path: Path, flights: FlightsFrame, mllib: Decomposition, ours: Decomposition) -> None:
    """Draw seconds and singular values of both, and what the first vectors are made of."""
    m, n = flights.shape
    share = ours.s**2 / (m * n)  # every column has variance 1
    figure = plt.figure(figsize=(15, 8.5), layout="constrained")
    figure.suptitle(
        f"{m:,} flights from New York City, {n} columns: a rank-{len(ours.s)} SVD in Spark, "
        "by MLlib and by matrass",
        fontsize=16,
    )
    left, right = figure.subfigures(1, 2, width_ratios=(1, 1.15))
    top, bottom = left.subplots(2, 1, height_ratios=(1, 1.4))
    draw_seconds(top, [mllib, ours])
    draw_values(bottom, mllib, ours)
    flights_picture.draw_loadings(right.subplots(), flights.columns, ours.v, share)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_seconds(axes: Axes, found: list[Decomposition]) -> None:
    """Draw a bar for each, step after step."""
    for place, each in enumerate(found):
        end = 0.0
        for step, (label, colour) in STEPS.items():
            seconds = each.seconds[step]
            axes.barh(place, seconds, 0.6, end, color=colour, label=None if place else label)
            end += seconds
        axes.text(end, place, f" {end:.2f} s", va="center")
    axes.set_yticks(range(len(found)), [each.name for each in found])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set(title="From a DataFrame to a DataFrame", xlabel="seconds")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")


def draw_values(axes: Axes, mllib: Decomposition, ours: Decomposition) -> None:
    """Draw the singular values of both over each other."""
    axes.plot(
        np.arange(len(mllib.s)) + 1, mllib.s, "o", ms=9, mfc="none", color="0.4", label="MLlib"
    )
    label = f"matrass: truncated_svd(A, {len(ours.s)})"
    colour = flights_picture.RANK_COLOURS[0]
    axes.plot(np.arange(len(ours.s)) + 1, ours.s, "o", ms=4, color=colour, label=label)
    axes.set(title="Singular values", xlabel="component", ylabel="singular value", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper right")
