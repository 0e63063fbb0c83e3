"""The point cloud that a ``transforms.json`` names: whether it is whole, and whether it resolves the scene."""

from pathlib import Path

import numpy as np

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float64

KEY = "ply_file_path"
HEADER_BYTES = 4096
PLY_BYTES = {"char": 1, "uchar": 1, "short": 2, "ushort": 2, "int": 4, "uint": 4, "float": 4, "double": 8}
PLY_BYTES |= {"int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "int32": 4, "uint32": 4, "float32": 4, "float64": 8}
_NUMPY = {"char": "i1", "uchar": "u1", "short": "<i2", "ushort": "<u2", "int": "<i4", "uint": "<u4", "float": "<f4"}
_NUMPY |= {"double": "<f8", "int8": "i1", "uint8": "u1", "int16": "<i2", "uint16": "<u2", "int32": "<i4"}
_NUMPY |= {"uint32": "<u4", "float32": "<f4", "float64": "<f8"}
DOUBLE = ("double", "float64")
COARSEST = 1e-3
"""Step of coordinates, as a share of how far the cameras are spread, that a scene can be trained with."""

Points = Float64[np.ndarray, "N 3"]


def check_cloud(file: Path) -> None:
    """Refuse a cloud that is named but useless: the parser would take it for none.

    Raises:
        DataError: It does not exist, is no PLY file, is cut, or is empty.
    """
    if not file.is_file():
        raise DataError(f"the point cloud {file} does not exist. Restore it or remove '{KEY}'")
    header = _header(file)
    lines = header.splitlines()
    counts = [line.split()[2] for line in lines if line.startswith("element vertex")]
    if not counts or not counts[0].isdigit():
        raise DataError(f"{file} is not a PLY file with an 'element vertex' line")
    promised = int(counts[0]) * sum(PLY_BYTES.get(kind, 0) for kind in _properties(lines).values())
    if "format ascii 1.0" not in lines and file.stat().st_size < len(header) + promised:
        raise DataError(
            f"{file} is cut: {file.stat().st_size} bytes, but its {counts[0]} points alone need {promised}. Restore it"
        )
    if int(counts[0]) == 0:
        raise DataError(
            f"{file} holds 0 points. Re-run structure from motion, or remove '{KEY}' to start from random points"
        )


def check_resolution(file: Path, points: Points, spread: float, middle: Float64[np.ndarray, "3"]) -> None:
    """Refuse a cloud whose file rounds coordinates to steps that are large beside the scene.

    Args:
        file: A whole PLY file.
        points: Read from it.
        spread: Of the cameras around their middle, in the same units.
        middle: Of the cameras.

    Raises:
        DataError: Single precision at so large an offset.
    """
    lines = _header(file).splitlines()
    if "format ascii 1.0" in lines or _properties(lines).get("x") in DOUBLE:
        return
    finite = points[np.isfinite(points).all(axis=1)]
    step = float(np.spacing(np.float32(np.median(np.abs(finite), axis=0).max()))) if len(finite) else 0.0
    if step > COARSEST * spread:
        raise DataError(
            f"{file} holds coordinates in single precision, {step:g} apart where its points are, and the cameras are "
            f"spread over {spread:g} only. {how_to_subtract(middle)}; or write the points with double precision"
        )


def how_to_subtract(middle: Float64[np.ndarray, "3"]) -> str:
    """What to do about coordinates that are large beside the scene."""
    return f"Subtract {place(middle)} from the positions of cameras and points before any of them is rounded"


def place(coordinates: Float64[np.ndarray, "3"]) -> str:
    """Coordinates to the unit."""
    return f"({', '.join(f'{value:.0f}' for value in coordinates)})"


def _header(file: Path) -> str:
    with file.open("rb") as stream:
        return stream.read(HEADER_BYTES).split(b"end_header")[0].decode("ascii", "replace")


def _properties(header: list[str]) -> dict[str, str]:
    """Name to type of the scalar properties of a point."""
    words = [line.split() for line in header]
    start = next((i for i, word in enumerate(words) if word[:2] == ["element", "vertex"]), len(words))
    found = {}
    for word in words[start + 1 :]:
        if word[:1] == ["element"]:
            break
        if word[:1] == ["property"] and len(word) == 3:
            found[word[2]] = word[1]
    return found


def points_of(file: Path) -> Points:
    """The points of a PLY file that ``check_cloud`` took, without anything else it has.

    Raises:
        DataError: Its table of points has no x, y and z, or lists, or is big-endian.
    """
    lines = _header(file).splitlines()
    kinds = _properties(lines)
    count = next(int(line.split()[2]) for line in lines if line.startswith("element vertex"))
    first = next(line.split()[1] for line in lines if line.startswith("element"))
    known = first == "vertex" and {*"xyz"} <= kinds.keys() and all(kind in PLY_BYTES for kind in kinds.values())
    if not known or "format binary_big_endian 1.0" in lines:
        raise DataError(
            f"{file}: expected x, y and z of points first, little-endian or as text, and no lists; convert it, or "
            f"remove '{KEY}'"
        )
    with file.open("rb") as stream:
        while stream.readline().strip() != b"end_header":
            pass
        if "format ascii 1.0" in lines:
            try:
                table = np.loadtxt(stream, np.float64, max_rows=count, ndmin=2)
            except ValueError as error:
                raise DataError(f"{file}: its points are no numbers: {error}") from error
            columns = list(kinds)
            found = table[:, [columns.index(axis) for axis in "xyz"]]
        else:
            row = np.dtype([(name, _NUMPY[kind]) for name, kind in kinds.items()])
            table = np.frombuffer(stream.read(count * row.itemsize), row)
            found = np.stack([table[axis].astype(np.float64) for axis in "xyz"], axis=1)
    return found[np.isfinite(found).all(axis=1)]
