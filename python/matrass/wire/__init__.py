# SPDX-License-Identifier: BSD-3-Clause
"""Bulk data between processes that are no ranks and the ranks of a session.

The driver hands out tickets; a process that has tiles sends its own, straight to a rank, or leaves
them there where it is the rank itself. Next: ``stage.py``.
"""
