# SPDX-License-Identifier: BSD-3-Clause
"""The data of the tests of pyspark.ml's estimators, and what looks at results."""

import numpy as np
from pyspark.ml.functions import array_to_vector
from pyspark.sql import functions as sql

M, N, K = 400, 6, 3
MEANS = np.array([3.0, -1.0, 2.0, 0.0, 10.0, 2.5])
DEVIATIONS = np.array([5.0, 1.0, 0.3, 3.0, 2.0, 0.0])  # the last feature is constant


def _data():
    rng = np.random.default_rng(7)
    x = rng.standard_normal((M, N)) * DEVIATIONS + MEANS
    label = x @ [1.0, 2.0, -3.0, 0.5, -1.0, 0.0] + 4 + rng.standard_normal(M)
    return x, label, rng.uniform(0.5, 2, M)


X, LABEL, WEIGHT = _data()
CENTERS = 20 * np.array([[1.0, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0]])


def column_of(frame, name):
    """A column by the order of `id`."""
    rows = sorted(frame.select("id", name).collect(), key=lambda row: row[0])
    return np.array([np.asarray(row[1]) for row in rows])


def same_up_to_signs(ours, theirs, bound):
    for mine, other in zip(np.asarray(ours).T, np.asarray(theirs).T, strict=True):
        assert min(abs(mine - other).max(), abs(mine + other).max()) < bound


def without_the_constant(frame):
    return frame.withColumn("features", array_to_vector(sql.slice("array", 1, N - 1)))
