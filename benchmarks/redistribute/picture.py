# SPDX-License-Identifier: BSD-3-Clause
"""The picture of the benchmark: how fast each case is, and how time grows with the size.

``run.py --picture FILE.svg`` calls it. The same lines give the same file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

Lines = list[dict[str, Any]]

# Name in the lines, name in the picture, colour (Okabe and Ito's, for colour-blind people, too).
WAYS = (
    ("ours", "matrass, its own memory", "#0072b2"),
    ("adopted", "matrass, adopted memory", "#56b4e9"),
    ("message", "matrass, MPI messages", "#009e73"),
    ("pdgemr2d", "ScaLAPACK pdgemr2d", "#e69f00"),
)
OF_RANKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
COPY = "0.25"
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


def draw(lines: Lines, path: Path) -> None:
    """Write the picture of the lines that run.py printed; what there is none of stays empty.

    Parameters
    ----------
    lines : list of dict
        Those of the modes "cases" and "growth" are drawn.
    path : Path
        Ends in .svg.
    """
    cases = [line for line in lines if line.get("mode") == "cases" and "message_ms" in line]
    cases = [line for line in cases if line["letter"] in tuple("abcde")]
    growth = [line for line in lines if line.get("mode") == "growth" and "ms" in line]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.2, 4.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1.15, 1))
        draw_cases(left, cases)
        draw_growth(right, growth)
        figure.supxlabel(caption(cases, growth), fontsize=8, color="0.25", x=0.01, ha="left")
        title = "Redistribution: GB/s of each case, and time by size"
        metadata = {"Title": title, "Date": None, "Creator": None}
        figure.savefig(path, format="svg", metadata=metadata)


def caption(cases: Lines, growth: Lines) -> str:
    """What the words mean. Lines may be marked "disturbed" by hand."""
    text = (
        "copy: each rank copies as many bytes as it holds, by memcpy or with stores past the "
        "cache, whichever is faster.\nGB/s: the bytes of the whole matrix, by the median time."
    )
    if cases:
        first, ranks = cases[0], cases[0]["ranks"]
        text += f" Left: {ranks} ranks, {first['m']} x {first['n']} doubles"
        tall = [line for line in cases if line["m"] != first["m"]]
        text += "".join(f" (tall: {line['m']:,} x {line['n']})" for line in tall[:1]) + "."
    if any(line.get("disturbed") for line in cases + growth):
        text += " Other programs ran at times."
    return text


def draw_cases(axes: Axes, cases: Lines) -> None:
    """Bars of GB/s, one group a case, and a line across each group for the copy."""
    thick = 0.2
    fastest = max((line["copy_GB_per_s"] for line in cases), default=0)
    for at, line in enumerate(cases):
        for number, (name, label, colour) in enumerate(WAYS):
            if f"{name}_ms" not in line:
                continue
            speed = line["bytes"] / line[f"{name}_ms"] / 1e6
            place = at + (number - 1.5) * thick
            axes.barh(place, speed, thick * 0.9, color=colour, label=label if at == 0 else None)
            inside = speed > 0.15 * fastest
            side, shade = ("right", "white") if inside else ("left", "0.25")
            axes.text(speed, place, f" {speed:.3g} ", va="center", ha=side, size=7, color=shade)
        label = "plain copy" if at == 0 else None
        reach = [at - 2.3 * thick, at + 2.3 * thick]
        axes.plot([line["copy_GB_per_s"]] * 2, reach, color=COPY, lw=2, label=label)
    names = [f"{line['letter']}: " + line["case"].replace(" -> ", "\n→ ") for line in cases]
    axes.set_yticks(range(len(cases)), names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set(xlabel="GB/s", title="How fast")
    if cases:
        axes.legend(loc="upper center", bbox_to_anchor=(0.3, -0.13), ncols=2, fontsize=8)


def draw_growth(axes: Axes, growth: Lines) -> None:
    """Time by size: a colour for each number of ranks, a line style for each case."""
    ranks = sorted({line["ranks"] for line in growth})
    letters = sorted({line["letter"] for line in growth})
    for colour, p in zip(OF_RANKS, ranks, strict=False):
        for letter, style in zip(letters, ("o-", "s--"), strict=False):
            mine = [line for line in growth if (line["ranks"], line["letter"]) == (p, letter)]
            many = any(line.get("oversubscribed") for line in mine)
            label = f"{letter}, {p} rank{'s' if p > 1 else ''}"
            label += " (more than cores)" if many else ""
            plot(axes, mine, "ms", style, color=colour, label=label)
    for p in [p for p in ranks if p == 2] or ranks[:1]:
        mine = [line for line in growth if (line["ranks"], line["letter"]) == (p, letters[0])]
        plot(axes, mine, "copy_ms", "-", color=COPY, lw=2, label=f"plain copy, {p} ranks")
    axes.set(xscale="log", yscale="log", xlabel="matrix", ylabel="ms")
    axes.set_title("How time grows with the size")
    axes.xaxis.set_major_locator(FixedLocator([10.0**k for k in range(6, 12)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda size, _: bytes_in_words(size)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda ms, _: f"{ms:g}"))
    axes.grid(color="0.9", lw=0.6)
    if growth:
        axes.legend(loc="upper center", bbox_to_anchor=(0.42, -0.13), ncols=2, fontsize=8)


def plot(axes: Axes, lines: Lines, key: str, style: str, **options: Any) -> None:
    points = sorted((line["bytes"], line[key]) for line in lines)
    axes.plot(*zip(*points, strict=True), style, ms=3.5, **({"lw": 1.2} | options))


def bytes_in_words(size: float) -> str:
    return f"{size / 1e9:g} GB" if size >= 1e9 else f"{size / 1e6:g} MB"
