# SPDX-License-Identifier: BSD-3-Clause
"""What every routine of linear algebra promises of its arguments and of memory that is refused.

Routines and parameters are compared with the tables here: one that is forgotten fails.
"""

import gc
import inspect

import matrass as mt
import numpy as np
import pytest
from matrass import _core
from mpi4py import MPI
from reference import raised_together
from routines import OPERANDS, operands, public, run

pytestmark = [pytest.mark.ranks(1, 2, 3, 6), pytest.mark.time_limit(180)]

FLAG = ((True, False), (None, 2, 0.5, "no", [True], np.ones(2)))
SEED = ((1, 2), (None, -1, 0.5, True, "1", 2**64, [1], np.ones(2)))
COUNT = ((1, 2), (None, -1, 0, True, 1.5, np.nan, "1", 2**70, [1], np.ones(2)))
SIZE = ((0.25, 0.5), (True, -1, np.nan, np.inf, "1", 1j, 10**400, [1.0], np.ones(2)))
TOLERANCE = ((1e-3, None), (True, 0, 1, -1, np.nan, np.inf, "0.1", 1j, 10**400, np.ones(2)))
METHOD = (("gram", "tsqr"), (None, True, 1, "magic", b"gram", ["gram"], np.ones(2)))
# Routine -> parameter -> (two values that are right, values that are wrong).
PARAMETERS = {
    "cholesky": {"lower": FLAG, "certify": FLAG},
    "cond": {"p": ((1, 2), (True, 3, "nuc", np.nan, 1j, [1], np.ones(2)))},
    "eigh": {"UPLO": (("L", "U"), (None, True, "l", "LU", ["L"], np.ones(2))), "certify": FLAG},
    "kmeans": {
        "k": COUNT,
        "init": (("k-means++", "k-means||"), (None, 1, "random", "", np.ones((3, 4)), 1j)),
        "max_iter": COUNT,
        "tol": SIZE,
        "seed": SEED,
        "n_init": COUNT,
    },
    "leverage_scores": {
        "method": (("qr", "sketch"), (None, True, "svd", ["qr"], np.ones(2))),
        "rank": ((1, None), COUNT[1][1:]),
        "seed": SEED,
    },
    "lu": {"p_indices": FLAG},
    "matmul": {
        "transpose_a": (("T", "C"), (None, 2, "H", [True], np.ones(2))),
        "transpose_b": ((False, True), (None, 2, "H", [True], np.ones(2))),
        "alpha": ((1, 2.5), (None, "2", 1j, 10**400, [1], np.ones(2))),
        "beta": ((0, 2.5), (None, "2", 1j, 10**400, [1], np.ones(2))),
    },
    "matrix_rank": {"tol": ((0.5, None), SIZE[1][:3]), "rtol": ((0.5, None), SIZE[1][4:])},
    "norm": {"ord": ((1, "fro"), (True, 2, "nuc", np.nan, [1], np.ones(2)))},
    "pca": {"k": COUNT, "method": METHOD, "tol": TOLERANCE, "seed": SEED},
    "pinv": {"rcond": ((0.5, None), SIZE[1][:3] + SIZE[1][4:])},
    "qr": {"mode": (("r", "complete"), (None, True, "full", ["r"], np.ones(2))), "certify": FLAG},
    "random_features": {
        "n": ((1, 2), (None, -1, True, 1.5, "1", 2**70, [1], np.ones(2))),
        "gamma": ((0.5, 1), (None, True, 0, -1, np.nan, np.inf, "1", 1j, 10**400, np.ones(2))),
        "seed": SEED,
        "first": ((1, 2), (None, -1, True, 1.5, "1", 2**70, [1], np.ones(2))),
        "total": ((5, 6), (1, -1, True, 1.5, "1", 2**70, [1], np.ones(2))),
    },
    "ridge": {
        "alpha": ((0.5, 1.0), (None, True, -1, np.nan, np.inf, "1", 1j, 10**400, np.ones(3))),
        "method": (("svd", "tsqr"), (None, True, "magic", ["svd"], np.ones(2))),
        "tol": TOLERANCE,
        "max_steps": ((1, 2), COUNT[1][1:]),
        "certify": FLAG,
    },
    "solve": {
        "assume": (("gen", "pos"), (None, True, "spd", ["gen"], np.ones(2))),
        "certify": FLAG,
    },
    "svd": {"full_matrices": FLAG, "compute_uv": FLAG, "certify": FLAG},
    "tall_qr": {
        "mode": (("reduced", "r"), (None, True, "complete", ["r"], np.ones(2))),
        "method": (("cholesky", "tsqr"), (None, True, "magic", ["tsqr"], np.ones(2))),
        "certify": FLAG,
    },
    "truncated_svd": {"k": COUNT, "method": METHOD, "tol": TOLERANCE, "seed": SEED},
    "cg": {"tol": SIZE, "maxiter": ((1, 2), (-1, *COUNT[1][3:]))},
    "lsqr": {
        **dict.fromkeys(["damp", "atol", "btol", "conlim"], SIZE),
        "maxiter": ((1, 2), (-1, *COUNT[1][3:])),
    },
    "lstsq": {
        "rcond": ((0.5, None), (True, np.nan, "1", 1j, 10**400, np.ones(2))),
        "certify": FLAG,
    },
    **{name: {} for name in ("det", "eigvals", "inv", "slogdet")},
}
MATRICES = {"a", "b", "x0", "out"}
# A NaN passes through these, as in NumPy.
NAN_PASSES = {"matmul", "norm"}
# These allocate nothing of the size of a matrix.
NO_MEMORY = {"norm"}


