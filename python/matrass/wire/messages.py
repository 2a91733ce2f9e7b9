# SPDX-License-Identifier: BSD-3-Clause
"""What is said on a bulk connection: JSON of a known length, and then the bytes of arrays.

Next: ``port.py`` (a rank hears), ``connections.py`` (a process that has tiles speaks).
"""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from matrass.errors import InvalidArgument

__all__ = ["array_words", "hear", "receive_array", "say"]

_LENGTH = struct.Struct("!I")
_LONGEST = 1 << 20


def array_words(x: npt.NDArray[Any]) -> dict[str, Any]:
    """How `receive_array` is told of an array."""
    order = "F" if x.flags.f_contiguous and not x.flags.c_contiguous else "C"
    return {"shape": x.shape, "dtype": x.dtype.str, "order": order}


def say(to: socket.socket, words: dict[str, Any], arrays: Sequence[npt.NDArray[Any]] = ()) -> None:
    """Send words, and arrays behind them: contiguous ones from where they lie."""
    text = json.dumps(words).encode()
    to.sendall(_LENGTH.pack(len(text)) + text)
    for x in arrays:
        lies = x if x.flags.c_contiguous or x.flags.f_contiguous else np.ascontiguousarray(x)
        if lies.size:
            to.sendall(_bytes_of(lies.ravel(order="K")))


def hear(from_: socket.socket) -> dict[str, Any] | None:
    """The next words; None at the end of the connection."""
    head = bytearray(_LENGTH.size)
    first = from_.recv_into(head)
    if first == 0:
        return None
    _fill(from_, memoryview(head)[first:])
    (length,) = _LENGTH.unpack(head)
    if length > _LONGEST:
        raise InvalidArgument(f"put: a message must have at most {_LONGEST} bytes: got {length}")
    text = bytearray(length)
    _fill(from_, memoryview(text))
    words = json.loads(text)
    if not isinstance(words, dict):
        raise InvalidArgument("put: a message must be an object")
    return words


def receive_array(from_: socket.socket, x: npt.NDArray[Any]) -> None:
    """Fill a contiguous array, which is read by nobody meanwhile."""
    if x.size:
        _fill(from_, _bytes_of(x.reshape(-1, order="A")))


def _bytes_of(x: npt.NDArray[Any]) -> memoryview:
    view: memoryview = x.data
    return view.cast("B")


def _fill(from_: socket.socket, target: memoryview) -> None:
    while target:
        count = from_.recv_into(target)
        if count == 0:
            raise ConnectionError("put: the connection ended within a message")
        target = target[count:]
