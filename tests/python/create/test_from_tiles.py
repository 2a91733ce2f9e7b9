# SPDX-License-Identifier: BSD-3-Clause
"""from_tiles: any rectangles on any ranks in any strides; overlaps, holes and other faults."""

import itertools
import random
import re

import matrass as mt
import numpy as np
import pytest
from hypothesis import strategies as st
from reference import DTYPES, LAYOUTS, raised_together, whole
from spmd import given_together

FORMS = ("C", "F", "strided", "every second", "up", "left", "transposed", "read-only", "frozen C")
STEPS = {"strided": (2, 3), "every second": (2, 2)}


def as_form(tile, form):
    """The same elements in other strides."""
    if form == "C":
        return np.ascontiguousarray(tile)
    if form in STEPS:
        i, j = STEPS[form]
        return np.repeat(np.repeat(tile, i, axis=0), j, axis=1)[::i, ::j]
    if form == "up":
        return tile[::-1].copy()[::-1]
    if form == "left":
        return tile[:, ::-1].copy("F")[:, ::-1]
    if form == "transposed":
        return tile.T.copy().T
    copy = tile.copy("C" if form == "frozen C" else "F")
    copy.flags.writeable = form == "F"
    return copy


@st.composite
def splits(draw, corner, size, depth):
    """Guillotine cuts, and pinwheels of five tiles, which no straight cut divides."""
    (i0, j0), (m, n) = corner, size
    if depth == 0 or m * n == 0 or draw(st.integers(0, 3)) == 0:
        return [(i0, j0, m, n)]
    again = lambda i, j, h, w: draw(splits((i, j), (h, w), depth - 1))  # noqa: E731
    if m >= 3 and n >= 3 and draw(st.booleans()):
        a, b = sorted(draw(st.sets(st.integers(1, m - 1), min_size=2, max_size=2)))
        c, d = sorted(draw(st.sets(st.integers(1, n - 1), min_size=2, max_size=2)))
        return [
            *again(i0, j0, a, d),
            *again(i0, j0 + d, b, n - d),
            *again(i0 + b, j0 + c, m - b, n - c),
            *again(i0 + a, j0, m - a, c),
            *again(i0 + a, j0 + c, b - a, d - c),
        ]
    if draw(st.booleans()):
        k = draw(st.integers(0, m))  # 0 and m: an empty tile
        return [*again(i0, j0, k, n), *again(i0 + k, j0, m - k, n)]
    k = draw(st.integers(0, n))
    return [*again(i0, j0, m, k), *again(i0, j0 + k, m, n - k)]


@st.composite
def tilings(draw):
    """Shape, dtype, and (i0, j0, rows, columns, owner, form) of each tile; owners modulo ranks."""
    m, n = draw(st.integers(0, 24)), draw(st.integers(0, 24))
    boxes = draw(st.permutations(draw(splits((0, 0), (m, n), 4))))
    tiles = [(*box, draw(st.integers(0, 5)), draw(st.sampled_from(FORMS))) for box in boxes]
    return (m, n), draw(st.sampled_from(DTYPES)), tiles


def mine(comm, tiling):
    """This rank's tiles, cut out of `whole`."""
    (m, n), dtype, tiles = tiling
    x = whole(m, n, dtype)
    return [
        (i, j, as_form(x[i : i + h, j : j + w], form))
        for i, j, h, w, owner, form in tiles
        if owner % comm.size == comm.rank
    ]


def build(comm, tiles, shape, layout="MC,MR", block=None):
    return mt.from_tiles(mt.Grid(comm), tiles, shape, layout=layout, block=block)


@pytest.mark.ranks(1, 2, 3, 5, 6)
@pytest.mark.time_limit(180)
@given_together(
    tiling=tilings(), layout=st.sampled_from(LAYOUTS), block=st.sampled_from([1, 2, 3, 64, None])
)
def test_any_tiling(comm, tiling, layout, block):
    shape, dtype, _ = tiling
    tiles = mine(comm, tiling)
    before = [tile.copy() for _, _, tile in tiles]
    A = build(comm, tiles, shape, layout, block)
    assert A.dtype == np.dtype(dtype)
    assert np.array_equal(A.local, whole(*shape, dtype)[np.ix_(A.local_rows, A.local_cols)])
    for (_, _, tile), copy in zip(tiles, before, strict=True):
        assert np.array_equal(tile, copy)
        assert not np.shares_memory(tile, A.local)


SIZES = (1, 2, 3, 7, 8, 9, 63, 64, 65)
TARGETS = [("VC,STAR", 1), ("MC,MR", 3), ("MC,MR", 64)]


