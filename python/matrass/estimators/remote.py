# SPDX-License-Identifier: BSD-3-Clause
"""An estimator in a driver: its methods run on the ranks of a session, and come back changed.

The same methods are collective calls where the estimator is on every rank. Next: ``base.py``.
"""

from __future__ import annotations

import functools
import os
import pickle
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from matrass.anywhere import Kept, Remote
from matrass.bootstrap.world import world
from matrass.control.routines import routine
from matrass.errors import InvalidArgument
from matrass.estimators.kept import bring, kept_by, light, names_of, state_of
from matrass.grid import Grid
from matrass.matrix import DistMatrix
from matrass.session.inputs import is_collection

if TYPE_CHECKING:
    from matrass.control.agent import Desk
    from matrass.session.session import Session

__all__ = ["METHODS", "Column", "anywhere"]

METHODS = frozenset(
    (
        "fit",
        "fit_predict",
        "fit_transform",
        "inverse_transform",
        "partial_fit",
        "predict",
        "score",
        "score_samples",
        "transform",
    )
)
"""Methods of estimators that take data."""
FRESH = frozenset(("fit", "fit_predict", "fit_transform"))
"""Those that forget what was fitted before."""


class Column:
    """A vector as a matrix of one column: what a y of one dimension is on the ranks."""

    ndim = 1

    def __init__(self, matrix: DistMatrix) -> None:
        self.matrix = matrix
        self.shape = (matrix.shape[0],)
        self.dtype = matrix.dtype


# At the driver ------------------------------------------------------------------------------------


def anywhere(f: Callable[..., Any]) -> Callable[..., Any]:
    """Have a method of an estimator run where its session or its data are."""

    @functools.wraps(f)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        host = _host(self, (*args, *kwargs.values()))
        if host is None:
            if f.__name__ not in FRESH:
                bring(self, drop=True)
            return f(self, *args, **kwargs)
        return _call(host, self, f.__name__, args, kwargs)

    method.runs_anywhere = True  # type: ignore[attr-defined]
    return method


def _host(estimator: Any, values: tuple[Any, ...]) -> Session | None:
    """The session of the data, or the estimator's, or that of the data's Dask client."""
    hosts = {id(v.session): v.session for v in values if isinstance(v, Remote)}
    given = getattr(estimator, "session", None)
    if given is not None and not isinstance(given, Grid) and hasattr(given, "put"):
        hosts[id(given)] = given
    if len(hosts) > 1:
        raise InvalidArgument(
            f"{type(estimator).__name__}: a distributed X must be of the estimator's session"
        )
    if hosts:
        return next(iter(hosts.values()))  # type: ignore[return-value]
    if given is None and any(map(is_collection, values)):
        return _session_of_dask()
    return None


def _session_of_dask() -> Session | None:
    """A session of the current client's workers, kept as long as the client; None for a rank."""
    if "distributed" not in sys.modules or world() is not None or "PMI_RANK" in os.environ:
        return None
    from distributed import get_client

    from matrass.dask import Session as DaskSession

    try:
        client = get_client()
    except ValueError:  # Dask's local schedulers: this process computes
        return None
    kept: Session | None = getattr(client, "_matrass_session", None)
    if kept is None or kept.closed:
        kept = DaskSession(client)
        client._matrass_session = kept  # type: ignore[attr-defined]
    return kept


def _call(
    host: Session, estimator: Any, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    if "fit" not in method:
        estimator._require_fitted()
    sent = [_sent(host, x) for x in args]
    named = {name: _sent(host, x) for name, x in kwargs.items()}
    names = list(named)
    columns = [isinstance(x, _Line) for x in (*sent, *named.values())]
    values = [x.matrix if isinstance(x, _Line) else x for x in (*sent, *named.values())]
    state = state_of(estimator)
    if method in FRESH:
        state = None
    elif state is not None and (state.session is not host or state.freed):
        bring(estimator, drop=True)
        state = None
    whole = state is None and method not in FRESH
    blob = pickle.dumps(estimator if whole else light(estimator))
    result, dealt, blob, kept = host.call("estimator", blob, state, method, names, columns, *values)
    back = _way_back(estimator, method, args[0] if args else next(iter(kwargs.values()), None))
    changed = vars(pickle.loads(blob))
    changed.pop("session", None)
    vars(estimator).update(changed)
    kept_by(estimator, kept, changed="fit" in method)
    for name, value in dealt.items():
        setattr(estimator, name, back(value))
    if result is None:
        return estimator
    return back(result) if isinstance(result, Remote) else result


class _Line:
    """A vector that was put as a column."""

    def __init__(self, matrix: Any) -> None:
        self.matrix = matrix


def _sent(host: Session, x: Any) -> Any:
    """`x` as the ranks get it."""
    if isinstance(x, Remote) or x is None or np.ndim(x) == 0:
        return x
    if hasattr(x, "iloc") and not is_collection(x):
        x = x.to_numpy()
    matrix = host.put(x)
    return _Line(matrix) if len(x.shape) == 1 else matrix


def _way_back(estimator: Any, method: str, x: Any) -> Callable[[Any], Any]:
    """What becomes of results: of arrays arrays, of Dask's Dask's, of handles handles."""
    if isinstance(x, Remote):
        return lambda found: found
    if is_collection(x):
        return lambda found: found.to_dask()

    def array(found: Any) -> Any:
        whole = found.to_numpy()
        labels = hasattr(estimator, "n_clusters") and method != "transform"
        flat = labels or (method == "predict" and np.ndim(estimator.coef_) == 1)
        whole = whole[:, 0] if flat else whole
        return whole.astype(np.int32) if labels else whole

    return array


# At a rank ----------------------------------------------------------------------------------------


@routine("estimator")
def _method(  # noqa: PLR0917
    desk: Desk,
    blob: bytes,
    state: Kept | None,
    method: str,
    names: list[str],
    columns: list[bool],
    *values: Any,
) -> Any:
    """What the method returns, and attributes: those dealt to ranks, the others, those kept here.

    None stands for the estimator, and for what is kept already.
    """
    if not desk.contact.may_run or method not in METHODS:
        raise InvalidArgument("estimator: the session must be one's own")
    estimator = pickle.loads(blob)
    estimator.session = desk.on
    before = {} if state is None else state.value
    vars(estimator).update(before)
    given = [Column(x) if line else x for x, line in zip(values, columns, strict=True)]
    count = len(given) - len(names)
    kwargs = dict(zip(names, given[count:], strict=True))
    result = getattr(estimator, method)(*given[:count], **kwargs)
    dealt = {name: x for name, x in vars(estimator).items() if isinstance(x, DistMatrix)}
    result = None if result is estimator else result
    after = {name: vars(estimator)[name] for name in names_of(estimator)}
    same = all(x is before.get(name) for name, x in after.items())
    return result, dealt, pickle.dumps(light(estimator)), None if same else Kept(after)