@pytest.mark.ranks(1)
def test_no_routine_and_no_parameter_is_forgotten(comm):
    assert set(OPERANDS) == public()
    assert {
        name: set(inspect.signature(getattr(mt.linalg, name)).parameters) - MATRICES
        for name in public()
    } == {name: set(parameters) for name, parameters in PARAMETERS.items()}


def small(name, comm):
    return operands(name, mt.Grid(comm), 40, 4)


@pytest.mark.ranks(2, 3, 6)
@pytest.mark.parametrize(
    ("name", "parameter"), [(name, p) for name, some in PARAMETERS.items() for p in some]
)
def test_arguments_that_differ_on_ranks(comm, name, parameter):
    matrices, (one, other) = small(name, comm), PARAMETERS[name][parameter][0]
    given = other if comm.rank == comm.size - 1 else one
    error = raised_together(comm, lambda: run(name, matrices, **{parameter: given}))
    assert type(error) in {mt.InvalidArgument, mt.ShapeError}
    assert name in str(error)


@pytest.mark.parametrize(
    ("name", "parameter"), [(name, p) for name, some in PARAMETERS.items() for p in some]
)
def test_wrong_values(comm, name, parameter):
    """On all ranks, and on the last one alone: the error names the routine and the parameter."""
    matrices, ((right, _), wrong) = small(name, comm), PARAMETERS[name][parameter]
    for bad in wrong:
        for culprits in (range(comm.size), [comm.size - 1]):
            given = bad if comm.rank in culprits else right
            error = raised_together(comm, lambda g=given: run(name, matrices, **{parameter: g}))
            assert isinstance(error, mt.InvalidArgument), bad
            assert f"{name}: " in str(error), bad
            if len(culprits) < comm.size and "the same arguments" in str(error):
                continue  # C++ looks at its value, after the agreement
            what = "transpose" if parameter.startswith("transpose") else parameter
            assert what in str(error), bad


@pytest.mark.parametrize("name", OPERANDS)
@pytest.mark.parametrize("bad", [None, np.eye(4), 3, "A", [[1.0]]], ids=repr)
def test_what_is_no_matrix(comm, name, bad):
    matrices = small(name, comm)
    error = raised_together(comm, lambda: run(name, [bad, *matrices[1:]]))
    assert isinstance(error, mt.InvalidArgument)
    assert "must be DistMatrix" in str(error)
    for culprits in (range(comm.size), [comm.size - 1]):
        for k in range(1, len(matrices)):
            given = list(matrices)
            if comm.rank in culprits:
                given[k] = bad
            error = raised_together(comm, lambda g=given: run(name, g))
            assert isinstance(error, mt.InvalidArgument)
            assert "must be DistMatrix" in str(error)


