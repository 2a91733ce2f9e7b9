# SPDX-License-Identifier: BSD-3-Clause
"""The benchmark's figures as the Markdown tables of docs/redistribution.md. `run.py --table`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

Lines = list[dict[str, Any]]


def tables(lines: Lines) -> str:
    """The cases, then the sizes; times in ms."""
    return "\n".join([*cases(lines), "", *growth(lines)])


def cases(lines: Lines) -> Iterator[str]:
    ways = ["own memory", "adopted", "messages", "pdgemr2d", "plain copy"]
    yield row(["ms", *ways, "speed: of the copy", "of pdgemr2d", "page faults"])
    yield row(["---"] * 9)
    for line in lines:
        if line.get("mode") != "cases" or "pdgemr2d_ms" not in line or line["letter"] == "i":
            continue
        names = ("ours_ms", "adopted_ms", "message_ms", "pdgemr2d_ms")
        copy = min(line["memcpy_ms"], line["streamed_ms"])
        times = [ms(time) for time in [*(line[name] for name in names), copy]]
        speed = [f"{line['x_copy']:.2f}", f"{line['x_pdgemr2d']:.1f}"]
        yield row([f"{line['letter']}: {line['case']}", *times, *speed, str(line["faults"])])


def growth(lines: Lines) -> Iterator[str]:
    found = {
        (line["ranks"], line["letter"], line["bytes"]): line
        for line in lines
        if line.get("mode") == "growth" and "ms" in line
    }
    sizes = sorted({size for _, _, size in found})
    yield row(["ms", *(f"{size / 1e6:.0f} MB" for size in sizes)])
    yield row(["---"] * (len(sizes) + 1))
    for ranks in sorted({ranks for ranks, _, _ in found}):
        ways = [(letter, letter, "ms") for letter in "bc"] + [("plain copy", "b", "copy_ms")]
        for name, letter, key in ways:
            mine = [found.get((ranks, letter, size)) for size in sizes]
            many = any(line and line.get("oversubscribed") for line in mine)
            head = f"{name}, {ranks} rank{'s' if ranks > 1 else ''}"
            head += " (more than cores)" if many else ""
            yield row([head, *(ms(line[key]) if line else "" for line in mine)])


def row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def ms(time: float) -> str:
    return f"{time:.0f}" if time >= 10 else f"{time:.2g}"
