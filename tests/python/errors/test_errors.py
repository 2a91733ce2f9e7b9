# SPDX-License-Identifier: BSD-3-Clause
"""Each error is also of the built-in or NumPy kind that the API promises."""

import pickle

import matrass as mt
import numpy as np
import pytest

BASES = {
    "InvalidArgument": (mt.Error, ValueError),
    "ShapeError": (mt.InvalidArgument,),
    "LayoutError": (mt.InvalidArgument,),
    "DTypeError": (mt.InvalidArgument,),
    "MPIError": (mt.Error, RuntimeError),
    "ScaLAPACKError": (mt.Error, RuntimeError),
    "NotPositiveDefiniteError": (mt.Error, np.linalg.LinAlgError),
    "SingularError": (mt.Error, np.linalg.LinAlgError),
    "MemoryLimitError": (mt.Error, MemoryError),
    "RankLostError": (mt.Error, ConnectionError),
    "SessionClosedError": (mt.Error,),
    "RoutineError": (mt.Error,),
    "CancelledError": (mt.Error,),
    "TimeoutError": (mt.Error, TimeoutError),
    "RankStalledError": (mt.Error,),
    "AuthenticationError": (mt.Error,),
}


@pytest.mark.parametrize("name", BASES)
def test_bases(name):
    kind = getattr(mt, name)
    assert kind.__name__ == name
    for base in BASES[name]:
        assert issubclass(kind, base)
    error = kind("cholesky: A must be square: got shape (1000, 800)")
    assert str(error) == "cholesky: A must be square: got shape (1000, 800)"
    with pytest.raises(mt.Error, match="must be square"):
        raise error


def test_base_of_all():
    assert issubclass(mt.Error, Exception)
    assert not issubclass(mt.Error, ValueError | RuntimeError)


@pytest.mark.parametrize("name", BASES)
def test_errors_travel(name):
    """Between processes errors are pickled."""
    error = pickle.loads(pickle.dumps(getattr(mt, name)("a: b must c: got d")))
    assert type(error) is getattr(mt, name)
    assert str(error) == "a: b must c: got d"


def test_what_a_lost_rank_left():
    error = mt.RankLostError("gone", rank=2, pid=77, host="node3", signal=9)
    assert (error.rank, error.pid, error.host, error.signal) == (2, 77, "node3", 9)
    assert error.exit_code is None


def test_what_a_routine_left():
    error = mt.RoutineError("gone", rank=2, remote_traceback="Traceback ...")
    assert (error.rank, error.remote_traceback) == (2, "Traceback ...")