@pytest.mark.ranks(1, 2, 4, 5, 6)
@pytest.mark.parametrize("dtype", DTYPES)
def test_tiles_of_every_size_and_form(comm, dtype):
    """2 x 3 tiles and what is left at the ends, dealt to the ranks in turn."""
    draw = random.Random(f"{dtype} {comm.size}")
    for h, w in itertools.product(SIZES, SIZES):
        m, n = 2 * h + h // 2, 3 * w + w // 3
        x = whole(m, n, dtype)
        corners = list(itertools.product(range(0, m, h), range(0, n, w)))
        forms = draw.choices(FORMS, k=len(corners))
        given = [
            (i, j, as_form(x[i : i + h, j : j + w], form))
            for k, ((i, j), form) in enumerate(zip(corners, forms, strict=True))
            if k % comm.size == comm.rank
        ]
        layout, block = draw.choice(TARGETS)
        A = build(comm, given, x.shape, layout, block)
        assert np.array_equal(A.local, x[np.ix_(A.local_rows, A.local_cols)]), (h, w, layout, block)


def field_of_records(tile):
    """From one element to the next are no whole elements."""
    records = np.zeros(tile.shape, [("head", "i4"), ("x", tile.dtype), ("tail", "i1")])
    records["x"] = tile
    return records["x"]


def at_an_odd_address(tile):
    memory = np.zeros(tile.nbytes + 1, np.uint8)
    array = memory[1:].view(tile.dtype).reshape(tile.shape)
    array[...] = tile
    assert not array.flags.aligned
    return array


@pytest.mark.ranks(1, 2, 6)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", [field_of_records, at_an_odd_address])
def test_arrays_that_only_numpy_can_walk(comm, dtype, form):
    m, n = 11 * comm.size, 9
    x = whole(m, n, dtype)
    tile = form(x[11 * comm.rank :][:11])
    for layout, block in TARGETS:
        A = build(comm, [(11 * comm.rank, 0, tile)], (m, n), layout, block)
        assert A.dtype == np.dtype(dtype)
        assert np.array_equal(A.numpy(None), x)


@pytest.mark.ranks(1, 2, 6)
@pytest.mark.parametrize("dtype", DTYPES)
def test_broadcast_arrays(comm, dtype):
    """Stride 0: one number, row or column, read-only, in the memory of a whole tile."""
    h, w = 10, 70
    numbers = (np.arange(h * w) + 1000.0 * comm.rank).astype(dtype)
    for part in (numbers[:1, None], numbers[None, :w], numbers[:h, None]):
        tile = np.broadcast_to(part, (h, w))
        assert 0 in tile.strides
        expected = np.concatenate(comm.allgather(np.array(tile)))
        for layout, block in TARGETS:
            A = build(comm, [(h * comm.rank, 0, tile)], expected.shape, layout, block)
            assert np.array_equal(A.numpy(None), expected)


@pytest.mark.ranks(1, 2)
@pytest.mark.parametrize("dtype", DTYPES)
def test_bytes_in_the_other_order(comm, dtype):
    """Either understood or refused, on all ranks alike; never taken as they are."""
    x = whole(6, 5, dtype)
    swapped = x.astype(np.dtype(dtype).newbyteorder())
    given = [(0, 0, swapped)] if comm.rank == 0 else []
    try:
        A = build(comm, given, x.shape)
    except mt.DTypeError as error:
        outcome = str(error)
    else:
        outcome = "taken"
        assert np.array_equal(A.numpy(None), x)
    assert len(set(comm.allgather(outcome))) == 1


