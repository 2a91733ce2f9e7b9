# SPDX-License-Identifier: BSD-3-Clause
"""Values that travel as JSON come back as they were."""

import json
import math

import matrass as mt
import numpy as np
import pytest
from matrass.control.messages import decode, encode


def nothing(_):
    return None


def there_and_back(value):
    return decode(json.loads(json.dumps(encode(value, nothing))), nothing)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        7,
        2**60,
        0.1,
        -0.0,
        1e-320,
        math.inf,
        "text with \n and ä",
        1 + 2j,
        (1, (2, None), "x"),
        [1, [2.5, ()]],
        {"a": 1, 2: (3,), "$": 4},
        slice(1, None, 2),
        Ellipsis,
        b"\x00\xff",
        np.dtype("complex64"),
        np.sqrt,
        mt.Layout("VC,STAR"),
    ],
)
def test_values(value):
    found = there_and_back(value)
    assert type(found) is type(value)
    assert found == value
    assert repr(found) == repr(value)  # -0.0


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "u1", "b1", ">f8"])
@pytest.mark.parametrize("shape", [(), (0,), (5,), (3, 4)])
def test_arrays(dtype, shape):
    x = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    found = there_and_back(x)
    assert found.dtype == x.dtype
    assert found.shape == x.shape
    np.testing.assert_array_equal(found, x)


def test_arrays_in_any_order_and_not_a_number():
    x = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(there_and_back(x.T[::2]), x.T[::2])
    assert np.isnan(there_and_back(np.float32("nan")))
    assert type(there_and_back(np.float32(1.5))) is np.float32


def test_results_keep_their_names_and_certificates():
    result = mt.linalg.Eigh(np.arange(3.0), np.eye(3))
    result.certificate = mt.linalg.Certificate(1e-16, 2e-16)
    found = there_and_back(result)
    assert type(found) is mt.linalg.Eigh
    assert found.certificate == result.certificate
    np.testing.assert_array_equal(found.w, result.w)


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["a"]), np.array([object()]), len])
def test_anything_else_is_refused(value):
    with pytest.raises(mt.InvalidArgument, match="session: "):
        encode(value, nothing)


@pytest.mark.parametrize(
    "words",
    [
        {"$": "tuple", "items": [], "class": "truncated_svd"},
        {"$": "tuple", "items": [], "class": "Certificate"},
        {"$": "array", "dtype": "O", "shape": [], "base64": ""},
    ],
)
def test_no_word_makes_an_object_of_its_own(words):
    with pytest.raises(mt.InvalidArgument):
        decode(words, nothing)
