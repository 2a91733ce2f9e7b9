# SPDX-License-Identifier: BSD-3-Clause
"""`matrass doctor`: what this machine runs matrass on, and one fix line for each problem. Next: ``report.py``."""
