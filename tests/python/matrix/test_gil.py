# SPDX-License-Identifier: BSD-3-Clause
"""Calls that communicate or compute release the GIL: other Python threads go on meanwhile.

With a switch interval of 1000 s the calling thread gives the GIL away only where the library
releases it, so whatever another thread does, it does inside of such a release. As most calls begin
with an agreement on their arguments, which is a release of its own, each C++ function is watched by
itself: a door before it tells when it is entered and left.
"""

import contextlib
import itertools
import sys
import tempfile
import threading
import time
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from routines import OPERANDS, operands, run

TICKS = 20
PAUSE = 0.0002
ATTEMPTS = 30


class Ticker:
    """Ticks in a thread while the main thread is in a call."""

    def __init__(self):
        self.times = []
        self.longest = 1.0
        self._stop = False
        self._after = None
        self._interval = sys.getswitchinterval()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        sys.setswitchinterval(1000)
        return self

    def __exit__(self, *_):
        self._stop = True
        sys.setswitchinterval(self._interval)
        self._thread.join()

    def _run(self):
        while not self._stop:
            self.times.append(time.perf_counter())
            if self._after is not None and len(self.times) >= self._after[0]:
                self._after[1]()
                self._after = None
            time.sleep(PAUSE)  # gives the GIL away

    def tell(self, ticks, say):
        """`say()` in the thread, `ticks` ticks from now on."""
        self._after = (len(self.times) + ticks, say)

    @contextlib.contextmanager
    def watching(self):
        """`longest` becomes the longest time without a tick, as a part of what is inside."""
        begin, first = time.perf_counter(), len(self.times)
        yield
        end = time.perf_counter()
        moments = [begin, *(t for t in self.times[first:] if begin < t < end), end]
        self.longest = max(b - a for a, b in itertools.pairwise(moments)) / (end - begin)


@contextlib.contextmanager
def door(function, inside):
    """The first call of `_core`'s `function` (maybe "Class.method") happens in ``with inside():``.

    Yields a list that has one element after that.
    """
    *kind, name = function.split(".")
    owner = getattr(_core, kind[0]) if kind else _core
    kept, entered, original = vars(owner)[name], [], getattr(owner, name)

    def enter(*arguments, **named):
        if entered:
            return original(*arguments, **named)
        entered.append(function)
        with inside():
            return original(*arguments, **named)

    setattr(owner, name, enter)
    try:
        yield entered
    finally:
        setattr(owner, name, kept)


# The call of test_a_rank_that_waits -> the C++ functions in which it waits.
WAITS = {
    "Grid": ("Grid",),
    "DistMatrix": ("together", "zeros"),
    "from_function": ("zeros",),
    "from_local": ("gather_codes", "from_local"),
    "from_tiles": ("gather_codes", "from_tiles"),
    "from_global": ("gather_codes", "from_global"),
    "to": ("to",),
    "numpy": ("gather",),
    "element": ("gather",),
    "assign": ("copy_into",),
    "copy": ("Matrix.copy",),
    "conjugate": ("Matrix.conjugated",),
    "matmul": ("matmul",),
    "norm": ("norm",),
    "descriptor": ("descriptor",),
    "random": ("random",),
    "add": ("moved_to",),
    "sum": ("allreduce",),
    "astype": ("astype",),
    "explain": ("explain_to",),
    "explain out": ("explain_into",),
    "best grid": ("best_grid",),
    "sink": ("TileSink.add", "TileSink.finish"),
    "to_tiles": ("to_tiles",),
    "from_coo": ("sparse_from_triplets",),
    "from_dense": ("sparse_from_dense",),
    "to_dense": ("sparse_to_dense",),
    "to_scipy": ("sparse_gather",),
    "rows": ("sparse_rows",),
    "sparse astype": ("sparse_astype",),
    "scaled": ("sparse_scaled",),
    "sparse norm": ("sparse_norm",),
    "sparse sum": ("sparse_sum",),
    "sparse product": ("sparse_product",),
    "normal product": ("sparse_normal_product",),
    "sparse svd": ("sparse_truncated_svd",),
    **{f"sparse {name}": (f"sparse_{name}",) for name in ("cg", "kmeans", "lsqr", "pca", "ridge")},
    "certified sparse lstsq": ("sparse_certify_least_squares",),
    "certified qr": ("certificate",),
    "certified tall_qr": ("certify_qr",),
    "certified lstsq": ("certify_least_squares",),
    # Those that go by the name of the C++ function.
    **{name: (name,) for name in OPERANDS if name not in {"cond", "det", "matrix_rank"}},
}
# Functions of _core that are for one rank alone, or end with it: nobody waits in them.
LOCAL = {
    "copy_process", "end_together", "finalize", "initialize", "latest_agreement", "leave",
    "log_once", "memory", "node_memory", "parse_layout", "reset_peak_memory",
    "scalar_code", "set_largest_count",
    "set_memory_limit", "distribution", "transfer_counts", "trim_memory", "watch_steps",
    "world",
}  # fmt: skip


