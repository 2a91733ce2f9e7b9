# SPDX-License-Identifier: BSD-3-Clause
"""Property tests on many ranks: rank 0 draws, all ranks run. Next: `spmd.channel`."""

from __future__ import annotations

import functools
import inspect
import os
import traceback
import zlib
from typing import TYPE_CHECKING, Any

from _pytest.outcomes import OutcomeException
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import UnsatisfiedAssumption

from spmd import team, watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

    from spmd.channel import Channel

DEFAULT_EXAMPLES = 50
_SHRINKING_TIME_LIMIT = 600.0


class FailedElsewhereError(AssertionError):
    """An example that this rank passed and another did not."""


def given_together(
    *, max_examples: int = DEFAULT_EXAMPLES, **strategies: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Runs a test with drawn examples, the same on every rank.

    Rank 0 of ``comm`` (of the world when the test takes no ``comm``) draws and shrinks; each
    example goes to the other ranks pickled, all run it, and it failed when it failed on one. So
    hypothesis works undisturbed: ranks cannot come out of step by its clocks, its random numbers or
    its database. The examples are the same in each run (the seed is the test's name).

    Parameters
    ----------
    max_examples : int
        Times the environment's MATRASS_TEST_EXAMPLES (default 1).
    **strategies : SearchStrategy
        For the parameters of these names; examples must be picklable. The others are fixtures.
    """

    def decorate(body: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(body)
        fixtures = [p for name, p in signature.parameters.items() if name not in strategies]

        @functools.wraps(body)
        def test(**values: Any) -> None:
            __tracebackhide__ = True
            channel = team.get().channel_of(values.get("comm"))
            if channel.rank == 0:
                _lead(channel, body, values, strategies, max_examples)
            else:
                _follow(channel, body, values)

        test.__signature__ = inspect.Signature(fixtures)  # type: ignore[attr-defined]
        return test

    return decorate


def _lead(
    channel: Channel,
    body: Callable[..., None],
    values: dict[str, Any],
    strategies: dict[str, SearchStrategy[Any]],
    max_examples: int,
) -> None:
    __tracebackhide__ = True

    def run(**example: Any) -> None:
        __tracebackhide__ = True
        channel.broadcast(example)
        _run(channel, body, values, example)

    run.__name__ = run.__qualname__ = body.__name__
    factor = float(os.environ.get("MATRASS_TEST_EXAMPLES", "1"))
    configured = settings(
        max_examples=max(1, int(max_examples * factor)),
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    name = f"{body.__module__}.{body.__qualname__}"
    try:
        configured(seed(zlib.crc32(name.encode()))(given(**strategies)(run)))()
    finally:
        channel.broadcast(None)


def _follow(channel: Channel, body: Callable[..., None], values: dict[str, Any]) -> None:
    """The outcome is rank 0's to tell: it has all texts."""
    while (example := channel.broadcast()) is not None:
        try:
            _run(channel, body, values, example)
        except (Exception, OutcomeException):  # told in _run's exchange
            continue


def _run(
    channel: Channel, body: Callable[..., None], values: dict[str, Any], example: dict[str, Any]
) -> None:
    """One example on all ranks: returns, or raises, on all of them."""
    __tracebackhide__ = True
    raised: BaseException | None = None
    try:
        body(**values, **example)
    except (Exception, OutcomeException) as error:
        raised = error
    assumed = isinstance(raised, UnsatisfiedAssumption)
    status = "passed" if raised is None else "rejected" if assumed else "failed"
    message = text = ""
    if raised is not None and status == "failed":
        message = f"{type(raised).__name__}: {raised}".splitlines()[0]
        text = "".join(traceback.format_exception(raised))
    told = channel.exchange((status, message, text), failure=text)
    statuses = [s for s, _, _ in told]
    if "failed" in statuses:
        watch.extend(_SHRINKING_TIME_LIMIT)
        others = [f"[rank {r}]\n{t}" for r, (_, _, t) in enumerate(told) if t and r != channel.rank]
        if raised is not None and status == "failed":
            if others:
                raised.add_note("\n".join(["failed on other ranks too:", *others]))
            raise raised
        first = next(r for r, s in enumerate(statuses) if s == "failed")
        raise FailedElsewhereError("\n".join([f"on rank {first}: {told[first][1]}", *others]))
    if "rejected" in statuses:
        if set(statuses) != {"rejected"}:
            raise FailedElsewhereError(f"the ranks disagree on assume(): {statuses}")
        assert raised is not None
        raise raised
