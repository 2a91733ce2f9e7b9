# SPDX-License-Identifier: BSD-3-Clause
"""Matrices with given singular values, and what every truncated SVD must satisfy, by NumPy.

Nothing here uses matrass but the results that are handed in.
Next: ``linalg/test_truncated_svd.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Array = npt.NDArray[Any]

NEARLY = 1 - 1.01e-4
"""Entries within 1 part in 10**4 of the largest modulus count as equally large (C++: 1 - 1e-4)."""


def eps_of(dtype: npt.DTypeLike) -> float:
    return float(np.finfo(dtype).eps)


def default_tol(dtype: npt.DTypeLike) -> float:
    return 1e-10 if eps_of(dtype) < 1e-10 else 1e-5


def random_array(m: int, n: int, dtype: npt.DTypeLike, seed: int) -> Array:
    """Normal entries, complex ones with independent parts; in double precision."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((m, n))
    return x + 1j * rng.standard_normal((m, n)) if np.dtype(dtype).kind == "c" else x


def with_spectrum(m: int, n: int, s: Sequence[float] | Array, dtype: npt.DTypeLike) -> Array:
    """``U diag(s) V^H`` rounded to `dtype`; U and V are Q of seeded random matrices.

    `s` is descending; values that it lacks are zero. Rounding moves them by at most
    ``eps sqrt(min(m, n)) s[0]``.
    """
    p = len(s)
    u = np.linalg.qr(random_array(m, p, dtype, 1000 + m))[0]
    v = np.linalg.qr(random_array(n, p, dtype, 2000 + n))[0]
    return ((u * np.asarray(s)) @ v.conj().T).astype(dtype)


def signal_and_noise(p: int) -> Array:
    """Ten values that fall by 0.6, gaps of 0.4 s between them, on a floor of noise."""
    i = np.arange(p)
    return np.where(i < 10, 0.6**i, 0.0) + 1e-3 / (1 + 0.01 * i)


def padded(s: Sequence[float] | Array, p: int) -> Array:
    return np.concatenate([np.asarray(s, float), np.zeros(max(0, p - len(s)))])[:p]


def leading(v: Array) -> Array:
    """Of each column, the first entry whose modulus is nearly the largest."""
    moduli = np.abs(v)
    at = np.argmax(moduli >= NEARLY * moduli.max(axis=0), axis=0)
    return v[at, np.arange(v.shape[1])]


def with_sign_rule(v: Array) -> Array:
    """The columns turned so that the leading entry of each is positive real."""
    lead = leading(v)
    return v * (np.abs(lead) / lead)


def far_from_orthonormal(v: Array) -> float:
    """The largest entry of ``|v^H v - I|``."""
    return float(np.abs(v.conj().T @ v - np.eye(v.shape[1])).max())


def wide(x: Array) -> Array:
    return x.astype(np.result_type(x.dtype, np.float64))


def check_sign_rule(v: Array, eps: float) -> None:
    lead = leading(v)
    assert (lead.real > 0).all()
    # A phase factor rounded, times an entry, rounded: 2 eps; twice that for complex products.
    assert (np.abs(lead.imag) <= 4 * eps * np.abs(lead)).all()


def check_svd(x: Array, found: Any, s: Sequence[float] | Array, tol: float | None = None) -> None:
    """Layouts, types, orthonormality, signs, values and residuals of a TruncatedSVD. Collective.

    `s` is the spectrum that `x` was made from, `tol` what the call was given.
    """
    m, n = x.shape
    k = len(found.S)
    eps, norm = eps_of(x.dtype), s[0]
    tol = max(default_tol(x.dtype) if tol is None else tol, 50 * eps)
    # Scalar products of length min(m, n) in the iteration: errors of at most so many eps times a
    # small constant, relative to the largest singular value.
    rounding = 10 * min(m, n) * eps
    for values in (found.S, found.residual):
        assert isinstance(values, np.ndarray)
        assert values.shape == (k,)
        assert values.dtype == np.empty(0, x.dtype).real.dtype
    assert (found.U.shape, found.V.shape) == ((m, k), (n, k))
    assert (str(found.U.layout), str(found.V.layout)) == ("[VC,STAR]", "[STAR,STAR]")
    assert found.U.dtype == found.V.dtype == x.dtype
    u, v = wide(found.U.numpy(None)), wide(found.V.numpy(None))
    assert far_from_orthonormal(u) <= rounding
    assert far_from_orthonormal(v) <= rounding
    check_sign_rule(v, eps)
    assert (np.diff(found.S) <= 0).all()
    # Of second order in the residual where gaps are wide, of first order at worst, in a cluster;
    # values below 0.01 tol count as zero.
    assert (np.abs(found.S - padded(s, k)) <= (rounding + 0.1 * tol) * norm).all()
    measured = np.linalg.norm(wide(x) @ v - u * found.S, axis=0)
    assert (np.abs(found.residual - measured) <= rounding * norm).all()
    # The iteration ends at an estimate below tol; what is measured may be half as large again.
    assert (found.residual <= (1.5 * tol + rounding) * norm).all()
