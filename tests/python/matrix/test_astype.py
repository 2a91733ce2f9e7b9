# SPDX-License-Identifier: BSD-3-Clause
"""Conversions by astype(), to(dtype=) and assignment: NumPy's bits, and what is refused."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from reference import DTYPES, LAYOUTS, entries, raised_together, whole

SHAPES = [(29, 31), (1, 61), (61, 1), (0, 6), (6, 0), (97, 83)]
ALLOWED = [(a, b) for a in DTYPES for b in DTYPES if ("c" in b) >= ("c" in a)]
REFUSED = [(a, b) for a in DTYPES for b in DTYPES if ("c" in a) > ("c" in b)]
NO_DTYPES = [int, "float16", bool, object, "nonsense", ">f8", "S3", [("x", "f8")]]

pytestmark = pytest.mark.ranks(1, 2, 5)


def make(grid, shape, dtype="float64", layout="VC,STAR", block=None):
    f = lambda i, j: entries(i, j, shape[0], dtype)  # noqa: E731
    return mt.from_function(grid, shape, f, layout=layout, block=block, dtype=dtype)


def hard_numbers(dtype):
    """35 x 7: what rounds up, down and to even, overflows, vanishes; signed zeros, infinities."""
    draw = np.random.default_rng(5)
    ulp = 2.0**-23
    special = [0.0, -0.0, np.inf, -np.inf, 1e300, -1e300, 3.5e38, 1e-45, 1e-46, -1e-310, 1e-40]
    special += [1 + ulp / 2, 1 + 3 * ulp / 2, 1 + ulp / 2 * 1.01, 1 / 3, -1 / 3, 2**24 + 1.0]
    x = np.concatenate([special, draw.standard_normal(245 - len(special))])
    if np.dtype(dtype).kind == "c":
        real, x = x, x.astype(complex)
        x.imag = real[::-1]
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asfortranarray(x.reshape(35, 7).astype(dtype))


def converted(x, dtype):
    with np.errstate(over="ignore"):
        return x.astype(dtype)


@pytest.mark.parametrize(("source", "target"), ALLOWED)
def test_bits_as_numpy(comm, source, target):
    """In place, on the way to another layout, and assigned."""
    draw = random.Random(f"{source} {target} {comm.size}")
    grid, x = mt.Grid(comm), hard_numbers(source)
    expected = converted(x, target).tobytes("F")
    for _ in range(2):
        layouts, blocks = draw.choices(LAYOUTS, k=3), draw.choices([1, 3, 64], k=3)
        A = mt.from_global(grid, x, root=None, layout=layouts[0], block=blocks[0])
        B = A.astype(target)
        assert (B.dtype, B.layout, B.block, B.grid) == (target, A.layout, A.block, A.grid)
        C = A.to(layouts[1], blocks[1], dtype=target)
        D = mt.DistMatrix(grid, (40, 11), target, layouts[2], blocks[2])
        D[3:38, 2:9] = A
        for found in (B, C, D[3:38, 2:9]):
            assert found.dtype == target
            assert found.numpy(None).tobytes("F") == expected
        around = D.numpy(None)
        around[3:38, 2:9] = 0
        assert not around.any()
        assert A.numpy(None).tobytes("F") == x.tobytes("F")
        if target != source:
            B.local[...] = C.local[...] = -7
            assert A.numpy(None).tobytes("F") == x.tobytes("F")


@pytest.mark.ranks(1, 4)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_and_shape(comm, layout):
    grid, draw = mt.Grid(comm), random.Random(f"{layout} {comm.size}")
    for shape in SHAPES:
        source, target = draw.choice(ALLOWED)
        A = make(grid, shape, source, layout, draw.choice([1, 3, None, (2, 5)]))
        B = A.astype(target)
        assert (B.dtype, B.layout, B.block, B.shape) == (target, A.layout, A.block, shape)
        assert B.local.tobytes("F") == A.local.astype(target).tobytes("F")
        other, block = draw.choice(LAYOUTS), draw.choice([1, 64, None])
        expected = whole(*shape, source).astype(target)
        assert np.array_equal(A.to(other, block, dtype=target).numpy(None), expected)


def test_not_a_number_stays_one(comm):
    x = np.full((5, 3), np.nan)
    A = mt.from_global(mt.Grid(comm), x, root=None, block=2)
    for dtype in DTYPES:
        assert np.isnan(A.astype(dtype).numpy(None)).all()
        assert np.isnan(A.to("STAR,VR", dtype=dtype).numpy(None)).all()


def test_in_place_nothing_moves(comm):
    A = make(mt.Grid(comm), (97, 83), layout="MC,MR", block=3)
    before = _core.transfer_counts()
    copied, other = A.astype("float64"), A.astype("complex64")
    same = A.astype("float64", copy=False)
    now = _core.transfer_counts()
    for name in ("bytes_sent", "bytes_received", "bytes_pushed", "bytes_pulled", "messages_sent"):
        assert now[name] == before[name]
    assert A.local.size == 0 or np.shares_memory(A.local, same.local)
    assert not np.shares_memory(A.local, copied.local)
    assert not np.shares_memory(A.local, other.local)
    assert np.array_equal(A.local, copied.local)


def test_the_narrower_type_moves(comm):
    grid = mt.Grid(comm)
    A = {dtype: make(grid, (97, 83), dtype) for dtype in DTYPES}
    bytes_sent = lambda source, target: comm.allreduce(  # noqa: E731
        A[source].to("MC,MR", 5, dtype=target, explain=True).bytes_sent
    )
    alone = {dtype: bytes_sent(dtype, dtype) for dtype in DTYPES}
    assert alone["float64"] == 2 * alone["float32"] == alone["complex64"]
    for source, target in ALLOWED:
        assert bytes_sent(source, target) == min(alone[source], alone[target])
        before = _core.transfer_counts()
        A[source].to("MC,MR", 5, dtype=target)
        now = _core.transfer_counts()
        moves = ("bytes_sent", "bytes_pushed", "bytes_pulled")
        did = comm.allreduce(sum(now[name] - before[name] for name in moves))
        assert did == min(alone[source], alone[target])


def test_sources_and_targets_that_are_views(comm):
    grid, x = mt.Grid(comm), whole(29, 31)
    A = make(grid, (29, 31), layout="MC,MR", block=3)
    for view, part in [
        (A.T, x.T),
        (A[3:20, 4:5], x[3:20, 4:5]),
        (A[3:20, 2:30].T, x[3:20, 2:30].T),
        (A[7:7, :], x[7:7, :]),
    ]:
        assert np.array_equal(view.astype("float32").numpy(None), part.astype("float32"))
        assert np.array_equal(view.astype("complex128").numpy(None), part.astype("complex128"))
        target = mt.DistMatrix(grid, (31, 31), "complex64", "VC,STAR", 2)
        m, n = part.shape
        target[:n, :m].T[:, :] = view
        assert np.array_equal(target[:n, :m].numpy(None), part.T.astype("complex64"))
        rest = target.numpy(None)
        rest[:n, :m] = 0
        assert not rest.any()


@pytest.mark.parametrize(("source", "target"), REFUSED)
def test_an_imaginary_part_is_not_dropped(comm, source, target):
    grid = mt.Grid(comm)
    A = make(grid, (97, 83), source, layout="MC,MR", block=3)
    D = make(grid, (97, 83), target)
    in_use = mt.memory().in_use
    mt.reset_peak_memory()
    for call in (
        lambda: A.astype(target),
        lambda: A.to("MC,MR", 3, dtype=target),
        lambda: A.to("STAR,VR", dtype=target, explain=True),
        lambda: A.to("STAR,VR", grid="auto", dtype=target),
        lambda: D.__setitem__((slice(None), slice(None)), A),
        lambda: D.__setitem__((slice(3, 4), slice(5, 9)), A[3:4, 5:9]),
    ):
        error = raised_together(comm, call)
        assert isinstance(error, mt.DTypeError)
        assert source in str(error)
        assert target in str(error)
    assert mt.memory().peak <= in_use
    assert np.array_equal(D.numpy(None), whole(97, 83, target))


@pytest.mark.ranks(2)
@pytest.mark.parametrize("bad", NO_DTYPES, ids=str)
def test_no_dtype_of_matrices(comm, bad):
    A = make(mt.Grid(comm), (29, 31))
    for culprits in (range(comm.size), [comm.size - 1]):
        dtype = bad if comm.rank in culprits else "float32"
        for call in (
            lambda d=dtype: A.astype(d),
            lambda d=dtype: A.to("MC,MR", dtype=d),
            lambda d=dtype: A.to("MC,MR", dtype=d, explain=True),
        ):
            error = raised_together(comm, call)
            assert isinstance(error, mt.DTypeError)
            assert "float32, float64, complex64, complex128" in str(error)
    assert np.array_equal(A.astype("float32").numpy(None), whole(29, 31, "float32"))


@pytest.mark.ranks(2, 5)
def test_other_dtypes_on_one_rank(comm):
    A = make(mt.Grid(comm), (29, 31))
    last = comm.rank == comm.size - 1
    for odd, common in itertools.permutations(("float32", "float64", "complex128"), 2):
        mine = odd if last else common
        for call in (lambda d=mine: A.astype(d), lambda d=mine: A.to("MC,MR", dtype=d)):
            assert isinstance(raised_together(comm, call), mt.InvalidArgument)


def test_assignment_that_does_not_fit(comm):
    grid = mt.Grid(comm)
    D, A = make(grid, (29, 31), "float32"), make(grid, (5, 4))
    for key in ((slice(0, 4), slice(0, 5)), (slice(0, 5), slice(0, 3)), 3):
        error = raised_together(comm, lambda k=key: D.__setitem__(k, A))
        assert isinstance(error, mt.InvalidArgument)
    if comm.size > 1:
        last = comm.rank == comm.size - 1
        for first, second in [(A, A.astype("float32")), (A, 1.0), (A, None)]:
            value = second if last else first
            error = raised_together(
                comm, lambda v=value: D.__setitem__((slice(0, 5), slice(0, 4)), v)
            )
            assert isinstance(error, mt.InvalidArgument)
    assert np.array_equal(D.numpy(None), whole(29, 31, "float32"))
    D[4:4, :] = mt.DistMatrix(grid, (0, 31), "float64")
    assert np.array_equal(D.numpy(None), whole(29, 31, "float32"))


def test_assignment_of_what_shares_elements(comm):
    """What is read is as it was before."""
    for i, j in ((1, 2), (0, 1), (3, 0)):
        A, x = make(mt.Grid(comm), (29, 29), layout="MC,MR", block=3), whole(29, 29)
        A[i:20, j:20] = A[0 : 20 - i, 0 : 20 - j]
        x[i:20, j:20] = x[0 : 20 - i, 0 : 20 - j].copy()
        assert np.array_equal(A.numpy(None), x)
        A[:, :] = A.T
        assert np.array_equal(A.numpy(None), x.T)
