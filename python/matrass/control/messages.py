# SPDX-License-Identifier: BSD-3-Clause
"""Python values as JSON and back: what commands and replies are made of. No pickle.

A value that JSON has no word for becomes an object with the key ``$``, which names its kind.
Handles of matrices and functions are the two sides' own matter: they pass their words for these.
Next: ``failures.py``.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from matrass.errors import InvalidArgument
from matrass.layout import Layout

__all__ = ["decode", "encode"]

Words = dict[str, Any]

_ARRAYS = "biufc"
"""Kinds of dtypes whose bytes say all."""


def encode(value: Any, own: Callable[[Any], Words | None]) -> Any:
    """`value` in words of JSON.

    Parameters
    ----------
    value : object
        None, numbers, text, NumPy scalars, arrays and dtypes, slices, layouts; lists, tuples and
        dicts of these; results of routines.
    own : callable
        Words for values that only the sender knows, or None.

    Raises
    ------
    InvalidArgument
        For anything else.
    """
    if value is None or type(value) in _PLAIN:
        return value
    words = own(value)
    if words is not None:
        return words
    if isinstance(value, type) and issubclass(value, np.generic | int | float | complex):
        return {"$": "dtype", "name": np.dtype(value).str}
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value, lambda values: [encode(each, own) for each in values])
    raise InvalidArgument(
        f"session: arguments must be numbers, text, arrays or matrices: got {type(value).__name__}"
    )


def decode(words: Any, own: Callable[[Words], Any]) -> Any:
    """What `encode` made `words` of; `own` reads the words that it does not know."""
    if isinstance(words, list):
        return [decode(each, own) for each in words]
    if not isinstance(words, dict):
        return words
    read = _READERS.get(words.get("$", ""))
    if read is None:
        return own(words)
    return read(words, lambda values: tuple(decode(each, own) for each in values))


def _array(x: np.ndarray[Any, Any]) -> Words:
    if x.dtype.kind not in _ARRAYS:
        raise InvalidArgument(f"session: arrays must hold numbers: got dtype {x.dtype}")
    data = base64.b64encode(np.ascontiguousarray(x).tobytes()).decode()
    return {"$": "array", "dtype": x.dtype.str, "shape": x.shape, "base64": data}


def _array_of(words: Words) -> Any:
    dtype = np.dtype(words["dtype"])
    if dtype.kind not in _ARRAYS:
        raise InvalidArgument(f"session: arrays must hold numbers: got dtype {dtype}")
    flat = np.frombuffer(bytearray(base64.b64decode(words["base64"])), dtype)
    return flat.reshape(words["shape"])


def _tuple(value: tuple[Any, ...], items: Callable[[Any], list[Any]]) -> Words:
    """A tuple; of a routine's result its name and certificate as well."""
    words: Words = {"$": "tuple", "items": items(value)}
    if type(value) is not tuple and type(value).__module__.startswith("matrass.linalg"):
        words["class"] = type(value).__name__
        certificate = getattr(value, "certificate", None)
        if certificate is not None:
            words["certificate"] = asdict(certificate)
    return words


def _tuple_of(words: Words, items: Callable[[Any], tuple[Any, ...]]) -> Any:
    values = items(words["items"])
    if "class" not in words:
        return values
    linalg = importlib.import_module("matrass.linalg")
    made = getattr(linalg, words["class"]) if words["class"] in linalg.__all__ else None
    if not (isinstance(made, type) and issubclass(made, tuple)):
        raise InvalidArgument(f"session: no result is called {words['class']}")
    result: Any = made(*values)
    if "certificate" in words:
        result.certificate = linalg.Certificate(**words["certificate"])
    return result


_Items = Callable[[Any], Any]
_PLAIN = (bool, int, float, str)
_WRITERS: dict[type, Callable[[Any, _Items], Any]] = {
    np.ndarray: lambda x, _: _array(x),
    np.generic: lambda x, _: _array(np.asarray(x)) | {"$": "scalar"},
    np.dtype: lambda x, _: {"$": "dtype", "name": x.str},
    np.ufunc: lambda x, _: {"$": "ufunc", "name": x.__name__},
    Layout: lambda x, _: {"$": "layout", "name": str(x)},
    complex: lambda x, _: {"$": "complex", "parts": [x.real, x.imag]},
    slice: lambda x, items: {"$": "slice", "parts": items((x.start, x.stop, x.step))},
    bytes: lambda x, _: {"$": "bytes", "base64": base64.b64encode(x).decode()},
    list: lambda x, items: items(x),
    tuple: _tuple,
    dict: lambda x, items: {"$": "dict", "items": [items(pair) for pair in x.items()]},
    type(Ellipsis): lambda _x, _: {"$": "ellipsis"},
    # Subclasses: members of enumerations and the like.
    **{kind: lambda x, _, kind=kind: kind(x) for kind in _PLAIN},  # type: ignore[misc]
}
_READERS: dict[str, Callable[[Words, _Items], Any]] = {
    "array": lambda words, _: _array_of(words),
    "scalar": lambda words, _: _array_of(words)[()],
    "dtype": lambda words, _: np.dtype(words["name"]),
    "ufunc": lambda words, _: getattr(np, words["name"]),
    "layout": lambda words, _: Layout(words["name"]),
    "complex": lambda words, _: complex(*words["parts"]),
    "slice": lambda words, items: slice(*items(words["parts"])),
    "bytes": lambda words, _: base64.b64decode(words["base64"]),
    "tuple": _tuple_of,
    "dict": lambda words, items: dict(items(pair) for pair in words["items"]),
    "ellipsis": lambda _words, _: Ellipsis,
}
