"""Files of plain Gaussians as tools write them, each made of one float PLY file and read back into a scene to draw."""

import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from imports import read as read_gaussians

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.export.spz import read_spz
from csgaussian_ns.export.write import write
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.load import load
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools.splat_transform import converter

PLY = "3DGS, float PLY"
"""What all others are made of."""


class Kind(NamedTuple):
    """One way to keep plain Gaussians.

    Attributes:
        ending: Of its files.
        write: From a float PLY file to one of these. Raises ``BackendUnavailable`` where what writes it is not here.
        read: What can be drawn of such a file.
        by: What writes and reads it, where that is not this package.
    """

    ending: str
    write: Callable[[Path, Path], None]
    read: Callable[[Path], Scene]
    by: str = ""


def _plain(source: Path, target: Path) -> None:
    write(Splats(read_gaussians(source)), target, z_up=True)


def _spz4(source: Path, target: Path) -> None:
    import gsply

    given = gsply.plyread(str(source))
    bits = min(20, math.floor(math.log2((2**23 - 1) / float(np.abs(given.means).max()))))  # as our writer of 3 has them
    gsply.write_spz(target, given, version=4, fractional_bits=bits)


def _compressed(source: Path, target: Path) -> None:
    import gsply

    given = gsply.plyread(str(source))
    replace_file(target, gsply.compress_to_bytes(given))


def _sog(source: Path, target: Path) -> None:
    converter(".sog")(source, target)


def _read_sog(path: Path) -> GaussianScene:
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.ply")
        converter(".ply")(path, plain)
        return read_gaussians(plain)


def _png(source: Path, target: Path) -> None:
    from gsplat.compression import PngCompression

    if not torch.cuda.is_available():
        raise BackendUnavailable("gsplat's PngCompression clusters harmonics with torchpq, which runs on CUDA alone")
    scene = read_gaussians(source)
    values = {
        "means": scene.means,
        "scales": np.log(scene.scales),
        "quats": scene.quats,
        "opacities": np.log(scene.opacities / (1 - scene.opacities)),
        "sh0": scene.harmonics[:, :1],
        "shN": scene.harmonics[:, 1:],
    }
    target.mkdir(exist_ok=True)
    try:
        PngCompression(verbose=False).compress(str(target), {k: torch.from_numpy(v).cuda() for k, v in values.items()})
    except ImportError as error:
        raise BackendUnavailable(f"gsplat's PngCompression: {error}") from error


def _read_png(path: Path) -> GaussianScene:
    from gsplat.compression import PngCompression

    v = {name: value.float() for name, value in PngCompression(verbose=False).decompress(str(path)).items()}
    harmonics = torch.cat([v["sh0"], v["shN"]], dim=1)
    found = v["means"], v["quats"], v["scales"].exp(), v["opacities"].sigmoid(), harmonics
    return GaussianScene(*(value.numpy() for value in found))


def _import(step: float) -> Kind:
    def coded(source: Path, target: Path) -> None:
        replace_file(target, import_gaussians(Splats(read_gaussians(source)), Settings(step=step)).data)

    return Kind(".csg", coded, load)


KINDS = {
    PLY: Kind(".ply", _plain, read_gaussians),
    "3DGS, SPZ 3": Kind(".spz", _plain, lambda path: read_spz(path.read_bytes()).scene),
    "3DGS, SPZ 4": Kind(".4.spz", _spz4, lambda path: read_spz(path.read_bytes()).scene, "written by gsply"),
    "3DGS, compressed PLY": Kind(".compressed.ply", _compressed, read_gaussians, "gsply"),
    "3DGS, `csg import`": _import(1.0),
    "3DGS, `csg import --step 2`": _import(2.0),
    "3DGS, SOG": Kind(".sog", _sog, _read_sog, "splat-transform"),
    "3DGS, PNG of gsplat": Kind(".png", _png, _read_png, "gsplat"),
}


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(part.stat().st_size for part in path.rglob("*")) if path.is_dir() else path.stat().st_size
