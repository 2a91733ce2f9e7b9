# SPDX-License-Identifier: BSD-3-Clause
"""Handwritten digits: a kernel classifier without a kernel matrix, and clusters without labels.

    mpiexec -n 2 python examples/python/kernel_ridge.py

The data are the 1,797 images of 8 x 8 pixels that come with scikit-learn; without it, clusters of
random points stand in for them. Rows are dealt to the ranks; nothing below says how.

1. Kernel ridge regression on the ten indicator vectors. The Gaussian kernel is replaced by random
   features Z with Z Z^T ~ K, so that the system has as many unknowns as features, not as images:
   min ||Z W - Y||^2 + alpha ||W||^2. LSQR solves it from Z alone, ten right-hand sides in each
   pass; conjugate gradients solve the normal equations (Z^T Z + alpha I) W = Z^T Y. Both agree.
2. k-means on the images, which knows no labels: how pure its clusters are.

Next: flights.py.
"""

from __future__ import annotations

import sys
from typing import Any

import matrass as mt
import numpy as np

ALPHA, GAMMA, FEATURES = 1e-2, 1e-3, 600


def digits() -> tuple[Any, Any]:
    """Images as rows, and which digit each one shows."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        rng = np.random.default_rng(0)
        labels = rng.integers(10, size=1797)
        return 8 * rng.random((10, 64))[labels] + rng.standard_normal((1797, 64)), labels
    found = load_digits()
    return found.data, found.target


def add_to_diagonal(a: mt.DistMatrix, value: float) -> None:
    """Each rank adds to the entries of the diagonal that it holds."""
    i, j = np.asarray(a.local_rows), np.asarray(a.local_cols)
    a.local[i[:, None] == j[None, :]] += value


def right_ones(scores: Any, labels: Any) -> float:
    """The part of the rows whose largest score is that of their label."""
    return float(np.mean(np.argmax(scores, axis=1) == labels))


def purity(clusters: Any, labels: Any) -> float:
    """The part of the rows that show the most frequent digit of their cluster."""
    counts = np.zeros((clusters.max() + 1, 10))
    np.add.at(counts, (clusters, labels), 1)
    return float(counts.max(axis=1).sum() / len(labels))


def main() -> int:
    """Print what was learned; the exit code is 0 if it is as good as it should be."""
    grid = mt.Grid()
    images, labels = digits()
    order = np.random.default_rng(1).permutation(len(images))
    train, test = order[:1200], order[1200:]
    X = mt.from_global(grid, images[train], layout="VC,STAR", root=None)
    Y = mt.from_global(grid, np.eye(10)[labels[train]], layout="VC,STAR", root=None)

    Z = mt.linalg.random_features(X, FEATURES, GAMMA)
    by_lsqr = mt.linalg.lsqr(Z, Y, damp=ALPHA**0.5, atol=1e-8, btol=1e-8)

    gram = mt.linalg.matmul(Z, Z, transpose_a=True)
    add_to_diagonal(gram, ALPHA)
    by_cg = mt.linalg.cg(gram, mt.linalg.matmul(Z, Y, transpose_a=True), tol=1e-8)

    # The same seed has the same frequencies: features of images that were not seen.
    T = mt.from_global(grid, images[test], layout="VC,STAR", root=None)
    scores = mt.linalg.matmul(mt.linalg.random_features(T, FEATURES, GAMMA), by_lsqr.x)
    linear = mt.linalg.lsqr(X, Y, damp=1.0)
    plain = mt.linalg.matmul(T, linear.x)

    everything = mt.from_global(grid, images, layout="VC,STAR", root=None)
    clusters = mt.linalg.kmeans(everything, 10, n_init=4)

    W, V = by_lsqr.x.numpy(None), by_cg.x.numpy(None)
    apart = float(np.linalg.norm(W - V) / np.linalg.norm(V))
    kernel = right_ones(scores.numpy(None), labels[test])
    pixels = right_ones(plain.numpy(None), labels[test])
    pure = purity(clusters.labels.numpy(None), labels)
    if grid.rank == 0:
        print(f"lsqr {by_lsqr.iterations} iterations, cg {by_cg.iterations}; apart by {apart:.1e}")
        print(f"right of {len(test)} images: {kernel:.1%} (without the kernel {pixels:.1%})")
        print(f"k-means: {clusters.iterations} iterations, {pure:.1%} of the images in a cluster")
        print("         of which most show the same digit")
    good = by_lsqr.converged and by_cg.converged and apart < 1e-3
    return 0 if good and kernel > 0.96 and kernel >= pixels and pure > 0.6 else 1


if __name__ == "__main__":
    sys.exit(main())
