# SPDX-License-Identifier: BSD-3-Clause
"""The SPMD harness, tried on hypothesis: ranks draw the same examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from spmd_case import Case

pytestmark = pytest.mark.time_limit(240)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_examples_are_the_same_on_every_rank(case: Case) -> None:
    code, text = case.bare(
        """
        drawn = []

        @pytest.mark.ranks(3)
        @given_together(n=st.integers(), words=st.lists(st.text()), max_examples=30)
        def test_draws(comm, n, words):
            drawn.append((n, words))

        @pytest.mark.ranks(3)
        def test_same(comm):
            everybody = comm.allgather(drawn)
            assert len(drawn) >= 30 and everybody == [drawn] * 3
            assert len(set(map(repr, drawn))) > 20
        """
    )
    assert code == 0, text


def test_failing_example_is_shrunk_in_step(case: Case) -> None:
    """Found on rank 1 alone, inside collective calls, and shrunk to the smallest."""
    code, text = case.bare(
        """
        @pytest.mark.ranks(3)
        @given_together(n=st.integers(0, 10000), m=st.integers())
        def test_property(comm, n, m):
            assert comm.bcast(n) == n
            assert n < 1234 or comm.rank != CULPRIT

        @pytest.mark.ranks(3)
        def test_next(comm):
            comm.Barrier()
        """
    )
    assert code == 1
    assert re.search(r"n=1234,\s*(E\s*)?m=0", text)
    assert "on rank 1: AssertionError" in text
    assert "1 failed, 1 passed" in text


def test_failing_example_on_all_ranks(case: Case) -> None:
    code, text = case.bare(
        """
        @given_together(n=st.integers(0, 10000))
        def test_property(comm, n):
            assert n < 77
        """
    )
    assert code == 1
    assert "3 failed" in text
    assert "n=77" in text


def test_assumption(case: Case) -> None:
    code, text = case.bare(
        """
        @given_together(n=st.integers(0, 100))
        def test_same_everywhere(comm, n):
            assume(n % 2 == 0)
            assert comm.bcast(n) == n

        @pytest.mark.ranks(3)
        @given_together(n=st.integers(0, 100))
        def test_different(comm, n):
            assume(comm.rank != CULPRIT)
        """
    )
    assert code == 1
    assert "1 failed, 3 passed" in text
    assert "the ranks disagree on assume()" in text


def test_plain_given_is_refused(case: Case) -> None:
    code, text = case.bare(
        """
        from hypothesis import given

        @given(n=st.integers())
        def test_property(comm, n):
            pass
        """
    )
    assert code != 0
    assert "an SPMD test takes spmd.given_together" in text
