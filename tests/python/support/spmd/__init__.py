# SPDX-License-Identifier: BSD-3-Clause
"""Tests that run on MPI ranks: a pytest plugin and a launcher.

Start one process set and let every rank run the same tests::

    python tests/python/support/launch.py tests/python     # serial tests, then SPMD on 6, 1, 2
    ranks mpiexec.mpich -n 6 python -m pytest tests/python/grid  # one process set by hand

A test that takes the fixture ``comm`` is an SPMD test. It runs on 1, 2, ... N ranks of the process
set, or on those that ``@pytest.mark.ranks(2, 6)`` names; ranks that are not in ``comm`` skip its
body. Rank 0 reports for all.

==================================  ============================================================
``@pytest.mark.ranks(2, 6)``        the sizes of ``comm`` (default: every size)
``@pytest.mark.spmd``               an SPMD test without ``comm``: it uses the world itself
``@pytest.mark.world(1, 2)``        runs in process sets of these sizes only (implies ``spmd``)
``@pytest.mark.time_limit(180)``    seconds instead of 60, 20 times it in a campaign
``@given_together(n=integers())``   hypothesis: every rank gets the same examples
==================================  ============================================================

Next: `spmd.plugin`.
"""

from spmd.examples import given_together

__all__ = ["given_together"]
