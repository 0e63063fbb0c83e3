"""``csg info`` of a ``.ply`` file with Gaussians."""

from io import BufferedIOBase
from typing import Any

import numpy as np

from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import Z_UP, PlyHeader, read_header, runs_of_splats
from csgaussian_ns.tools.terminal import tell, tell_table

GROUPS = {
    "position": ("x", "y", "z"),
    "colour": ("f_dc_", "red", "green", "blue"),
    "harmonics": ("f_rest_",),
    "opacity": ("opacity",),
    "scale": ("scale_",),
    "rotation": ("rot_",),
}
"""Attributes of a Gaussian, by how the names of their properties begin; all else is not used."""


def describe_ply(stream: BufferedIOBase) -> dict[str, Any]:
    """Facts about an open file, for people and for JSON.

    Raises:
        FormatError: Not a PLY file with Gaussians, damaged, or cut.
    """
    header = read_header(stream)
    lowest, highest, finite, degree = np.full(3, np.inf), np.full(3, -np.inf), 0, 0
    for scene in (splats.scene for splats in runs_of_splats(stream, header)):
        inside = scene.means[_is_finite(scene)]
        lowest = np.minimum(lowest, inside.min(axis=0, initial=np.inf))
        highest = np.maximum(highest, inside.max(axis=0, initial=-np.inf))
        finite, degree = finite + len(inside), scene.degree
    return {
        "bytes": stream.seek(0, 2),
        "encoding": header.encoding,
        "gaussians": header.vertex.count,
        "not_finite": header.vertex.count - finite,
        "degree": degree,
        "up": "z" if Z_UP in header.comments else "-y",
        "bounds": [lowest.tolist(), highest.tolist()] if finite else None,
        "bytes_per_gaussian": _bytes_of(header),
    }


def _is_finite(scene: GaussianScene) -> Bool[np.ndarray, " N"]:
    columns = (scene.means, scene.quats, scene.scales, scene.opacities[:, None], *scene.harmonics.swapaxes(0, 1))
    return np.logical_and.reduce([np.isfinite(column).all(axis=1) for column in columns])


def _bytes_of(header: PlyHeader) -> dict[str, int]:
    """Bytes of one Gaussian in memory, by attribute; of ASCII, as its types say."""
    sizes = dict.fromkeys([*GROUPS, "unused"], 0)
    for name, kind in header.vertex.kinds.items():
        found = [group for group, begins in GROUPS.items() if name in begins or name.startswith(_numbered(begins))]
        sizes[found[0] if found else "unused"] += np.dtype(kind).itemsize
    return {group: size for group, size in sizes.items() if size}


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.endswith("_"))


def tell_ply(name: str, facts: dict[str, Any]) -> None:
    """Print what ``describe_ply`` found out about the file ``name``."""
    broken = f", {facts['not_finite']:,} of them not finite" if facts["not_finite"] else ""
    tell(f"{name}  {facts['bytes'] / 1e6:.3f} MB, {facts['gaussians']:,} Gaussians{broken}")
    rows = [(group, str(size), f"{size * facts['gaussians']:,}") for group, size in facts["bytes_per_gaussian"].items()]
    tell_table(("attribute", "bytes each", "bytes"), rows)
    for fact in ("encoding", "degree", "up"):
        tell(f"{fact:12} {facts[fact]}")
    if facts["bounds"]:
        low, high = (", ".join(f"{x:.4g}" for x in corner) for corner in facts["bounds"])
        tell(f"{'bounds':12} [{low}] to [{high}]")
