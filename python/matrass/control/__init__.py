# SPDX-License-Identifier: BSD-3-Clause
"""One driver rules the ranks of a session: its Controller, their Agents, and what these say.

Next: ``messages.py``.
"""
