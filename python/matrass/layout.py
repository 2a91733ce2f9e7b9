# SPDX-License-Identifier: BSD-3-Clause
"""The names of the layouts: how each axis of a matrix is dealt to a process grid. Needs no MPI.

Next: ``grid.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from matrass.errors import LayoutError

__all__ = ["Dist", "Layout"]


class Dist(Enum):
    """How one axis is dealt out over an r x c process grid."""

    MC = "over the r processes of a grid column"
    MR = "over the c processes of a grid row"
    MD = "over the lcm(r, c) processes of one diagonal"
    VC = "over all processes in column-major order"
    VR = "over all processes in row-major order"
    STAR = "not dealt: every process has all of it"
    CIRC = "only one process has it"


_NAMES = (
    "MC,MR MC,STAR MD,STAR MR,MC MR,STAR STAR,MC STAR,MD "
    "STAR,MR STAR,STAR STAR,VC STAR,VR VC,STAR VR,STAR CIRC,CIRC"
)
_LEGAL = frozenset(_NAMES.split())


@dataclass(frozen=True)
class Layout:
    """One of the 14 legal pairs of distributions.

    Parameters
    ----------
    name : str or Layout
        Such as ``"VC,STAR"``, ``"[VC,STAR]"``, ``"VC,*"`` or ``"VC_STAR"``.

    Attributes
    ----------
    col : Dist
        How the indices within a column, that is the rows, are dealt.
    row : Dist
        How the indices within a row, that is the columns, are dealt.

    Raises
    ------
    LayoutError
        If the name is no legal pair.

    Examples
    --------
    >>> print(Layout("VC,*"))
    [VC,STAR]
    >>> Layout("MC,MR").T
    Layout('[MR,MC]')

    References
    ----------
    Elemental; Alchemist (paper 001), section VI.B.
    """

    col: Dist
    row: Dist

    def __init__(self, name: str | Layout) -> None:
        text = str(name).strip().strip("[]").replace("_", ",").replace("*", "STAR")
        pair = ",".join(part.strip() for part in text.split(","))
        if pair not in _LEGAL:
            raise LayoutError(
                f'layout: must be one of {_NAMES}: got {str(name)!r} (for example "VC,STAR")'
            )
        col, row = pair.split(",")
        object.__setattr__(self, "col", Dist[col])
        object.__setattr__(self, "row", Dist[row])

    @property
    def T(self) -> Layout:  # noqa: N802
        """The layout of the transposed matrix."""
        return Layout(f"{self.row.name},{self.col.name}")

    def __str__(self) -> str:
        return f"[{self.col.name},{self.row.name}]"

    def __repr__(self) -> str:
        return f"Layout({str(self)!r})"