def add_overlap(tiles, k, shape):
    i, j, h, w, owner, form = tiles[k]
    return [*tiles, (i + h // 2, j + w // 2, h - h // 2, w - w // 2, owner + 1, form)]


def leave_hole(tiles, k, shape):
    return tiles[:k] + tiles[k + 1 :]


def shrink(tiles, k, shape):
    i, j, h, w, owner, form = tiles[k]
    return [*tiles[:k], (i, j, h - 1, w, owner, form), *tiles[k + 1 :]]


def move_away(tiles, k, shape):
    i, j, h, w, owner, form = tiles[k]
    return [*tiles[:k], (i, j + shape[1] + 1, h, w, owner, form), *tiles[k + 1 :]]


def name_of(tiles, k, size):
    """How errors name tile k: by its place among those of its rank."""
    i, j, h, w, owner, _ = tiles[k]
    number = sum(tile[4] % size == owner % size for tile in tiles[:k])
    return f"tile {number} of rank {owner % size} (rows {i}:{i + h}, columns {j}:{j + w})"


def place_of_hole(tile, fault, error):
    """Whether the error names columns and rows that the tile has left uncovered."""
    i, j, h, w, _, _ = tile
    first = i if fault == "hole" else i + h - 1
    found = re.search(r"no tile for rows (\d+):(\d+), columns (\d+):(\d+)$", error)
    i0, i1, j0, j1 = (int(number) for number in found.groups())
    return (i0, j0, j1) == (first, j, j + w) and i0 < i1 <= i + h


FAULTS = {
    "overlap": (add_overlap, "overlap"),
    "hole": (leave_hole, "cover"),
    "short": (shrink, "cover"),
    "outside": (move_away, "within"),
}


@pytest.mark.ranks(1, 3, 6)
@pytest.mark.time_limit(180)
@given_together(
    tiling=tilings(),
    fault=st.sampled_from(sorted(FAULTS)),
    which=st.integers(0, 10**6),
    max_examples=60,
)
def test_faulty_tilings(comm, tiling, fault, which):
    """One clear error on every rank that names tiles, or the hole; the world works afterwards."""
    shape, dtype, tiles = tiling
    solid = [k for k, tile in enumerate(tiles) if tile[2] * tile[3] > 0]
    if not solid:
        return
    spoil, word = FAULTS[fault]
    k = solid[which % len(solid)]
    faulty = spoil(tiles, k, shape)
    given = [
        (i, j, np.ones((h, w), dtype))
        for i, j, h, w, owner, _ in faulty
        if owner % comm.size == comm.rank
    ]
    error = raised_together(comm, lambda: build(comm, given, shape))
    assert type(error) is mt.InvalidArgument
    assert str(error).startswith("from_tiles: ")
    assert word in str(error)
    if fault in {"hole", "short"}:
        assert place_of_hole(tiles[k], fault, str(error))
    else:
        assert name_of(faulty, k, comm.size) in str(error)
    if fault == "overlap":  # both tiles
        assert name_of(faulty, len(faulty) - 1, comm.size) in str(error)
    A = build(comm, mine(comm, tiling), shape)
    assert np.array_equal(A.numpy(None), whole(*shape, dtype))


def rows_of(comm, m=12, n=5, dtype="float64"):
    """Row parts, one each."""
    part = -(-m // comm.size)
    i0 = min(part * comm.rank, m)
    return i0, 0, whole(m, n, dtype)[i0 : i0 + part]


@pytest.mark.ranks(1, 2, 6)
@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda t: t.astype("int64"), mt.DTypeError),
        (lambda t: t.astype(object), mt.DTypeError),
        (lambda t: t.astype("float16"), mt.DTypeError),
        (lambda t: t[:, 0], mt.ShapeError),
        (lambda t: t[..., None], mt.ShapeError),
    ],
    ids=["int64", "object", "float16", "1-D", "3-D"],
)
def test_what_is_no_tile(comm, spoil, kind):
    for culprits in (range(comm.size), [comm.size - 1]):
        i0, j0, tile = rows_of(comm)
        given = spoil(tile) if comm.rank in culprits else tile
        error = raised_together(comm, lambda i=i0, j=j0, t=given: build(comm, [(i, j, t)], (12, 5)))
        assert isinstance(error, kind)
        assert "from_tiles" in str(error)
        assert "tile 0" in str(error)
        if len(culprits) == 1 < comm.size:
            assert f"rank {comm.size - 1}" in str(error)
    assert np.array_equal(build(comm, [rows_of(comm)], (12, 5)).numpy(None), whole(12, 5))


@pytest.mark.ranks(2, 6)
def test_dtypes_that_differ_between_ranks(comm):
    given = [rows_of(comm, dtype="float32" if comm.rank == 1 else "float64")]
    error = raised_together(comm, lambda: build(comm, given, (12, 5)))
    assert isinstance(error, mt.DTypeError)
    for word in ("float32", "float64", "tile 0 of rank 0", "tile 0 of rank 1"):
        assert word in str(error)


@pytest.mark.ranks(1, 3)
def test_dtypes_that_differ_on_one_rank(comm):
    tiles = [(0, 0, np.ones((6, 5))), (6, 0, np.ones((6, 5), "complex128"))]
    error = raised_together(comm, lambda: build(comm, tiles if comm.rank == 0 else [], (12, 5)))
    assert isinstance(error, mt.DTypeError)
    assert "tile 1" in str(error)


@pytest.mark.ranks(1, 3)
def test_iterators(comm):
    A = build(comm, (tile for tile in [rows_of(comm)]), (12, 5))
    assert np.array_equal(A.numpy(None), whole(12, 5))


@pytest.mark.ranks(2, 6)
def test_iterator_that_raises_on_one_rank(comm):
    def tiles():
        yield rows_of(comm)
        if comm.rank == 1:
            raise OSError("the file ends here")

    error = raised_together(comm, lambda: build(comm, tiles(), (12, 5)))
    assert isinstance(error, mt.Error)
    assert "the file ends here" in str(error)
    assert "rank 1" in str(error)
    if comm.rank == 1:
        assert isinstance(error.__cause__, OSError)


@pytest.mark.ranks(1, 3, 6)
def test_all_tiles_on_one_rank_or_many_on_each(comm):
    x = whole(40, 30)
    single = [(i, j, x[i : i + 1, j : j + 1]) for i in range(40) for j in range(30)]
    for given in (single if comm.rank == comm.size - 1 else [], single[comm.rank :: comm.size]):
        assert np.array_equal(build(comm, given, x.shape, "VC,STAR", 3).numpy(None), x)


@pytest.mark.ranks(1, 3)
def test_empty_matrices(comm):
    for shape in [(0, 5), (5, 0), (0, 0)]:
        tiles = [(0, 0, np.ones(shape, "float32"))] if comm.rank == 0 else []
        A = build(comm, tiles, shape)
        assert A.shape == shape
        assert A.dtype == np.float32