@pytest.mark.parametrize("name", [name for name in OPERANDS if len(OPERANDS[name]) > 1])
def test_matrices_that_do_not_belong_together(comm, name):
    """Another communicator, a grid of fewer ranks, another dtype, another number of rows."""
    matrices = small(name, comm)
    rows, cols = matrices[1].shape
    others = {
        "one process grid": mt.Grid(comm.Dup()),
        "one process grid ": mt.Grid(MPI.COMM_SELF),
    }
    if comm.size > 1:
        others["one process grid  "] = mt.Grid(comm, (1, 1))
    for text, grid in others.items():
        B = mt.from_function(grid, (rows, cols), lambda i, j: i + j + 1.0)
        error = raised_together(comm, lambda b=B: run(name, [matrices[0], b]))
        assert isinstance(error, mt.InvalidArgument), text
        assert text.strip() in str(error)
    single = matrices[1].astype("float32")
    assert isinstance(
        raised_together(comm, lambda: run(name, [matrices[0], single])), mt.DTypeError
    )
    longer = mt.DistMatrix(matrices[0].grid, (rows + 1, cols))
    error = raised_together(comm, lambda: run(name, [matrices[0], longer]))
    assert isinstance(error, mt.ShapeError)
    assert str(rows + 1) in str(error)


@pytest.mark.parametrize("name", [name for name in OPERANDS if name not in NAN_PASSES])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_found(comm, name, bad):
    """In the last row, which one rank alone has."""
    for k in range(len(OPERANDS[name])):
        matrices = small(name, comm)
        matrices[k][-1:, :1] = bad
        error = raised_together(comm, lambda m=matrices: run(name, m))
        assert type(error) is mt.InvalidArgument
        assert "finite" in str(error) or "NaN" in str(error)


@pytest.mark.parametrize("name", OPERANDS)
@pytest.mark.parametrize("large", [1e308, 1e-310, 0.0])
def test_numbers_at_the_end_of_their_range(comm, name, large):
    """An answer or a named error, and it ends: where squares overflow, and where all is zero."""
    matrices = small(name, comm)
    matrices[0][:] = large
    told = []
    with np.errstate(all="ignore"):
        try:
            run(name, matrices)
        except mt.Error as error:
            told += [type(error), str(error)]
    assert len({tuple(each) for each in comm.allgather(told)}) == 1
    assert mt.RoutineError not in told


@pytest.mark.ranks(2, 3, 6)
@pytest.mark.parametrize("name", OPERANDS)
def test_on_a_smaller_grid_before(comm, name):
    """What a routine leaves behind on the ranks of its grid is no business of the next one.

    PxGESVD leaves the topology of broadcasts changed: others would wait for ever on a larger grid.
    """
    grid = mt.Grid(comm)
    expected = operands(name, grid, 40, 20)
    for smaller in (mt.Grid(comm, (1, 1)), mt.Grid(comm.Split(int(comm.rank == 0)))):
        run(name, operands(name, smaller, 40, 20))
        run("svd", operands("svd", smaller, 20, 20))
        for more in ({"compute_uv": False}, {}):
            run("svd", operands("svd", grid, 20, 20), **more)
        run(name, expected)
        run("matmul", operands("matmul", grid, 40, 20))


@pytest.mark.ranks(2, 3, 6)  # alone, a change of layout is a view
@pytest.mark.parametrize("name", [name for name in OPERANDS if name not in NO_MEMORY])
def test_refused_memory(comm, name):
    """Refused on one rank, at several moments of the routine: all raise, and nothing is left."""
    matrices = operands(name, mt.Grid(comm), 300 * comm.size, 200, layout="MC,MR")
    run(name, matrices)  # makes what is made once
    gc.collect()
    before = _core.memory()["in_use"]
    mt.reset_peak_memory()
    run(name, matrices)
    gc.collect()
    extra = mt.memory().peak - before
    every = comm.allgather(extra)
    culprit = every.index(max(every))
    assert max(every) > 0
    for part in (0, 0.4, 0.8):
        if comm.rank == culprit:
            _core.set_memory_limit(before + int(part * extra))
        told = []
        try:
            run(name, matrices)
        except mt.Error as error:
            told += [type(error), str(error)]
        finally:
            _core.set_memory_limit(2**63 - 1)
        assert len({tuple(each) for each in comm.allgather(told)}) == 1
        assert not told or told[0] is mt.MemoryLimitError
        assert told or part > 0
        gc.collect()
        assert _core.memory()["in_use"] == before
    run(name, matrices)
