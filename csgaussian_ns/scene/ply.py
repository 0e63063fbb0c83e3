"""Reader of the ``.ply`` files in which 3DGS and most tools after it keep Gaussians. The input is not trusted.

A PLY file is a text header that lists elements and their properties, then one table per element. 3DGS writes one
element ``vertex`` with logarithms of scales, logits of opacities, and harmonics with all coefficients of a channel in a
row.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from typing import Literal, NamedTuple, cast

import numpy as np

from csgaussian_ns.core.arrays import sigmoid
from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.core.shapes import Float32, Int64
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply_magic import MAGIC
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, CONSTANT, MAX_DEGREE
from csgaussian_ns.scene.splats import Splats, gathered

OBJECT_ID = "object_id"
"""Property that numbers the object of a Gaussian, 0 for none; splat-transform keeps it and filters by it."""
Z_UP = "Vertical Axis: z"
"""Comment of files whose z axis points up, as nerfstudio writes it; in others y points down, as with COLMAP."""
MAX_LINE = 1024
"""Bytes of a line of the header."""
MAX_LINES = 1024
MAX_BYTES = 1 << 32
"""Size of the table of Gaussians that is read without being asked to: 17 million with harmonics of degree 3."""
RUN = 1 << 14
"""Rows that are read together where not all are needed at once."""

Encoding = Literal["ascii", "binary_little_endian", "binary_big_endian"]
_ORDER: dict[Encoding, str] = {"ascii": "<", "binary_little_endian": "<", "binary_big_endian": ">"}
_TYPES = {
    **{"char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4"},
    **{"int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4"},
    **{"float": "f4", "double": "f8", "float32": "f4", "float64": "f8"},
}
_PLACE = ("x", "y", "z")
_SCALES = ("scale_0", "scale_1", "scale_2")
_QUATS = ("rot_0", "rot_1", "rot_2", "rot_3")
_CONSTANTS = ("f_dc_0", "f_dc_1", "f_dc_2")
_RGB = ("red", "green", "blue")


class Element(NamedTuple):
    """One table of a file.

    Attributes:
        name: ``vertex`` for the Gaussians.
        count: Rows.
        kinds: Type of each property as numpy writes it; ``None`` for a list, whose length each row states.
    """

    name: str
    count: int
    kinds: dict[str, str | None]


@dataclass(frozen=True)
class PlyHeader:
    """What the header of a file says about its Gaussians.

    Attributes:
        encoding: Of all tables.
        comments: What else is written in it, line by line.
        before: Elements that come before the Gaussians.
        vertex: The Gaussians.
        harmonics: Names of the properties that hold coefficients of degree 1 and above, in order.
    """

    encoding: Encoding
    comments: tuple[str, ...]
    before: tuple[Element, ...]
    vertex: Element
    harmonics: tuple[str, ...]

    @property
    def has_rgb(self) -> bool:
        """Whether the colours are plain ones, from 0 to 255 or 0 to 1, the same from everywhere."""
        return _CONSTANTS[0] not in self.vertex.kinds


def read_ply(stream: BufferedIOBase, max_bytes: int = MAX_BYTES) -> GaussianScene:
    """Read Gaussians from an open seekable file that stands at its beginning.

    Args:
        stream: The file.
        max_bytes: Largest size of the table of Gaussians, refused before memory is taken.

    Raises:
        FormatError: Not a PLY file, not one of Gaussians, damaged, or cut.
        LimitExceeded: It is larger than ``max_bytes``.
    """
    return read_gaussians(stream, read_header(stream), max_bytes)


def read_header(stream: BufferedIOBase) -> PlyHeader:
    """Read the header; the stream then stands at the first table.

    Raises:
        FormatError: Not a PLY file, or not one of Gaussians as 3DGS stores them.
    """
    lines = _lines(stream)
    if next(lines) != [MAGIC.decode()]:
        raise FormatError("not a PLY file: its first line is not 'ply'")
    encoding, comments, elements = None, list[str](), list[Element]()
    for words in lines:
        if words == ["end_header"]:
            break
        if words[:1] in (["comment"], ["obj_info"]):
            comments.append(" ".join(words[1:]))
        elif words[:1] == ["format"] and words[2:] == ["1.0"] and words[1] in _ORDER and encoding is None:
            encoding = cast(Encoding, words[1])
        else:
            _declare(words, elements)
    if encoding is None:
        raise FormatError("PLY header: no line says which format the tables have")
    names = [element.name for element in elements]
    if names.count("vertex") != 1:
        raise FormatError(f"PLY header: expected one element 'vertex', got {names.count('vertex')}")
    at = names.index("vertex")
    return PlyHeader(encoding, tuple(comments), tuple(elements[:at]), elements[at], _harmonics(elements[at]))


def up_of_ply(header: PlyHeader) -> tuple[float, float, float]:
    """Which way is up, as far as one can tell."""
    return (0.0, 0.0, 1.0) if Z_UP in header.comments else (0.0, -1.0, 0.0)


def _declare(words: list[str], elements: list[Element]) -> None:
    """Add the element, or the property of the last one, that a line of the header declares."""
    known = elements[-1].kinds if elements else None
    match words:
        case ["element", name, count] if count.isdecimal() and len(count) < 16:
            elements.append(Element(name, int(count), {}))
        case ["property", "list", _, _, name] if known is not None and name not in known:
            known[name] = None
        case ["property", kind, name] if kind in _TYPES and known is not None and name not in known:
            known[name] = _TYPES[kind]
        case _:
            raise FormatError(f"PLY header: {' '.join(words)[:99]!a} is not understood, or stands in a wrong place")


def _lines(stream: BufferedIOBase) -> Iterator[list[str]]:
    """Words of each line up to the end of the header."""
    for _ in range(MAX_LINES):
        line = stream.readline(MAX_LINE)
        if not line.endswith(b"\n"):
            raise FormatError(f"PLY header: no 'end_header', or a line of more than {MAX_LINE} bytes")
        yield line.decode("ascii", "replace").split()
    raise FormatError(f"PLY header: more than {MAX_LINES} lines")


def _harmonics(vertex: Element) -> tuple[str, ...]:
    """Names of the coefficients of degree 1 and above; checks that all that a Gaussian needs is there."""
    if "packed_position" in vertex.kinds:
        raise FormatError("this is a compressed PLY of PlayCanvas; export it as a plain one (splat-transform does)")
    colour = _RGB if _RGB[0] in vertex.kinds and _CONSTANTS[0] not in vertex.kinds else _CONSTANTS
    missing = [name for name in (*_PLACE, *colour, "opacity", *_SCALES, *_QUATS) if vertex.kinds.get(name) is None]
    if missing:
        raise FormatError(
            f"a PLY file, but not of Gaussians as 3DGS stores them: 'vertex' has no number {', '.join(missing)}"
        )
    if None in vertex.kinds.values():
        raise FormatError("PLY header: 'vertex' holds a list; those of Gaussians have numbers alone")
    count = sum(name.startswith("f_rest_") for name in vertex.kinds)
    names = tuple(f"f_rest_{number}" for number in range(count))
    allowed = [3 * (coefficients - 1) for coefficients in COEFFICIENTS]
    if count not in allowed or not vertex.kinds.keys() >= set(names):
        raise FormatError(
            f"PLY header: {count} properties f_rest_*; degrees 0 to {MAX_DEGREE} have {allowed}, numbered from 0 on"
        )
    return names


def read_gaussians(stream: BufferedIOBase, header: PlyHeader, max_bytes: int = MAX_BYTES) -> GaussianScene:
    """Read the Gaussians behind a header; see ``read_ply``."""
    return read_splats(stream, header, max_bytes).scene


def read_splats(stream: BufferedIOBase, header: PlyHeader, max_bytes: int = MAX_BYTES) -> Splats:
    """Read the Gaussians behind a header, and whose they are where it says so; errors as of ``read_ply``."""
    return gathered(runs_of_splats(stream, header, max_bytes), header.vertex.count)


def runs_of_splats(stream: BufferedIOBase, header: PlyHeader, max_bytes: int = MAX_BYTES) -> Iterator[Splats]:
    """As ``read_splats``, run by run, each of ``RUN`` rows at most; of a file in ASCII all at once."""
    for element in header.before:
        _skip(stream, header.encoding, element)
    for table in _tables(stream, header, max_bytes):
        yield _splats(table, header)


def _splats(table: np.ndarray, header: PlyHeader) -> Splats:
    def columns(*names: str) -> Float32[np.ndarray, "N C"]:
        return np.stack([table[name].astype(np.float32) for name in names], axis=1)

    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is not drawn
        if header.has_rgb:
            full = 255 if header.vertex.kinds[_RGB[0]] == "u1" else 1
            constants = (columns(*_RGB) / np.float32(full) - np.float32(0.5)) / np.float32(CONSTANT)
        else:
            constants = columns(*_CONSTANTS)
        harmonics = constants[:, None]
        if header.harmonics:
            by_channel = columns(*header.harmonics).reshape(len(table), 3, len(header.harmonics) // 3)
            harmonics = np.concatenate([harmonics, by_channel.transpose(0, 2, 1)], axis=1)
        opacities = sigmoid(columns("opacity")[:, 0])
        scene = GaussianScene(columns(*_PLACE), columns(*_QUATS), np.exp(columns(*_SCALES)), opacities, harmonics)
    return Splats(scene, _objects(table))


def _objects(table: np.ndarray) -> Int64[np.ndarray, " N"] | None:
    if OBJECT_ID not in (table.dtype.names or ()):
        return None
    numbers = table[OBJECT_ID].astype(np.float64)
    wrong = ~((numbers >= 0) & (numbers < 1 << 31) & (numbers == np.floor(numbers)))
    if wrong.any():
        raise FormatError(f"PLY file: {OBJECT_ID} {numbers[wrong][0]:g}; expected whole numbers from 0 on")
    return numbers.astype(np.int64)


def _skip(stream: BufferedIOBase, encoding: Encoding, element: Element) -> None:
    if encoding == "ascii":
        for _ in range(element.count):
            if not stream.readline():
                raise FormatError(f"the PLY file ends inside element {element.name!a}")
        return
    if None in element.kinds.values():
        raise FormatError(f"PLY header: element {element.name!a} holds lists and comes before 'vertex'")
    size = _row_type(encoding, element).itemsize * element.count
    if size > _left(stream):
        raise FormatError(f"the PLY file ends inside element {element.name!a}, which has {size} bytes")
    stream.seek(size, 1)


def _tables(stream: BufferedIOBase, header: PlyHeader, max_bytes: int) -> Iterator[np.ndarray]:
    """The rows of ``vertex``, structured; at least one run, be it empty."""
    kind, count, left = _row_type(header.encoding, header.vertex), header.vertex.count, _left(stream)
    size = kind.itemsize * count
    if size > max_bytes:
        raise LimitExceeded(
            f"the PLY file has {count} Gaussians of {kind.itemsize} bytes, together more than {max_bytes}; split it, "
            f"or read it in Python if you trust it: csgaussian_ns.scene.ply.read_ply(stream, max_bytes={size})"
        )
    if header.encoding != "ascii":
        if size > left:
            raise FormatError(f"the PLY file is cut: {count} Gaussians take {size} bytes, {left} are left")
        for start in range(0, max(1, count), RUN):
            rows = min(RUN, count - start)
            yield np.frombuffer(stream.read(rows * kind.itemsize), kind, rows)
        return
    numbers = count * len(header.vertex.kinds)
    if 2 * numbers > left + 1:
        raise FormatError(f"the PLY file is cut: {count} Gaussians have {numbers} numbers, {left} bytes are left")
    yield _typed(stream, kind, count)


def _typed(stream: BufferedIOBase, kind: np.dtype, count: int) -> np.ndarray:
    """Rows written in ASCII."""
    if count == 0:
        return np.empty(0, kind)
    try:
        found = np.loadtxt(stream, kind, comments=None, max_rows=count, ndmin=1)
    except (ValueError, OverflowError) as error:
        raise FormatError(f"PLY file: {str(error)[:200]}") from error
    if len(found) != count:
        raise FormatError(f"the PLY file is cut: {count} Gaussians are promised, {len(found)} are there")
    return found


def _row_type(encoding: Encoding, element: Element) -> np.dtype:
    return np.dtype([(name, f"{_ORDER[encoding]}{kind}") for name, kind in element.kinds.items()])


def _left(stream: BufferedIOBase) -> int:
    """Bytes from where the stream stands to its end."""
    here = stream.tell()
    end = stream.seek(0, 2)
    stream.seek(here)
    return end - here
