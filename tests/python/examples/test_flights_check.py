# SPDX-License-Identifier: BSD-3-Clause
"""The checks of the demo hold for right results, and each fails for wrong ones."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import flights_check
import flights_data
import matrass as mt
import numpy as np
import pytest

if TYPE_CHECKING:
    from mpi4py import MPI

M, N, K = 400, 12, 5


def test_nan_is_no_success() -> None:
    assert flights_check.Check("", 1.0, 1.0).holds
    assert not flights_check.Check("", 1.1, 1.0).holds
    assert not flights_check.Check("", float("nan"), 1.0).holds


def test_duplicates_and_rank_are_found() -> None:
    x = np.random.default_rng(1).standard_normal((50, 5))
    x[:, 3] = -2 * x[:, 1]
    x[:, 4] = x[:, 0] + x[:, 2]
    gram = x.T @ x
    reference = flights_check.Reference(gram, np.linalg.svd(x, compute_uv=False))
    assert reference.duplicates() == [(1, 3)]
    assert reference.rank == 3


def add_to_one_entry(a: mt.DistMatrix, change: float) -> None:
    if len(a.local):
        a.local[0, 0] += change


DAMAGE = {
    "nothing": (lambda r: None, []),
    "S": (lambda r: np.multiply(r.S, 1 + 1e-8, out=r.S), ["singular values"]),
    "residual": (lambda r: np.add(r.residual, 1, out=r.residual), ["residuals"]),
    "U": (lambda r: add_to_one_entry(r.U, 1e-3), ["from the left", "orthogonality: |U.T U"]),
    "V": (lambda r: add_to_one_entry(r.V, 1e-3), ["from the left", "NumPy's", "orthogonality: |V"]),
    "pca": (lambda r: np.multiply(r.variance, 1 + 1e-8, out=r.variance), ["PCA"]),
    "gram": (lambda r: np.add(r.gram, 1e-6, out=r.gram), ["ScaLAPACK's"]),
    "A": (lambda r: add_to_one_entry(r.a, 1e-3), ["from the left", "norm"]),
}


@pytest.mark.ranks(1, 2)
@pytest.mark.parametrize("damage", DAMAGE)
def test_each_check_notices_its_error(comm: MPI.Intracomm, damage: str) -> None:
    x = np.random.default_rng(1).standard_normal((M, N)) * np.linspace(1, 3, N)
    x[:, 0] += 5 * x[:, 1]
    x -= x.mean(axis=0)
    x /= x.std(axis=0)
    a = mt.from_global(mt.Grid(comm), x, layout="VC,STAR", root=None)
    reference = flights_check.reference(comm, a.local)
    np.testing.assert_allclose(reference.gram, x.T @ x, atol=1e-10 * M)
    svd = mt.linalg.truncated_svd(a, K)
    r = SimpleNamespace(
        a=a,
        U=svd.U.to(a.layout, block=a.block).copy(),
        S=svd.S.copy(),
        V=svd.V,
        residual=svd.residual.copy(),
        variance=mt.linalg.pca(a, K).explained_variance.copy(),
        gram=(a.T @ a).numpy(root=None),
    )
    change, wanted = DAMAGE[damage]
    change(r)
    pca = SimpleNamespace(explained_variance=r.variance)
    checks = flights_check.compare(a, r, pca, r.gram, reference)
    failed = [check.what for check in checks if not check.holds]
    assert bool(failed) == bool(wanted)
    for what in wanted:
        assert any(name.startswith(what) for name in failed), (what, failed)


def airline_case() -> tuple[np.ndarray, np.ndarray, flights_data.Description]:
    """Standardised columns: four of numbers, and the airlines A, B, C."""
    rng = np.random.default_rng(2)
    airline = rng.choice(3, M, p=[0.6, 0.3, 0.1])
    raw = np.column_stack([rng.standard_normal((M, 4)), np.eye(3)[airline]])
    mean, deviation = raw.mean(axis=0), raw.std(axis=0)
    x = (raw - mean) / deviation
    description = flights_data.Description(
        shape=x.shape,
        columns=["a", "b", "c", "d", "by A", "by B", "by C"],
        groups={"by": 3},
        mean=mean,
        deviation=deviation,
        rows_read=M,
        dropped={},
        constant=[],
    )
    return x, airline, description


@pytest.mark.parametrize("change", [0, 1e-6])
def test_airlines_are_checked(change: float) -> None:
    x, airline, description = airline_case()
    v = np.linalg.svd(x, full_matrices=False)[2][:3].T
    means = {name: (x[airline == k] @ v).mean(axis=0) for k, name in enumerate("ABC")}
    means["B"][1] += change
    reference = flights_check.reference_of(x.T @ x)
    check = flights_check.check_airlines(description, means, v, reference)
    assert check.holds == (change == 0)


@pytest.mark.parametrize("change", [0, 1e-6])
def test_ridge_is_checked(change: float) -> None:
    """Columns of one-hot groups are collinear: only the penalty makes the weights unique."""
    x, _, _ = airline_case()
    alpha, known = 1e-3 * M, 2
    below = np.vstack([x[:, known:], np.sqrt(alpha) * np.eye(x.shape[1] - known)])
    y = np.concatenate([x[:, 0], np.zeros(x.shape[1] - known)])
    w = np.linalg.lstsq(below, y, rcond=None)[0]
    w[-1] += change * np.linalg.norm(w)
    reference = flights_check.reference_of(x.T @ x)
    check = flights_check.check_ridge(reference, w, known, alpha)
    assert check.holds == (change == 0)
    assert not flights_check.check_ridge(reference, w, known, 1.001 * alpha).holds
