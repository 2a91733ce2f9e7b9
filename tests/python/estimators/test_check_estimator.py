# SPDX-License-Identifier: BSD-3-Clause
"""scikit-learn's own checks of every estimator, on one rank."""

from matrass.estimators import PCA, IncrementalPCA, KMeans, LinearRegression, Ridge, TruncatedSVD
from sklearn.utils.estimator_checks import parametrize_with_checks

# What is expected to fail, and why. A check that passes after all fails here (strict).
EXPECTED = {
    "Ridge": {
        "check_non_transformer_estimators_n_iter": "linalg.ridge does not tell the steps of cg, "
        "and the default is no iteration: there is no n_iter_",
    },
}


def expected_failures(estimator):
    return EXPECTED.get(type(estimator).__name__, {})


@parametrize_with_checks(
    [TruncatedSVD(), PCA(), IncrementalPCA(), Ridge(), LinearRegression(), KMeans()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_check_estimator(estimator, check):
    check(estimator)
