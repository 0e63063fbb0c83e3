"""Objects in ``.spz`` files of version 4: a record of our own among the extensions, which other readers skip.

Extensions lie between header and table: records of u32 type, u32 length and content, one after another. The upper half
of a type is the vendor, which each chooses for itself and makes public; ours is ``CS``, 0x4353, and its first type the
objects. Content, little endian: u8 1; u32 number of names, and for each u32 object, u8 length and UTF-8; then a zlib
stream of u32, the object of each Gaussian in the order of the file, 0 for none. Source of the frame: extensions/README
of nianticlabs/spz.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int64
from csgaussian_ns.core.texts import is_storable, quoted
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.scene.splats import Splats

OBJECTS = 0x43530001
"""Type of the record."""
HAS_RECORDS = 2
"""Flag of the header."""
_RECORD, _VERSION, _COUNT, _NAME = struct.Struct("<II"), struct.Struct("<B"), struct.Struct("<I"), struct.Struct("<IB")


def objects_record(splats: Splats) -> bytes:
    """The record; nothing where nothing is known of objects."""
    if splats.objects is None:
        return b""
    named = {number: name.encode() for number, name in splats.names.items() if name}
    parts = [_VERSION.pack(1), _COUNT.pack(len(named))]
    parts += [_NAME.pack(number, len(name)) + name for number, name in named.items()]
    parts.append(zlib.compress(splats.objects.astype("<u4").tobytes(), 9))
    content = b"".join(parts)
    return _RECORD.pack(OBJECTS, len(content)) + content


def read_objects(records: bytes, count: int) -> tuple[Int64[np.ndarray, " N"] | None, Mapping[int, str]]:
    """The object of each Gaussian and names of objects; ``None`` where no record tells them. The input is not trusted.

    Args:
        records: All extensions of a file.
        count: Its Gaussians.

    Raises:
        FormatError: Damaged.
    """
    content = dict(_records(records)).get(OBJECTS)
    return (None, {}) if content is None else _objects(content, count)


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    reader = ByteReader(data, ".spz extensions")
    while reader.left:
        kind, length = reader.unpack(_RECORD)
        yield kind, bytes(reader.take(length))


def _objects(content: bytes, count: int) -> tuple[Int64[np.ndarray, " N"], dict[int, str]]:
    reader, names = ByteReader(content, ".spz objects"), {}
    (version,) = reader.unpack(_VERSION)
    if version != 1:
        raise FormatError(f".spz objects of version {version}; this reader knows 1")
    for _ in range(reader.unpack(_COUNT)[0]):
        number, length = reader.unpack(_NAME)
        names[number] = _name(bytes(reader.take(length)))
    packed = zlib.decompressobj()
    try:
        plain = packed.decompress(reader.rest(), 4 * count + 1)
    except zlib.error as error:
        raise FormatError(f".spz objects: {error}") from error
    if len(plain) != 4 * count or packed.unconsumed_tail:
        raise FormatError(f".spz objects: expected one for each of {count} Gaussians; the file is damaged")
    return np.frombuffer(plain, "<u4").astype(np.int64), names


def _name(data: bytes) -> str:
    try:
        name = data.decode()
    except UnicodeDecodeError as error:
        raise FormatError(f".spz objects: a name is not UTF-8: {error}") from error
    if not is_storable(name):
        raise FormatError(f".spz objects: the name {quoted(name)} holds control characters")
    return name
