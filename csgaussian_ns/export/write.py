"""Files of plain Gaussians, by the ending of their names."""

from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

from csgaussian_ns.core.files import replacing
from csgaussian_ns.export.ply import ply_bytes
from csgaussian_ns.export.splat import read_splat, splat_bytes
from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import read_header, read_splats
from csgaussian_ns.scene.splats import Splats


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        pieces: Of the file, in order; also told whether z points up, and which version of .spz is wanted.
        parse: The Gaussians in an open file.
        degree: Of the harmonics that it holds, at most.
    """

    pieces: Callable[[Splats, bool, int], Iterator[bytes]]
    parse: Callable[[BufferedIOBase], Splats]
    degree: int

    def read(self, path: Path) -> GaussianScene:
        """The Gaussians in a file."""
        with path.open("rb") as stream:
            return self.parse(stream).scene


FORMATS = {
    ".ply": Format(
        lambda splats, z_up, version: ply_bytes(splats, z_up), lambda file: read_splats(file, read_header(file)), 3
    ),
    ".spz": Format(lambda splats, z_up, version: spz_bytes(splats, version), lambda file: read_spz(file.read()), 3),
    ".splat": Format(
        lambda splats, z_up, version: splat_bytes(splats), lambda file: Splats(read_splat(file.read())), 0
    ),
}


def write(splats: Splats, path: Path, z_up: bool, spz_version: int = 3) -> None:
    """Write a file whose name ends in one of ``FORMATS``; an earlier one stays as it is until the new one is complete.

    Args:
        splats: In the axes of the file; those of ``.spz`` are right, up, back.
        path: Its name.
        z_up: Whether z points up, which a PLY file says.
        spz_version: Of an ``.spz`` file, 3 or 4.

    Raises:
        ConfigError: It cannot be written, or the format does not reach so far.
    """
    with replacing(path) as file:
        for piece in FORMATS[path.suffix.lower()].pieces(splats, z_up, spz_version):
            file.write(piece)
