"""Files of plain Gaussians, by the ending of their names."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from csgaussian_ns.core.files import replacing
from csgaussian_ns.export.ply import ply_bytes
from csgaussian_ns.export.splat import read_splat, splat_bytes
from csgaussian_ns.export.splats import Splats
from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import read_ply


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        pieces: Of the file, in order; also told whether z points up.
        read: The Gaussians in a file.
        degree: Of the harmonics that it holds, at most.
        objects: Whether it says whose each Gaussian is.
    """

    pieces: Callable[[Splats, bool], Iterator[bytes]]
    read: Callable[[Path], GaussianScene]
    degree: int
    objects: bool


def _read_ply(path: Path) -> GaussianScene:
    with path.open("rb") as stream:
        return read_ply(stream)


FORMATS = {
    ".ply": Format(ply_bytes, _read_ply, 3, True),
    ".spz": Format(lambda splats, z_up: spz_bytes(splats), lambda path: read_spz(path.read_bytes()), 3, False),
    ".splat": Format(lambda splats, z_up: splat_bytes(splats), lambda path: read_splat(path.read_bytes()), 0, False),
}


def write(splats: Splats, path: Path, z_up: bool) -> None:
    """Write a file whose name ends in one of ``FORMATS``; an earlier one stays as it is until the new one is complete.

    Raises:
        ConfigError: It cannot be written, or the format does not reach so far.
    """
    with replacing(path) as file:
        for piece in FORMATS[path.suffix.lower()].pieces(splats, z_up):
            file.write(piece)
