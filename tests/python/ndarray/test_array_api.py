# SPDX-License-Identifier: BSD-3-Clause
"""docs/array_api.md, line by line: each expression of its tables, beside NumPy."""

import re
from pathlib import Path

import matrass as mt
import numpy as np
import pytest
from beside_numpy import M, N, place, sample

PAGE = Path(__file__).parents[3] / "docs" / "array_api.md"
LINE = re.compile(r"^\| `(.+?)` \| (as NumPy|stays 2-D|error) \| .*\|$")
TABLE = [
    (found[1].replace(r"\|", "|"), found[2])
    for found in map(LINE.match, PAGE.read_text(encoding="utf-8").splitlines())
    if found
]

# The functions of the standard of 2023.12 (linalg and fft are extensions).
STANDARD = """
abs acos acosh add asin asinh atan atan2 atanh bitwise_and bitwise_left_shift bitwise_invert
bitwise_or bitwise_right_shift bitwise_xor ceil clip conj copysign cos cosh divide equal exp expm1
floor floor_divide greater greater_equal hypot imag isfinite isinf isnan less less_equal log log1p
log2 log10 logaddexp logical_and logical_not logical_or logical_xor maximum minimum multiply
negative not_equal positive pow real remainder round sign signbit sin sinh square sqrt subtract tan
tanh trunc arange asarray empty empty_like eye from_dlpack full full_like linspace meshgrid ones
ones_like tril triu zeros zeros_like astype broadcast_arrays broadcast_to can_cast finfo iinfo
isdtype result_type take matmul matrix_transpose tensordot vecdot concat expand_dims flip moveaxis
permute_dims repeat reshape roll squeeze stack tile unstack argmax argmin nonzero searchsorted where
unique_all unique_counts unique_inverse unique_values argsort sort cumulative_sum max mean min prod
std sum var all any
__abs__ __add__ __and__ __array_namespace__ __bool__ __complex__ __dlpack_device__ __eq__ __float__
__floordiv__ __ge__ __getitem__ __gt__ __index__ __int__ __invert__ __le__ __lshift__ __lt__
__matmul__ __mod__ __mul__ __ne__ __neg__ __or__ __pos__ __pow__ __rshift__ __sub__ __truediv__
__xor__ to_device dtype device mT ndim shape size T
"""
SIGNS = {
    "__abs__": "abs(", "__add__": " + ", "__and__": " & ", "__bool__": "bool(", "__eq__": " == ",
    "__complex__": "complex(", "__float__": "float(", "__floordiv__": " // ", "__ge__": " >= ",
    "__getitem__": "a[", "__gt__": " > ", "__int__": "int(", "__invert__": "~m", "__le__": " <= ",
    "__lshift__": " << ", "__lt__": " < ", "__matmul__": " @ ", "__mod__": " % ", "__mul__": " * ",
    "__ne__": " != ", "__neg__": "-a", "__or__": " | ", "__pos__": "+a", "__pow__": " ** ",
    "__rshift__": " >> ", "__sub__": " - ", "__truediv__": " / ", "__xor__": " ^ ",
}  # fmt: skip


def arrays():
    a, b = sample() + 1, sample(seed=1)
    z = sample(dtype="complex128", seed=2)
    r, c = sample(1, N, seed=3), sample(M, 1, seed=4)
    return {"a": a, "b": b, "z": z, "r": r, "c": c, "m": a > 2.5}


def matrices(comm):
    made = {k: place(comm, x) for k, x in arrays().items() if k != "m"}
    return made | {"m": made["a"] > 2.5}


def evaluated(text, names):
    return eval(text, {"np": np, "bool": bool}, names)


def plain(x):
    """What to compare with NumPy's: gathered where it is dealt out."""
    return x.numpy(None) if isinstance(x, (mt.DistMatrix, mt.DistMask)) else x


@pytest.mark.ranks(1, 2, 6)
@pytest.mark.parametrize(("text", "result"), TABLE, ids=[text for text, _ in TABLE])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_line(comm, text, result):
    name = re.match(r"np\.(\w+)", text)
    if name and not hasattr(np, name[1]):
        pytest.skip(f"this NumPy has no {name[1]}")
    if result == "error":
        if comm.size == 1 and text.startswith("np.asarray"):
            return
        with pytest.raises((TypeError, AttributeError, mt.InvalidArgument)):
            evaluated(text, matrices(comm))
        return
    found, wanted = plain(evaluated(text, matrices(comm))), evaluated(text, arrays())
    if result == "stays 2-D":
        assert found.ndim == 2
        shape = (1, -1) if found.shape[0] == 1 else (-1, 1)
        wanted = wanted.reshape(shape)
    if isinstance(wanted, np.dtype):
        assert found == wanted
        return
    assert np.shape(found) == np.shape(wanted)
    assert np.asarray(found).dtype == np.asarray(wanted).dtype
    assert np.allclose(found, wanted, rtol=1e-13, atol=0, equal_nan=True)


def test_no_function_of_the_standard_is_missing():
    page = PAGE.read_text(encoding="utf-8").replace(r"\|", "|")
    words = set(re.findall(r"\w+", page))
    missing = [k for k in STANDARD.split() if k not in words and SIGNS.get(k, "?") not in page]
    assert missing == []


def test_the_tables_are_read():
    lines = [k for k in PAGE.read_text(encoding="utf-8").splitlines() if k.startswith("| `")]
    assert len(lines) == len(TABLE) > 150
