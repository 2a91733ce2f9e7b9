# SPDX-License-Identifier: BSD-3-Clause
"""A driver with handles, ranks anywhere.

Next: ``remote_matrix.py``.
"""

from matrass.session.local import LocalSession as Session
from matrass.session.remote_matrix import RemoteMatrix as RemoteMatrix

__all__ = ["RemoteMatrix", "Session"]
