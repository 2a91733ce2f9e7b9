# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of blocking call, plain and `_c`, blocked at once in one process, and let go."""

import re

import pytest
from world import TOOLS, World

pytestmark = pytest.mark.time_limit(300)
REASON = "matrass: rank lost: rank 1 is busy elsewhere"


@pytest.mark.parametrize(
    ("mode", "ending"), [("scope", f"thrown: {REASON}"), ("code", f"code: {REASON}")]
)
def test_all_blocked_calls_end_when_the_flag_is_set(mode, ending):
    outcome, _ = World(2, -1, {}, program=[str(TOOLS / "guard_blocked"), mode]).run(release_after=0)
    cases = dict(re.findall(r"^case (.*?): (.*)$", outcome.output, re.MULTILINE))
    assert len(cases) > 50, outcome.output
    assert {name: how for name, how in cases.items() if how != ending} == {}
    assert "ended before the flag: 0\n" in outcome.output
    assert float(re.search(r"seconds: (.*)", outcome.output)[1]) < 1
    assert f"afterwards: {REASON}\n" in outcome.output
    assert outcome.code == 0, outcome.errors