@pytest.mark.ranks(1)
def test_no_function_is_forgotten(comm):
    """Each function of _core is either watched below or local; `matrass.linalg` is of these."""
    watched = {f for functions in WAITS.values() for f in functions if "." not in f}
    builtin = type(_core.memory)
    functions = {name for name, value in vars(_core).items() if type(value) is builtin}
    assert functions - LOCAL == watched - {"Grid"}
    assert functions >= LOCAL


def calls(comm):
    """Name -> a collective call.

    What is the same for all grids on a communicator is made once, with its first grid.
    """
    grid = mt.Grid(comm)
    m = 60
    A = mt.from_function(grid, (m, m), lambda i, j: i + m * j, block=2)
    B = A.to("VC,STAR", block=1)
    C = mt.DistMatrix(grid, (m, m), "complex64")
    x = np.ones((m, m))
    rows = np.asfortranarray(B.local)
    other = mt.DistMatrix(grid, (m, m), layout="STAR,VR")
    sparse = mt.SparseMatrix.from_dense(A, 1.0)
    return {
        **{name: routine(name, grid) for name in OPERANDS},
        "random": lambda: mt.random.normal(grid, (m, m)),
        "add": lambda: A + other,
        "sum": A.sum,
        "astype": lambda: A.astype("float32"),
        "explain": lambda: A.to("VC,STAR", explain=True),
        "explain out": lambda: A.to("STAR,VR", out=other, explain=True),
        "best grid": lambda: A.to("MC,MR", grid="auto"),
        "sink": lambda: into_sink(grid, B),
        "to_tiles": lambda: _core.to_tiles(A._core, [(0, 0, x.copy())] if comm.rank == 0 else []),
        "from_coo": lambda: mt.from_coo(grid, [0], [0], [1.0], (m, m)),
        "from_dense": lambda: mt.SparseMatrix.from_dense(A),
        "to_dense": sparse.to_dense,
        "to_scipy": sparse.to_scipy,
        "rows": lambda: sparse[3:9],
        "sparse astype": lambda: sparse.astype("float32"),
        "scaled": lambda: sparse * 2,
        "sparse norm": sparse.norm,
        "sparse sum": sparse.sum,
        "sparse product": lambda: sparse @ B,
        "normal product": lambda: sparse.normal_product(B),
        "sparse svd": lambda: mt.linalg.truncated_svd(sparse, 2),
        "sparse cg": lambda: mt.linalg.cg(sparse, B[:, :2].copy(), maxiter=1),
        "sparse kmeans": lambda: mt.linalg.kmeans(sparse, 2),
        "sparse lsqr": lambda: mt.linalg.lsqr(sparse, B[:, :2].copy(), maxiter=2),
        "sparse pca": lambda: mt.linalg.pca(sparse, 2),
        "sparse ridge": lambda: mt.linalg.ridge(sparse, B[:, :2].copy(), 1.0),
        "certified sparse lstsq": lambda: mt.linalg.ridge(
            sparse, B[:, :2].copy(), 1.0, certify=True
        ),
        "certified qr": lambda: mt.linalg.qr(A, certify=True),
        "certified tall_qr": lambda: mt.linalg.tall_qr(A, certify=True),
        "certified lstsq": lambda: mt.linalg.lstsq(A, B, certify=True),
        "qr": lambda: mt.linalg.qr(A),
        "svd": lambda: mt.linalg.svd(A),
        "to": lambda: A.to("VC,STAR", block=1),
        "numpy": lambda: A.numpy(None),
        "element": lambda: A[3, 4],
        "assign": lambda: A.__setitem__(slice(None), B),
        "copy": A.copy,
        "conjugate": lambda: C.H,
        "matmul": lambda: A @ A,
        "norm": A.norm,
        "DistMatrix": lambda: mt.DistMatrix(grid, (m, m)),
        "from_function": lambda: mt.from_function(grid, (m, m), lambda i, j: i + j),
        "from_local": lambda: mt.from_local(grid, rows, (m, m), layout="VC,STAR", block=1),
        "from_tiles": lambda: mt.from_tiles(grid, B.tiles(), (m, m)),
        "from_global": lambda: mt.from_global(grid, x, root=0),
        "Grid": lambda: mt.Grid(comm.Dup()),
        "descriptor": lambda: mt.DistMatrix(mt.Grid(comm.Dup()), (m, m)).descriptor,
    }


def into_sink(grid, a):
    sink = mt.TileSink(grid, a.shape)
    sink.add(a.tiles())
    sink.finish()


def routine(name, grid):
    """One of linear algebra."""
    matrices = operands(name, grid, 60, 20)
    return lambda: run(name, matrices)


