"""Writer of ``.spz`` files of versions 3 and 4, and reader of 2, 3 and 4.

All values are in a byte or three, one attribute after another, in gzip; in version 4 each attribute in zstd.

Header, little endian: u32 magic ``NGSP``, u32 version, u32 Gaussians, u8 degree of harmonics, u8 fractional bits of
positions, u8 flags, u8 0. Then positions (3 x 24 bits fixed point), opacities (255 * alpha), colours of degree 0
(38.25 * coefficient + 127.5), logarithms of scales (16 * (x + 10)), quaternions (32 bits), and coefficients above
degree 0 (128 * x + 128), by coefficient and channel. In version 4 the header ends in the number of streams; then come
u32 place of their table, 12 zeros, records (``spz_objects``), and the table: u64 packed and u64 plain size of each.

Axes are right, up, back; whoever writes a file turns the scene to them (decision 0032). Source: README and packing code
of nianticlabs/spz, read as a specification.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from csgaussian_ns.core.errors import ConfigError, FormatError, LimitExceeded
from csgaussian_ns.core.shapes import Float32, UInt8
from csgaussian_ns.core.zstd import unzstd, zstd
from csgaussian_ns.export.ply import unit
from csgaussian_ns.export.spz_objects import HAS_RECORDS, objects_record, read_objects
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, MAX_DEGREE
from csgaussian_ns.scene.splats import Splats

MAGIC = 0x5053474E
MAGIC_BYTES = b"NGSP"
"""How a file begins that is not packed as a whole."""
_BYTE_QUATS, _SLICES, _COLUMNS = 2, 3, 4
"""Versions that differ from 3: in how rotations are packed, and in how the file is."""
HEADER = struct.Struct("<IIIBBBB")
MOST_FRACTION_BITS = 20
"""After the point of coordinates below 8; farther ones leave fewer. Other writers take 12, wherever things are."""
MOST_GAUSSIANS = 1 << 23
"""Of a file that is read: 5 GB of memory, from as little as 2 kB."""
_TABLE_AT, _PAIR = struct.Struct("<I12x"), struct.Struct("<QQ")
_LARGEST = (1 << 23) - 1
_COLOUR = 0.15 * 255
_MAGNITUDE = 511


def spz_bytes(splats: Splats, version: int = _SLICES) -> Iterator[bytes]:
    """The file, whole; of version 4 with objects.

    Args:
        splats: With y up.
        version: 3 or 4.

    Raises:
        ConfigError: Coordinates that 24 bits do not reach.
        BackendUnavailable: Version 4, and there is no zstd.
    """
    scene = splats.scene
    bits = _fraction_bits(scene.means)
    front, columns = (MAGIC, version, len(splats), scene.degree, bits), _packed_columns(scene, bits)
    if version == _SLICES:
        yield gzip.compress(b"".join([HEADER.pack(*front, 0, 0), *columns]), 6, mtime=0)
        return
    records = objects_record(splats)
    streams = [(zstd(column), len(column)) for column in columns if column]
    yield HEADER.pack(*front, HAS_RECORDS if records else 0, len(streams))
    yield _TABLE_AT.pack(HEADER.size + _TABLE_AT.size + len(records)) + records
    yield b"".join(_PAIR.pack(len(packed), plain) for packed, plain in streams)
    yield from (packed for packed, _ in streams)


def _packed_columns(scene: GaussianScene, bits: int) -> list[bytes]:
    """The attributes, in the order of the file."""
    return [
        np.rint(scene.means * 2.0**bits).astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes(),
        _bytes_of(255 * scene.opacities),
        _bytes_of(_COLOUR * scene.harmonics[:, 0] + 127.5),
        _bytes_of(16 * (np.log(scene.scales) + 10)),
        _packed_quats(unit(scene.quats)).tobytes(),
        _bytes_of(128 * scene.harmonics[:, 1:] + 128),
    ]


def _fraction_bits(means: Float32[np.ndarray, "N 3"]) -> int:
    farthest = float(np.abs(means).max(initial=1e-9))
    bits = min(MOST_FRACTION_BITS, math.floor(math.log2(_LARGEST / farthest)))
    if bits < 0:
        raise ConfigError(f"coordinates of up to {farthest:.3g} do not fit into .spz (2^23); export PLY, or a --box")
    return bits


def _packed_quats(quats: Float32[np.ndarray, "N 4"]) -> np.ndarray:
    """Place of the largest of x, y, z, w in the two highest bits, then the others: a sign and nine bits each."""
    xyzw = quats[:, [1, 2, 3, 0]].astype(np.float64)
    largest = np.abs(xyzw).argmax(axis=1)
    xyzw *= np.where(xyzw[np.arange(len(xyzw)), largest] < 0, -1, 1)[:, None]
    magnitude = np.rint(np.abs(xyzw) * (_MAGNITUDE * math.sqrt(2))).clip(max=_MAGNITUDE).astype(np.uint32)
    coded = magnitude | ((xyzw < 0).astype(np.uint32) << np.uint32(9))
    packed = largest.astype(np.uint32)
    for part in range(4):
        packed = np.where(largest == part, packed, (packed << np.uint32(10)) | coded[:, part])
    return packed.astype("<u4")


def read_spz(data: bytes) -> Splats:
    """Read a file of version 2, 3 or 4, with objects where one of ours has them. The input is not trusted.

    Raises:
        FormatError: Not such a file, damaged, or cut.
        LimitExceeded: It has more than ``MOST_GAUSSIANS``.
        BackendUnavailable: It is of version 4, and there is no zstd.
    """
    front, columns, records = _columns(data) if data.startswith(MAGIC_BYTES) else (*_sliced(data), b"")
    _, version, count, degree, bits, _, _ = front
    places, alphas, colours, scales, quats, sh = columns
    whole, rest = np.zeros((3 * count, 4), np.uint8), COEFFICIENTS[degree] - 1
    whole[:, 1:] = places.reshape(-1, 3)
    means = (whole.view("<i4")[:, 0] >> 8).reshape(-1, 3) / 2.0**bits
    harmonics = np.concatenate(
        [(_floats(colours, 3) - 127.5)[:, None] / _COLOUR, (_floats(sh, 1).reshape(count, rest, 3) - 128) / 128], axis=1
    )
    scene = GaussianScene(
        means.astype(np.float32),
        _quats_of_bytes(quats) if version == _BYTE_QUATS else _unpacked_quats(quats.view("<u4")),
        np.exp(_floats(scales, 3) / np.float32(16) - np.float32(10)),
        _floats(alphas, 1)[:, 0] / np.float32(255),
        harmonics.astype(np.float32),
    )
    return Splats(scene, *read_objects(records, count))


def _sizes(version: int, count: int, degree: int) -> list[int]:
    """Bytes of each attribute, in the order of the file."""
    each = (9, 1, 3, 3, 3 if version == _BYTE_QUATS else 4, 3 * (COEFFICIENTS[degree] - 1))
    return [size * count for size in each]


def _checked(front: tuple[int, ...], versions: tuple[int, ...]) -> list[int]:
    """Sizes of the attributes that a header promises."""
    magic, version, count, degree, *_ = front
    if magic != MAGIC or version not in versions or degree > MAX_DEGREE:
        known = " or ".join(map(str, versions))
        raise FormatError(f"not a .spz file of version {known} and degree 0 to {MAX_DEGREE}, so packed")
    if count > MOST_GAUSSIANS:
        raise LimitExceeded(f"the .spz file promises {count} Gaussians, more than {MOST_GAUSSIANS}; split it")
    return _sizes(version, count, degree)


def _sliced(data: bytes) -> tuple[tuple[int, ...], list[UInt8[np.ndarray, " M"]]]:
    """Header and attributes of versions 2 and 3, which are one stream, unpacked as far as its header says."""
    head = _unpacked(data, HEADER.size)
    if len(head) < HEADER.size:
        raise FormatError("not a .spz file: it is shorter than a header")
    front = HEADER.unpack(head)
    sizes = _checked(front, (_BYTE_QUATS, _SLICES))
    plain = _unpacked(data, HEADER.size + sum(sizes))
    if len(plain) < HEADER.size + sum(sizes):
        raise FormatError(f"the .spz file is cut: {front[2]} Gaussians take {HEADER.size + sum(sizes)} bytes")
    edges = np.cumsum([HEADER.size, *sizes])
    return front, [
        np.frombuffer(plain, np.uint8, size, first) for first, size in zip(edges[:-1].tolist(), sizes, strict=True)
    ]


def _columns(data: bytes) -> tuple[tuple[int, ...], list[UInt8[np.ndarray, " M"]], bytes]:
    """Header, attributes and records of version 4."""
    if len(data) < _TABLE_AT.size + HEADER.size:
        raise FormatError("not a .spz file: it is shorter than a header")
    front = HEADER.unpack_from(data)
    sizes, streams, at = _checked(front, (_COLUMNS,)), front[6], _TABLE_AT.unpack_from(data, HEADER.size)[0]
    wanted = [size for size in sizes if size]
    if streams < len(wanted) or len(data) < at + _PAIR.size * streams:
        raise FormatError(f"the .spz file has {streams} streams, expected {len(wanted)}; it is damaged or cut")
    table = [_PAIR.unpack_from(data, at + _PAIR.size * number) for number in range(len(wanted))]
    if [plain for _, plain in table] != wanted:
        raise FormatError("the .spz file's streams have not the sizes of its Gaussians; it is damaged")
    place, columns = at + _PAIR.size * streams, []
    for packed, plain in table:
        columns.append(np.frombuffer(unzstd(data[place : place + packed], plain), np.uint8))
        place += packed
    records = data[HEADER.size + _TABLE_AT.size : at] if front[5] & HAS_RECORDS else b""
    return front, [*columns, *(np.zeros(0, np.uint8) for _ in range(len(sizes) - len(columns)))], records


def _unpacked(data: bytes, size: int) -> bytes:
    """The first bytes of what is packed."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(data, size)
    except zlib.error as error:
        raise FormatError(f"not a .spz file: {error}") from error


