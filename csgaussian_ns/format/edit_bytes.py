"""Writer and reader of EDIT side by side: operations on objects as bytes. FORMAT.md, section "Edits", is normative."""

import struct
from collections.abc import Sequence

from csgaussian_ns.core.edits import (
    Crop,
    Edit,
    Keep,
    Move,
    Point,
    Recolour,
    Remove,
    Rename,
    Rotate,
    Scale,
    Target,
    targets_of,
)
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.core.texts import is_storable, quoted
from csgaussian_ns.format.byte_reader import ByteReader

BINDING_BYTES = 16
MAX_EDITS = 1024
LARGEST = 1e9
"""Bound on coordinates and angles."""
FACTORS = (1e-6, 1e6)
"""Bounds on factors."""
SHORTEST = 1e-9
"""Of an axis, its largest coordinate."""

_COUNT, _HEAD = struct.Struct("<H"), struct.Struct("<BH")
_CODES: dict[type, int] = {Remove: 1, Keep: 2, Move: 3, Rotate: 4, Scale: 5, Recolour: 6, Rename: 7, Crop: 8}
_OPERATIONS = {code: kind for kind, code in _CODES.items()}
_NUMBERS = {Move: 3, Rotate: 7, Scale: 4, Recolour: 3, Crop: 6}


def write_edits(scene: bytes, edits: Sequence[Edit]) -> bytes:
    """EDIT, little endian.

    16 bytes that name the scene; u16 number of operations. Of each u8 code, u16 number of objects and their ids, u16,
    ascending; then f64 numbers: shift; axis, degrees and centre; factor and centre; colour; both corners of a box. A
    name stands behind its length as u8.

    Args:
        scene: See ``format.edits.binding_of``.
        edits: In order.

    Raises:
        ConfigError: One that no reader takes, or too many.
    """
    if len(edits) > MAX_EDITS:
        raise ConfigError(f"{len(edits)} edits; a file holds at most {MAX_EDITS}: make some of them last by --flatten")
    parts = [scene, _COUNT.pack(len(edits))]
    for number, edit in enumerate(edits, 1):
        fault = _fault(edit)
        if fault:
            raise ConfigError(f"edit {number} ({type(edit).__name__.lower()}) cannot be stored: {fault}")
        parts.append(_written(edit))
    return b"".join(parts)


def read_edits(data: bytes) -> tuple[bytes, tuple[Edit, ...]]:
    """The inverse of ``write_edits``: what names the scene, and the operations. The input is not trusted.

    Raises:
        FormatError: Not this layout, or numbers out of range.
        UnsupportedVersion: An operation of a newer version.
    """
    reader = ByteReader(data, "EDIT")
    scene = bytes(reader.take(BINDING_BYTES))
    (count,) = reader.unpack(_COUNT)
    if not 1 <= count <= MAX_EDITS:
        raise FormatError(f"EDIT: {count} operations, expected 1..{MAX_EDITS}")
    edits = []
    for number in range(1, count + 1):
        try:
            edit = _read(reader)
        except ConfigError as error:  # what no Edit can be made of, let alone one that a file holds
            raise FormatError(f"EDIT: operation {number}: {error}") from error
        fault = _fault(edit)
        if fault:
            raise FormatError(f"EDIT: operation {number}: {fault}")
        edits.append(edit)
    reader.end()
    return scene, tuple(edits)


def _written(edit: Edit) -> bytes:
    ids = targets_of(edit)
    head = _HEAD.pack(_CODES[type(edit)], len(ids)) + struct.pack(f"<{len(ids)}H", *ids)
    if isinstance(edit, Rename):
        name = edit.name.encode("utf8")
        return head + bytes([len(name)]) + name
    numbers = _numbers(edit)
    return head + struct.pack(f"<{len(numbers)}d", *numbers)


def _read(reader: ByteReader) -> Edit:
    code, count = reader.unpack(_HEAD)
    kind = _OPERATIONS.get(code)
    if kind is None:
        raise UnsupportedVersion(f"EDIT: operation {code} is unknown; this reader knows 1..{max(_OPERATIONS)}")
    ids = reader.unpack(struct.Struct(f"<{count}H"))
    if kind is Rename:
        name = bytes(reader.take(reader.take(1)[0]))
        try:
            return Rename(Target(ids), name.decode("utf8"))
        except UnicodeDecodeError as error:
            raise FormatError(f"EDIT: a name is not UTF-8: {error}") from error
    numbers = reader.unpack(struct.Struct(f"<{_NUMBERS.get(kind, 0)}d"))
    if kind is Crop:
        if count:
            raise FormatError(f"EDIT: a box that names {count} objects, expected none")
        return Crop(_point(numbers[:3]), _point(numbers[3:]))
    target = Target(ids)
    if kind is Rotate:
        return Rotate(target, _point(numbers[:3]), numbers[3], _point(numbers[4:]))
    if kind is Scale:
        return Scale(target, numbers[0], _point(numbers[1:]))
    return kind(target, _point(numbers)) if numbers else kind(target)


def _point(numbers: Sequence[float]) -> Point:
    x, y, z = numbers
    return x, y, z


def _numbers(edit: Edit) -> tuple[float, ...]:
    if isinstance(edit, Move):
        return edit.shift
    if isinstance(edit, Rotate):
        return (*edit.axis, edit.degrees, *(edit.about or ()))
    if isinstance(edit, Scale):
        return (edit.factor, *(edit.about or ()))
    if isinstance(edit, Recolour):
        return edit.colour
    return (*edit.lowest, *edit.highest) if isinstance(edit, Crop) else ()


def _fault(edit: Edit) -> str:
    """Why no file holds this operation; empty where one does."""
    if type(edit) not in _CODES:
        return f"a file holds {', '.join(kind.__name__ for kind in _CODES)}"
    if not isinstance(edit, Crop):
        if edit.target.percent != 0:
            return f"its border is moved by {edit.target.percent:g} per cent; edits are of whole objects"
        ids = edit.target.ids
        if not ids or list(ids) != sorted(set(ids)) or not 1 <= ids[0] <= ids[-1] < 1 << 16:
            return f"objects {quoted(ids)}; expected at least one, in ascending order, each once, in 1..65535"
    if not isinstance(edit, Rename):
        numbers = _numbers(edit)
        if len(numbers) != _NUMBERS.get(type(edit), 0) or not all(abs(x) <= LARGEST for x in numbers):
            return f"numbers {quoted(numbers)}; expected {_NUMBERS.get(type(edit), 0)}, finite, up to {LARGEST:g}"
    return _own_fault(edit)


def _own_fault(edit: Edit) -> str:
    """What only one kind of operation can have."""
    if isinstance(edit, Rotate) and max(map(abs, edit.axis)) < SHORTEST:
        return f"axis {edit.axis}; expected one that is not zero"
    if isinstance(edit, Scale) and not FACTORS[0] <= edit.factor <= FACTORS[1]:
        return f"factor {edit.factor:g}; expected one in {FACTORS[0]:g}..{FACTORS[1]:g}"
    if isinstance(edit, Recolour) and not all(0 <= part <= 1 for part in edit.colour):
        return f"colour {edit.colour}; expected red, green and blue in 0..1"
    if isinstance(edit, Rename) and not is_storable(edit.name):
        return f"name {quoted(edit.name)}; expected at most 255 bytes of UTF-8 without control characters"
    if isinstance(edit, Crop) and not all(low < high for low, high in zip(edit.lowest, edit.highest, strict=True)):
        return f"box from {edit.lowest} to {edit.highest}; expected lower numbers first, then higher ones"
    return ""