@pytest.mark.ranks(2, 3)
@pytest.mark.parametrize(
    ("name", "function"), [(name, f) for name, functions in WAITS.items() for f in functions]
)
def test_a_rank_that_waits_lets_threads_run(comm, name, function):
    """The late rank enters the C++ function only after a thread of each other rank, which is in
    there already, has ticked TICKS times."""
    directory = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
    call = calls(comm)[name]
    for late in (0, comm.size - 1):
        heard = []
        mine = directory / f"{late}-{comm.rank}"
        others = [directory / f"{late}-{rank}" for rank in range(comm.size) if rank != late]

        @contextlib.contextmanager
        def wait(others=others, heard=heard):
            patience = 20_000
            while patience and not all(file.exists() for file in others):
                time.sleep(0.001)
                patience -= 1
            heard.append(patience > 0)
            yield  # also when nobody was heard: the others wait

        comm.barrier()
        if comm.rank == late:
            with door(function, wait):
                call()
        else:
            with Ticker() as ticker:

                @contextlib.contextmanager
                def tell(ticker=ticker, mine=mine, heard=heard):
                    ticker.tell(TICKS, mine.touch)
                    yield
                    heard.append(mine.exists())  # before the function was left

                with door(function, tell):
                    call()
        assert all(comm.allgather(heard == [True])), "no thread of a waiting rank could run"


# The call of test_work -> the C++ function that does it; from_local copies in Python, by NumPy.
WORK = {
    "DistMatrix": "zeros",
    "from_local": None,
    "from_tiles": "from_tiles",
    "from_global": "from_global",
    "to": "to",
    "assign": "copy_into",
    "numpy": "gather",
    "copy": "Matrix.copy",
    "conjugate": "Matrix.conjugated",
    "matmul": "matmul",
    "norm": "norm",
    "truncated_svd": "truncated_svd",
    "truncated_svd by gram": "truncated_svd",
    "truncated_svd by tsqr": "truncated_svd",
    "pca": "pca",
}


def work(comm, name):
    """A call that works for many times PAUSE: with many flops an element, or on more elements."""
    rows = (
        200_000 if name in {"DistMatrix", "from_local", "assign", "copy", "conjugate"} else 20_000
    )
    grid, shape = mt.Grid(comm), (rows * comm.size, 200)
    A = mt.DistMatrix(grid, shape, layout="VC,STAR", block=1)
    A.local[...] = np.sin(A.local_rows[:, None] * (1 + A.local_cols % 7))
    if name in {"assign", "conjugate"}:
        Z = mt.DistMatrix(grid, (shape[0], 100), "complex128", layout="VC,STAR", block=1)
        shifted = mt.DistMatrix(grid, (shape[0] + 1, 100), "complex128")[1:]
    x = np.ones(shape)
    row_major = np.ascontiguousarray(A.local)
    square = mt.DistMatrix(grid, (900, 900))
    svd = mt.linalg.truncated_svd
    return {
        "DistMatrix": lambda: mt.DistMatrix(grid, shape),
        "from_local": lambda: mt.from_local(grid, row_major, shape, layout="VC,STAR", block=1),
        "from_tiles": lambda: mt.from_tiles(grid, [(0, 0, x)] if comm.rank == 0 else [], shape),
        "from_global": lambda: mt.from_global(grid, x, root=0),
        "to": lambda: A.to("MC,MR", block=64),
        "assign": lambda: shifted.__setitem__(slice(None), Z),
        "numpy": lambda: A.numpy(None),
        "copy": A.copy,
        "conjugate": lambda: Z.H,
        "matmul": lambda: square @ square,
        "norm": A.norm,
        "truncated_svd": lambda: svd(A, 10),
        "truncated_svd by gram": lambda: svd(A, 10, method="gram"),
        "truncated_svd by tsqr": lambda: svd(A, 10, method="tsqr"),
        "pca": lambda: mt.linalg.pca(A, 10),
    }[name]


def watch_work(comm, name):
    """No third of the work is without a tick, on any rank.

    That is no wall time but a part of one: while the GIL is held there is no tick, however fast or
    slow the machine is. Other programs may take the processor from the thread that ticks: then it
    is tried again. In a function that holds the GIL no attempt can succeed.
    """
    call = work(comm, name)
    for _ in range(ATTEMPTS):
        comm.barrier()
        with Ticker() as ticker:
            if WORK[name] is None:
                with ticker.watching():
                    call()
            else:
                with door(WORK[name], ticker.watching) as entered:
                    call()
                assert entered
        longest = max(comm.allgather(ticker.longest))
        if longest < 1 / 3:
            return
    pytest.fail(f"without a tick for {longest:.0%} of the work")


@pytest.mark.ranks(1, 2)
@pytest.mark.parametrize("name", [name for name in WORK if name != "to"])
@pytest.mark.time_limit(120)
def test_work_lets_threads_run(comm, name):
    watch_work(comm, name)


@pytest.mark.ranks(2)  # alone, a change of layout is a view
@pytest.mark.time_limit(120)
def test_a_change_of_layout_lets_threads_run(comm):
    watch_work(comm, "to")
