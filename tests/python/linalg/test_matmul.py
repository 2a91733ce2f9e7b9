# SPDX-License-Identifier: BSD-3-Clause
"""matmul and @: all layouts, views, transposes, alpha, beta and out, against NumPy."""

import itertools
import random

import matrass as mt
import numpy as np
import pytest
from reference import DTYPES, LAYOUTS, grid_shapes, raised_together

OPS = {"N": lambda x: x, "T": lambda x: x.T, "C": lambda x: x.conj().T}
GIVEN = {"N": (False, "N"), "T": (True, "T"), "C": ("C",)}

pytestmark = pytest.mark.ranks(1, 2, 3, 6)


def random_array(m, n, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n))
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.standard_normal((m, n))
    return x.astype(dtype)


def place(grid, x, layout="MC,MR", block=4):
    return mt.from_global(grid, x, layout=layout, block=block, root=None)


def check(C, x, y, *, alpha=1, beta=0, before=None):
    """``|C - (alpha x y + beta before)| <= 4 (k + 2) eps (|alpha| |x| |y| + |beta| |before|)``.

    Each of the two products has an error of at most k eps |x| |y| (twice that with complex
    numbers), elementwise: Higham, Accuracy and Stability, section 3.5.
    """
    k = x.shape[1]
    z = alpha * (x @ y)
    size = abs(alpha) * (np.abs(x) @ np.abs(y))
    if before is not None:
        z = z + beta * before
        size = size + abs(beta) * np.abs(before)
    bound = 4 * (k + 2) * np.finfo(x.dtype).eps * size
    assert C.dtype == x.dtype
    assert C.shape == z.shape
    assert (np.abs(C.numpy(None) - z) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposes(comm, dtype):
    grid = mt.Grid(comm)
    for (op_a, f), (op_b, g) in itertools.product(OPS.items(), OPS.items()):
        x, y = random_array(13, 17, dtype, 1), random_array(17, 9, dtype, 2)
        a, b = place(grid, f(x), block=3), place(grid, g(y), block=3)
        for transpose_a, transpose_b in itertools.product(GIVEN[op_a], GIVEN[op_b]):
            C = mt.linalg.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
            check(C, f(f(x)), g(g(y)))
    assert str(C.layout) == "[MC,MR]"
    assert C.block == (64, 64)
    assert np.array_equal(a.numpy(None), f(x))


@pytest.mark.time_limit(120)
def test_all_layouts(comm):
    """Each layout on each side, with a fixed draw of grid, blocks, dtype and ops."""
    draw = random.Random(comm.size)
    grids = [mt.Grid(comm, s, o) for s in grid_shapes(comm.size) for o in "FC"]
    for la, lb in itertools.product(LAYOUTS, LAYOUTS):
        grid, dtype = draw.choice(grids), draw.choice(DTYPES)
        x, y = random_array(11, 14, dtype, 3), random_array(14, 6, dtype, 4)
        a = place(grid, x, la, draw.choice([1, 3, None]))
        b = place(grid, y, lb, draw.choice([1, 3, None]))
        check(a @ b, x, y)


@pytest.mark.parametrize("dtype", DTYPES)
def test_views(comm, dtype):
    """Slices and transposed views, nested, are used where they are."""
    grid = mt.Grid(comm)
    x, y = random_array(20, 23, dtype, 5), random_array(23, 21, dtype, 6)
    for block in (1, 4):
        a, b = place(grid, x, block=block), place(grid, y, block=block)
        pairs = [
            (a[2:15, 3:19], b[3:19, 1:20], x[2:15, 3:19], y[3:19, 1:20]),
            (a.T[3:19, 2:15], a[2:15], x.T[3:19, 2:15], x[2:15]),
            (a[4:8].T, a[8:12], x[4:8].T, x[8:12]),
            (b.H[1:20, 5:11], b[5:11].T.T, y.conj().T[1:20, 5:11], y[5:11]),
            (a[:, 7], b[7], x[:, 7:8], y[7:8]),
            (a[3], b[:, 5], x[3:4], y[:, 5:6]),
            (a[1:18, 1:18].T[2:9, 3:12], b[3:12, 1:5], x[1:18, 1:18].T[2:9, 3:12], y[3:12, 1:5]),
            (a.to("VC,STAR")[1:9], b.to("STAR,VR"), x[1:9], y),
            (a.T, a, x.T, x),
            (a, a.H, x, x.conj().T),
        ]
        for A, B, u, v in pairs:
            check(A @ B, u, v)


@pytest.mark.parametrize("dtype", DTYPES)
def test_alpha_beta_and_out(comm, dtype):
    grid = mt.Grid(comm)
    real = np.dtype(dtype).kind == "f"
    x, y, z = (random_array(*s, dtype, 7) for s in ((9, 12), (12, 10), (9, 10)))
    a, b = place(grid, x, block=3), place(grid, y, block=3)
    factors = [(1, 0), (2.5, 0), (-1, 1), (0, 3), (0, 0), (np.float32(2), -0.5)]
    for layout, (alpha, beta) in zip(LAYOUTS * 2, itertools.cycle(factors), strict=False):
        out = place(grid, z, layout, block=2)
        C = mt.linalg.matmul(a, b, alpha=alpha, beta=beta, out=out)
        assert C.layout == mt.Layout(layout)
        check(out, x, y, alpha=alpha, beta=beta, before=z)
        check(C, x, y, alpha=alpha, beta=beta, before=z)
        assert np.shares_memory(C.local, out.local) or C.local.size == 0
    if not real:
        out = place(grid, z)
        mt.linalg.matmul(a, b, alpha=1 - 2j, beta=0.5j, out=out)
        check(out, x, y, alpha=1 - 2j, beta=0.5j, before=z)


def test_out_may_be_a_view(comm):
    grid = mt.Grid(comm)
    x, y = random_array(6, 12, "float64", 8), random_array(12, 5, "float64", 9)
    whole_out = np.full((20, 20), 7.0)
    for layout, transposed in itertools.product(("MC,MR", "VC,STAR", "STAR,STAR"), (False, True)):
        big = place(grid, whole_out, layout, block=3)
        out = big.T[4:10, 2:7] if transposed else big[4:10, 2:7]
        mt.linalg.matmul(place(grid, x), place(grid, y), out=out)
        check(out, x, y)
        rest = big.numpy(None).T if transposed else big.numpy(None)
        rest[4:10, 2:7] = 7
        assert (rest == 7).all()


def test_out_may_share_elements_with_operands(comm):
    """As NumPy's `out`: the operands are read as they were before."""
    grid = mt.Grid(comm)
    x = random_array(12, 12, "float64", 11)
    for layout, block in itertools.product(("MC,MR", "VC,STAR", "STAR,STAR"), (2, 64)):
        place_x = lambda: place(grid, x, layout, block)  # noqa: B023, E731
        a = place_x()
        check(mt.linalg.matmul(a, a, out=a), x, x)
        a = place_x()
        check(mt.linalg.matmul(a, a.T, out=a), x, x.T)
        a = place_x()
        check(mt.linalg.matmul(a.T, a, out=a.T), x.T, x)
        a = place_x()
        out = mt.linalg.matmul(a[0:7, 2:9], a[3:10], beta=2.0, out=a[5:12])
        check(out, x[0:7, 2:9], x[3:10], beta=2.0, before=x[5:12])
        assert np.array_equal(a[0:5].numpy(None), x[0:5])


@pytest.mark.parametrize("dtype", DTYPES)
def test_transposed_views_with_empty_parts(comm, dtype):
    """Ranks without elements take part as the others do, whatever their strides say."""
    for shape in grid_shapes(comm.size):
        grid = mt.Grid(comm, shape)
        for (m, k, n), block in itertools.product(
            [(1, 1, 1), (2, 3, 1), (5, 2, 7), (1, 9, 3), (65, 2, 3)], (2, 64)
        ):
            x, y = random_array(k, m, dtype, 1), random_array(n, k, dtype, 2)
            a, b = place(grid, x, block=block), place(grid, y, block=block)
            check(a.T @ b.T, x.T, y.T)
            check(a.T[:, :k] @ b.T, x.T, y.T)
            check(a.H @ b.H, x.conj().T, y.conj().T)
            check(mt.linalg.matmul(a.T, b, transpose_b="C"), x.T, y.conj().T)
            out = place(grid, random_array(n, m, dtype, 3), block=block)
            check(mt.linalg.matmul(a.T, b.T, out=out.T), x.T, y.T)


def test_copies_of_views(comm):
    """A copied slice may start inside a block; its leading dimension counts the whole block."""
    grid = mt.Grid(comm)
    x = random_array(20, 20, "float64", 12)
    for layout, block in itertools.product(("MC,MR", "VC,STAR", "STAR,VC"), (1, 3, 4, None)):
        a = place(grid, x, layout, block)
        for i, j in itertools.product((0, 1, 3, 7), (0, 2, 5)):
            check(a[i : i + 9, j : j + 9].copy() @ a[1:10], x[i : i + 9, j : j + 9], x[1:10])
            check(a[i:, j:].T.copy() @ a[i:], x[i:, j:].T, x[i:])


def test_beta_zero_does_not_read_out(comm):
    """As in BLAS: NaN in `out` does not live on."""
    grid = mt.Grid(comm)
    x = random_array(6, 6, "float64", 10)
    for layout in ("MC,MR", "VC,STAR"):
        out = place(grid, np.full((6, 6), np.nan), layout)
        mt.linalg.matmul(place(grid, x), place(grid, x), out=out)
        check(out, x, x)


def test_empty_products(comm):
    grid = mt.Grid(comm)
    for m, k, n in [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0), (1, 1, 1)]:
        x, y = random_array(m, k, "float64", 1), random_array(k, n, "float64", 2)
        C = place(grid, x) @ place(grid, y)
        assert np.allclose(C.numpy(None), x @ y, rtol=1e-15)
    out = place(grid, np.ones((3, 4)))
    mt.linalg.matmul(mt.DistMatrix(grid, (3, 0)), mt.DistMatrix(grid, (0, 4)), beta=2.0, out=out)
    assert (out.numpy(None) == 2).all()


