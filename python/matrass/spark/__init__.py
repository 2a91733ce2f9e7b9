# SPDX-License-Identifier: BSD-3-Clause
"""Spark's Python workers become MPI ranks; the partitions that they read become tiles, in place.

Loaded on demand, for it needs pyspark (the extra ``matrass[spark]``). Next: ``batches.py``.
"""

try:
    import pyspark as _pyspark
except ImportError as error:
    raise ImportError(
        "matrass.spark: pyspark must be installed: pip install 'matrass[spark]'"
    ) from error

from matrass.spark.run import run
from matrass.spark.session import SparkSession as Session

del _pyspark

__all__ = ["Session", "run"]
