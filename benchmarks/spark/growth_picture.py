# SPDX-License-Identifier: BSD-3-Clause
"""The picture of ``growth.py``: seconds of both, phase by phase, and what is beyond arithmetic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

# Okabe and Ito's colours, which colour-blind people can tell apart.
PHASES = (
    ("transfer", "rows to where it is computed", "#56b4e9"),
    ("compute", "decomposition", "#0072b2"),
    ("fetch", "scores back to a DataFrame", "#e69f00"),
)
SYSTEMS = (("mllib", "Spark MLlib", "#d55e00"), ("matrass", "Spark and matrass", "#0072b2"))
MEASURES = (("beyond_numpy", ", beyond NumPy's SVD", "o-"), ("overhead", ", its own steps", "s:"))
WIDTH = 0.38
STYLE = {
    "svg.fonttype": "none",  # text as text
    "svg.hashsalt": "matrass",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "legend.frameon": False,
    "figure.facecolor": "white",  # on dark pages, too
}


def draw(found: dict[str, Any], path: Path) -> None:
    """Write the picture of what growth.py measured; `path` ends in .svg or .png."""
    points, cap = found["points"], found["cap"]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 4.6), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.55, 1))
        draw_seconds(left, points, cap)
        draw_overhead(right, points)
        figure.supxlabel(caption(found), fontsize=8, color="0.25", x=0.01, ha="left")
        svg = {"Title": "Rank-20 SVD by Spark and by matrass", "Date": None, "Creator": None}
        metadata = svg if path.suffix == ".svg" else None
        figure.savefig(path, metadata=metadata, dpi=150)


def caption(found: dict[str, Any]) -> str:
    """What the words mean."""
    opened = max((p["matrass"].get("opened", 0) for p in found["points"]), default=0)
    k, ranks = found["points"][0]["k"], found["ranks"]
    return (
        f"Rank-{k} SVD of a cached DataFrame of arrays, left singular vectors back as "
        f"a cached DataFrame; Spark local[{ranks}], {ranks} ranks.\n"
        "NumPy's SVD: Gram matrix, eigh and scores of a matrix in memory. Own steps: MLlib's, as "
        "many products by NumPy as it made; of matrass,\nits decomposition. "
        f"Not in the bars: a session is opened once, in {opened:.1f} s at most."
    )


def draw_seconds(axes: Axes, points: list[dict[str, Any]], cap: float) -> None:
    """Two stacks a size, each with its total."""
    highest = max((total_of(p[name], cap) for p in points for name, *_ in SYSTEMS), default=1)
    labelled: set[str] = set()
    for at, point in enumerate(points):
        for number, (system, *_) in enumerate(SYSTEMS):
            place = at + (number - 0.5) * (WIDTH + 0.04)
            run, top = point[system], 0.0
            if not run["finished"]:
                axes.bar(place, cap, WIDTH, color="0.93", edgecolor="0.5", hatch="///", lw=0.5)
                top, text = cap, f"> {cap:g} s"
            else:
                for phase, words, colour in PHASES:
                    seconds = run["seconds"][phase]
                    mark = words if phase not in labelled else None
                    labelled.add(phase)
                    axes.bar(place, seconds, WIDTH, top, color=colour, label=mark)
                    top += seconds
                text = f"{top:.3g} s"
            axes.text(place, top + 0.01 * highest, text, ha="center", va="bottom", size=7.5)
    axes.set_xticks(range(len(points)), [size_of(point) for point in points])
    sides = [at + side * (WIDTH + 0.04) / 2 for at in range(len(points)) for side in (-1, 1)]
    axes.set_xticks(sides, ["MLlib", "matrass"] * len(points), minor=True, size=6.5)
    axes.tick_params(axis="x", which="both", length=0)
    axes.tick_params(axis="x", which="major", pad=14)
    axes.set(ylabel="seconds", xlabel="rows of 1,000 numbers", ylim=(0, 1.14 * highest))
    axes.set_title("From a DataFrame to a DataFrame")
    axes.legend(loc="upper left", fontsize=8)


def total_of(run: dict[str, Any], cap: float) -> float:
    return sum(run["seconds"].values()) if run["finished"] else cap


def size_of(point: dict[str, Any]) -> str:
    size = point["rows"] * point["columns"] * 8
    words = f"{size / 1e9:g} GB" if size >= 1e9 else f"{size / 1e6:g} MB"
    return f"{point['rows']:,}\n{words}"


def draw_overhead(axes: Axes, points: list[dict[str, Any]]) -> None:
    """How many times the seconds of the arithmetic are lost beside it."""
    for system, label, colour in SYSTEMS:
        runs = [(point["rows"], point[system]) for point in points if point[system]["finished"]]
        for key, words, style in MEASURES:
            beyond = [(rows, run[key]) for rows, run in runs if run[key] > 0]
            axes.plot(*zip(*beyond, strict=True), style, color=colour, ms=4, label=label + words)
            for rows, value in beyond[:: max(1, len(beyond) - 1)]:
                axes.annotate(
                    f"{value:.2g}", (rows, value), (0, 5), textcoords="offset points",
                    ha="center", size=7.5, color=colour,
                )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel="seconds beyond it, in units of it")
    axes.set_title("Overhead: what is no arithmetic")
    axes.xaxis.set_major_locator(FixedLocator([point["rows"] for point in points]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda rows, _: thousands(rows)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.margins(y=0.12)
    axes.grid(color="0.9", lw=0.6)
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.13), fontsize=7.5)


def thousands(rows: float) -> str:
    return f"{rows / 1e3:.3g}k"
