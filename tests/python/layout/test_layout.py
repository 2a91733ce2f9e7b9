# SPDX-License-Identifier: BSD-3-Clause
"""Layout: the 14 legal pairs, their spellings, and everything that is none of them."""

import itertools
import pickle

import matrass as mt
import pytest
from reference import LAYOUTS

NAMES = ("MC", "MR", "MD", "VC", "VR", "STAR", "CIRC")
ILLEGAL = [
    f"{col},{row}" for col, row in itertools.product(NAMES, NAMES) if f"{col},{row}" not in LAYOUTS
]


def test_there_are_fourteen():
    assert len(set(LAYOUTS)) == 14
    assert len(ILLEGAL) == 35


@pytest.mark.parametrize("name", LAYOUTS)
def test_parsing_and_printing(name):
    layout = mt.Layout(name)
    col, row = name.split(",")
    assert str(layout) == f"[{col},{row}]"
    assert (layout.col.name, layout.row.name) == (col, row)
    spellings = (str(layout), name.replace(",", "_"), name.replace("STAR", "*"), f" [{col}, {row}]")
    for spelling in spellings:
        assert mt.Layout(spelling) == layout
        assert hash(mt.Layout(spelling)) == hash(layout)
    assert mt.Layout(layout) == layout
    assert repr(layout) == f"Layout('[{col},{row}]')"
    assert pickle.loads(pickle.dumps(layout)) == layout


@pytest.mark.parametrize("name", LAYOUTS)
def test_transposed(name):
    col, row = name.split(",")
    assert str(mt.Layout(name).T) == f"[{row},{col}]"
    assert mt.Layout(name) == mt.Layout(name).T.T


def test_different_layouts_are_different():
    assert len({mt.Layout(name) for name in LAYOUTS}) == 14
    assert mt.Layout("MC,MR") != mt.Layout("MR,MC")


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_pairs(name):
    with pytest.raises(mt.LayoutError, match=f"got '{name}'"):
        mt.Layout(name)


@pytest.mark.parametrize(
    "text",
    [
        *("", "MC", "MC,MR,VC", "mc,mr", "rows", ",", "[,]", "VC;STAR", "VC STAR", "[VC,STAR],"),
        *(None, 3, ("VC", "STAR"), b"VC,STAR", ["MC,MR"]),
    ],
)
def test_what_is_no_layout(text):
    with pytest.raises(mt.LayoutError, match=r"^layout: must be one of .*: got ") as caught:
        mt.Layout(text)
    assert "\n" not in str(caught.value)


def test_a_layout_does_not_change():
    layout = mt.Layout("VC,STAR")
    with pytest.raises(AttributeError):
        layout.col = layout.row