def test_ranks_beyond_the_grid(comm):
    grid = mt.Grid(comm, (1, max(1, comm.size - 1)))
    x, y = random_array(8, 9, "float64", 1), random_array(9, 7, "float64", 2)
    for la, lb in [("MC,MR", "MC,MR"), ("VC,STAR", "STAR,STAR"), ("CIRC,CIRC", "MD,STAR")]:
        check(place(grid, x, la, 2) @ place(grid, y, lb, 2), x, y)


def test_larger(comm):
    grid = mt.Grid(comm)
    x, y = random_array(300, 257, "float64", 1), random_array(257, 199, "float64", 2)
    check(place(grid, x, block=64) @ place(grid, y, block=64), x, y)
    check(place(grid, x, "VC,STAR", None) @ place(grid, y, "VC,STAR", None), x, y)
    check(place(grid, x, "VC,STAR", None).T @ place(grid, x, "VC,STAR", None), x.T, x)


WRONG = {
    "inner": (lambda g, a: mt.linalg.matmul(a, a), mt.ShapeError),
    "inner transposed": (lambda g, a: mt.linalg.matmul(a, a.T, transpose_a=True), mt.ShapeError),
    "operator": (lambda g, a: a @ a, mt.ShapeError),
    "dtype": (lambda g, a: a @ mt.DistMatrix(g, (5, 3), "float32"), mt.DTypeError),
    "complex": (lambda g, a: a @ mt.DistMatrix(g, (5, 3), "complex128"), mt.DTypeError),
    "out shape": (lambda g, a: mt.linalg.matmul(a, a.T, out=a), mt.ShapeError),
    "out dtype": (
        lambda g, a: mt.linalg.matmul(a, a.T, out=mt.DistMatrix(g, (7, 7), "float32")),
        mt.DTypeError,
    ),
    "word": (lambda g, a: mt.linalg.matmul(a, a, transpose_a="X"), mt.InvalidArgument),
    "number": (lambda g, a: mt.linalg.matmul(a, a, transpose_a=2), mt.InvalidArgument),
    "alpha": (lambda g, a: mt.linalg.matmul(a, a.T, alpha=1j), mt.DTypeError),
    "beta": (lambda g, a: mt.linalg.matmul(a, a.T, beta=1j, out=(a @ a.T)), mt.DTypeError),
    "ndarray": (lambda g, a: mt.linalg.matmul(a, np.ones((5, 5))), mt.InvalidArgument),
    "out ndarray": (
        lambda g, a: mt.linalg.matmul(a, a.T, out=np.ones((7, 7))),
        mt.InvalidArgument,
    ),
    "scalar": (lambda g, a: a @ 3, TypeError),
    "ndarray operator": (lambda g, a: np.ones((7, 7)) @ a, TypeError),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.ranks(1, 3)
def test_wrong_arguments(comm, name):
    call, kind = WRONG[name]
    grid = mt.Grid(comm)
    a = place(grid, random_array(7, 5, "float64", 1), block=2)
    error = raised_together(comm, lambda: call(grid, a))
    assert isinstance(error, kind)


@pytest.mark.ranks(2, 6)
def test_other_grids(comm):
    a = place(mt.Grid(comm, (1, comm.size)), random_array(6, 6, "float64", 1))
    b = place(mt.Grid(comm, (comm.size, 1)), random_array(6, 6, "float64", 1))
    error = raised_together(comm, lambda: a @ b)
    assert isinstance(error, mt.InvalidArgument)
    assert f"1x{comm.size}" in str(error)
    assert f"{comm.size}x1" in str(error)
