"""Files of plain Gaussians, by the ending of their names."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from csgaussian_ns.core.files import replacing
from csgaussian_ns.export.ply import ply_bytes
from csgaussian_ns.export.splat import read_splat, splat_bytes
from csgaussian_ns.export.spz import read_spz, spz_bytes
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import read_ply
from csgaussian_ns.scene.splats import Splats


class Format(NamedTuple):
    """A kind of file.

    Attributes:
        pieces: Of the file, in order; also told whether z points up.
        parse: The Gaussians in the bytes of a file.
        degree: Of the harmonics that it holds, at most.
        objects: Whether it says whose each Gaussian is.
    """

    pieces: Callable[[Splats, bool], Iterator[bytes]]
    parse: Callable[[bytes], GaussianScene]
    degree: int
    objects: bool

    def read(self, path: Path) -> GaussianScene:
        """The Gaussians in a file."""
        return self.parse(path.read_bytes())


FORMATS = {
    ".ply": Format(ply_bytes, lambda data: read_ply(BytesIO(data)), 3, True),
    ".spz": Format(lambda splats, z_up: spz_bytes(splats), read_spz, 3, False),
    ".splat": Format(lambda splats, z_up: splat_bytes(splats), read_splat, 0, False),
}


def write(splats: Splats, path: Path, z_up: bool) -> None:
    """Write a file whose name ends in one of ``FORMATS``; an earlier one stays as it is until the new one is complete.

    Raises:
        ConfigError: It cannot be written, or the format does not reach so far.
    """
    with replacing(path) as file:
        for piece in FORMATS[path.suffix.lower()].pieces(splats, z_up):
            file.write(piece)
