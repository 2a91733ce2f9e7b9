# SPDX-License-Identifier: BSD-3-Clause
"""How a process becomes a rank: which MPI it may load, and when. Next: ``which_mpi.py``."""
