"""Writers and readers of LABL and TREE side by side.

Everything in LABL but names and embeddings follows from labels, voxels and decoded features. It is stored all the
same: a reader lists the objects without decoding any anchor, and one that decodes them all compares.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.shapes import Int64
from csgaussian_ns.core.texts import has_control, quoted
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.morton import MAX_BITS, MAX_ORIGIN
from csgaussian_ns.format.objects import CENTRE_UNITS, MAX_EMBEDDING, ObjectTable, ObjectTexts

_MAX_VOXEL = MAX_ORIGIN + (1 << MAX_BITS)
_HEAD = struct.Struct("<HHB")
_COUNT = struct.Struct("<H")


def write_objects(table: ObjectTable, texts: ObjectTexts) -> bytes:
    """LABL, little endian.

    u16 objects N, u16 channels E of an embedding (0 without any), u8 length and UTF-8 name of the text encoder. Then
    column by column: u32 anchors, i32 x 3 centre, i32 x 3 lowest, i32 x 3 highest voxel, i32 x D feature. Then of each
    object u8 length and UTF-8 name. With E > 0: u8 whether it has an embedding, of each; i8 x E of those that have one.
    """
    channels = next((len(vector) for vector in texts.embeddings if vector is not None), 0)
    encoder = texts.encoder.encode() if channels else b""
    parts = [_HEAD.pack(len(table), channels, len(encoder)), encoder]
    parts += [column.astype("<i4").tobytes() for column in table.columns()]
    parts += [bytes([len(name.encode())]) + name.encode() for name in texts.names]
    if channels:
        parts.append(bytes(vector is not None for vector in texts.embeddings))
        parts += [vector.tobytes() for vector in texts.embeddings if vector is not None]
    return b"".join(parts)


def read_objects(data: bytes, feature_dim: int, anchors: int) -> tuple[ObjectTable, ObjectTexts]:
    """The inverse of ``write_objects``. Untrusted: memory stays within a small multiple of ``len(data)``.

    Args:
        data: The content of LABL.
        feature_dim: Channels D of a semantic feature.
        anchors: Of the scene.

    Raises:
        FormatError: Not this layout, or numbers that no scene has.
    """
    reader = ByteReader(data, "LABL")
    count, channels, length = reader.unpack(_HEAD)
    encoder = _text(reader, length)
    if channels > MAX_EMBEDDING or (channels > 0) != bool(encoder):
        raise FormatError(
            f"LABL: embeddings of {channels} channels by encoder {quoted(encoder)}; expected both or none"
        )
    table = ObjectTable(
        _integers(reader, count, 1)[:, 0], *(_integers(reader, count, width) for width in (3, 3, 3, feature_dim))
    )
    _check_table(table, anchors)
    names = tuple(_text(reader, reader.take(1)[0]) for _ in range(count))
    embeddings: list[NDArray[np.int8] | None] = [None] * count
    if channels:
        flags = reader.array("u1", count)
        if (flags > 1).any():
            raise FormatError("LABL: a flag of an embedding is neither 0 nor 1")
        for number in np.flatnonzero(flags).tolist():
            vector = reader.array("i1", channels)
            if not vector.any():
                raise FormatError(f"LABL: the embedding of object {number + 1} is zero")
            embeddings[number] = vector
    reader.end()
    return table, ObjectTexts(names, tuple(embeddings), encoder)


def write_tree(tree: ObjectTree) -> bytes:
    """TREE, little endian: u16 wholes W, then a u16 for each object and each whole, the whole that it is a part of."""
    return np.array([tree.wholes, *tree.parents], "<u2").tobytes()


def read_tree(data: bytes, objects: int) -> ObjectTree:
    """The inverse of ``write_tree``, of a scene of so many objects.

    Raises:
        FormatError: Not this layout, or no tree: too deep, a whole in itself, or one of a single part.
    """
    reader = ByteReader(data, "TREE")
    [wholes] = reader.unpack(_COUNT)
    parents = reader.array("<u2", objects + wholes).tolist()
    reader.end()
    try:
        return ObjectTree(objects, tuple(parents))
    except ValueError as error:
        raise FormatError(f"TREE: {error}; the file is damaged") from error


def _check_table(table: ObjectTable, anchors: int) -> None:
    if len(table) == 0:
        return
    inside = (table.lowest * CENTRE_UNITS <= table.centre) & (table.centre <= table.highest * CENTRE_UNITS)
    if table.anchors.min() < 1 or table.anchors.sum() > anchors:
        raise FormatError(f"LABL: objects of {table.anchors.min()} to {table.anchors.max()} anchors, all in {anchors}")
    if not inside.all() or table.lowest.min() < -_MAX_VOXEL or table.highest.max() > _MAX_VOXEL:
        raise FormatError("LABL: the centre of an object lies outside its box, or the box outside every scene")


def _integers(reader: ByteReader, rows: int, columns: int) -> Int64[np.ndarray, "rows columns"]:
    return reader.array("<i4", rows * columns).astype(np.int64).reshape(rows, columns)


def _text(reader: ByteReader, size: int) -> str:
    try:
        text = bytes(reader.take(size)).decode("utf8")
    except UnicodeDecodeError as error:
        raise FormatError(f"LABL: a name is not UTF-8: {error}") from error
    if has_control(text):
        raise FormatError(f"LABL: the name {quoted(text)} holds control characters")
    return text