def _quats_of_bytes(packed: UInt8[np.ndarray, " M"]) -> Float32[np.ndarray, "N 4"]:
    """Of version 2: x, y and z in a byte each."""
    xyz = _floats(packed, 3) / np.float32(127.5) - 1
    w = np.sqrt(np.maximum(0, 1 - np.square(xyz).sum(axis=1, keepdims=True)))
    return np.concatenate([w, xyz], axis=1).astype(np.float32)


def _unpacked_quats(packed: np.ndarray) -> Float32[np.ndarray, "N 4"]:
    largest, xyzw, packed = (packed >> 30).astype(np.int64), np.zeros((len(packed), 4)), packed.copy()
    for part in (3, 2, 1, 0):
        stored = largest != part
        value = (packed & 511) * (math.sqrt(0.5) / _MAGNITUDE) * np.where(packed & 512, -1, 1)
        xyzw[stored, part] = value[stored]
        packed = np.where(stored, packed >> 10, packed)
    xyzw[np.arange(len(xyzw)), largest] = np.sqrt(np.maximum(0, 1 - (xyzw**2).sum(axis=1)))
    return xyzw[:, [3, 0, 1, 2]].astype(np.float32)


def _floats(values: UInt8[np.ndarray, " M"], width: int) -> Float32[np.ndarray, "N C"]:
    return values.astype(np.float32).reshape(-1, width)


def _bytes_of(values: np.ndarray) -> bytes:
    return np.rint(values).clip(0, 255).astype(np.uint8).tobytes()
