"""A file with the weights of a network that makes scenes of photos: numbers, no code. FORMAT.md, section 18.4.

Little endian: 8 bytes magic, u32 length of a JSON object, the object, and the numbers of all arrays, one after another
in the order of ``arrays``: name, kind and shape of each. The length must match exactly.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.format.byte_reader import ByteReader

MAGIC = b"\x89CSW\r\n\x1a\n"
KINDS = {"f16": "<f2", "f32": "<f4", "u8": "u1"}
MOST_BYTES = 1 << 28
"""Of a file of weights: a hundred times our own."""
MOST_ARRAYS = 4096
_MOST_HEADER = 1 << 20
_MOST_AXES = 4
_MOST_NAME = 200
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Weights:
    """What a file of weights holds.

    Attributes:
        digest: SHA-256 of the file in hexadecimal digits, which files of scenes name.
        settings: Sizes of the network, as its maker wrote them; not checked here.
        arrays: By name: float32, or uint8.
    """

    digest: str
    settings: dict[str, Any]
    arrays: dict[str, np.ndarray]


def write_weights(settings: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a file. Equal weights give equal bytes.

    Args:
        settings: What JSON has.
        arrays: float16, float32 or uint8.

    Raises:
        FormatError: What no reader takes.
    """
    names = {np.dtype(kind): name for name, kind in KINDS.items()}
    listed = []
    for name, array in arrays.items():
        if array.dtype not in names:
            raise FormatError(f"weights: {name!r} is of {array.dtype}; expected float16, float32 or uint8")
        listed.append([name, names[array.dtype], list(array.shape)])
    head = json.dumps({"settings": dict(settings), "arrays": listed}, separators=(",", ":"), sort_keys=True).encode()
    numbers = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes() for array in arrays.values()]
    data = b"".join([MAGIC, _LENGTH.pack(len(head)), head, *numbers])
    read_weights(data)
    return data


def read_weights(data: bytes) -> Weights:
    """The inverse of ``write_weights``. The input is not trusted: memory stays within a small multiple of its length.

    Raises:
        FormatError: Not such a file, or damaged.
        LimitExceeded: Larger than any reader takes.
    """
    if len(data) > MOST_BYTES:
        raise LimitExceeded(f"weights: {len(data)} bytes, at most {MOST_BYTES} are read")
    if not data.startswith(MAGIC):
        raise FormatError(f"weights: the first bytes are {quoted(data[:8])}, expected {MAGIC!r}; this is no such file")
    reader = ByteReader(data, "weights")
    reader.take(len(MAGIC))
    size = reader.unpack(_LENGTH)[0]
    if size > _MOST_HEADER:
        raise LimitExceeded(f"weights: a list of {size} bytes, at most {_MOST_HEADER} are read")
    settings, listed = _head(bytes(reader.take(size)))
    shapes = [_entry(entry) for entry in listed]
    if len({name for name, _, _ in shapes}) != len(shapes):
        raise FormatError("weights: two arrays have one name; the file is damaged")
    expected = sum(np.dtype(kind).itemsize * math.prod(shape) for _, kind, shape in shapes)
    if expected != reader.left:
        raise FormatError(f"weights: {reader.left} bytes of numbers, the list asks for {expected}; the file is damaged")
    arrays = {}
    for name, kind, shape in shapes:
        numbers = reader.array(kind, math.prod(shape)).reshape(shape)
        if kind != KINDS["u8"]:
            if not np.isfinite(numbers).all():
                raise FormatError(f"weights: {name!r} has numbers that are not finite; the file is damaged")
            numbers = numbers.astype(np.float32)
        arrays[name] = numbers
    return Weights(sha256(data).hexdigest(), settings, arrays)


def _head(content: bytes) -> tuple[dict[str, Any], list[Any]]:
    try:
        head = json.loads(content.decode("utf8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"weights: their list is no JSON: {error}") from error
    if not isinstance(head, dict) or not isinstance(head.get("settings"), dict):
        raise FormatError("weights: expected a JSON object with 'settings' and 'arrays'")
    listed = head.get("arrays")
    if not isinstance(listed, list) or len(listed) > MOST_ARRAYS:
        raise FormatError(f"weights: 'arrays' must be a list of at most {MOST_ARRAYS}")
    return head["settings"], listed


def _entry(entry: Any) -> tuple[str, str, tuple[int, ...]]:
    """Name, numpy's name of the kind, shape."""
    if not isinstance(entry, list) or len(entry) != 3:
        raise FormatError(f"weights: expected name, kind and shape of an array, got {quoted(entry)}")
    name, kind, shape = entry
    if not isinstance(name, str) or not 1 <= len(name) <= _MOST_NAME:
        raise FormatError(f"weights: a name must be a text of at most {_MOST_NAME} letters, got {quoted(name)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise FormatError(f"weights: {quoted(name)} is of kind {quoted(kind)}; expected one of {', '.join(KINDS)}")
    whole = isinstance(shape, list) and all(isinstance(side, int) and not isinstance(side, bool) for side in shape)
    if not whole or len(shape) > _MOST_AXES or not all(1 <= side <= MOST_BYTES for side in shape):
        raise FormatError(f"weights: {quoted(name)} has the shape {quoted(shape)}; expected up to {_MOST_AXES} sides")
    return name, KINDS[kind], tuple(shape)
