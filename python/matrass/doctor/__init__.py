# SPDX-License-Identifier: BSD-3-Clause
"""`matrass doctor`: what matrass runs on here, and a fix line for each problem.

Next: ``report.py``.
"""
