"""``csg info`` of a ``.ply`` file with Gaussians."""

from io import BufferedIOBase
from typing import Any

import numpy as np

from csgaussian_ns.scene.ply import Z_UP, Header, read_gaussians, read_header

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
    scene = read_gaussians(stream, header)
    arrays = (
        scene.means,
        scene.quats,
        scene.scales,
        scene.opacities[:, None],
        scene.harmonics.reshape(len(scene.means), -1),
    )
    finite = np.logical_and.reduce([np.isfinite(array).all(axis=1) for array in arrays])
    inside = scene.means[finite]
    corners = [inside.min(axis=0).tolist(), inside.max(axis=0).tolist()] if len(inside) else None
    return {
        "bytes": stream.seek(0, 2),
        "encoding": header.encoding,
        "gaussians": len(scene.means),
        "not_finite": int((~finite).sum()),
        "degree": scene.degree,
        "up": "z" if Z_UP in header.comments else "-y",
        "bounds": corners,
        "bytes_per_gaussian": _bytes_of(header),
    }


def _bytes_of(header: Header) -> dict[str, int]:
    """Bytes of one Gaussian in memory, by attribute; of ASCII, as its types say."""
    sizes = dict.fromkeys([*GROUPS, "unused"], 0)
    for name, kind in header.vertex.kinds.items():
        found = [group for group, begins in GROUPS.items() if name in begins or name.startswith(_numbered(begins))]
        sizes[found[0] if found else "unused"] += np.dtype(kind).itemsize
    return {group: size for group, size in sizes.items() if size}


def _numbered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in names if name.endswith("_"))


def print_ply(name: str, facts: dict[str, Any]) -> None:
    """Print what ``describe_ply`` found out about the file ``name``."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    broken = f", {facts['not_finite']:,} of them not finite" if facts["not_finite"] else ""
    console.print(
        f"[bold]{escape(name)}[/bold]  {facts['bytes'] / 1e6:.3f} MB, {facts['gaussians']:,} Gaussians{broken}"
    )
    table = Table("attribute", "bytes each", "bytes")
    for group, size in facts["bytes_per_gaussian"].items():
        table.add_row(group, str(size), f"{size * facts['gaussians']:,}")
    console.print(table)
    console.print(f"{'encoding':12} {facts['encoding']}", highlight=False)
    console.print(f"{'degree':12} {facts['degree']}", highlight=False)
    console.print(f"{'up':12} {facts['up']}", highlight=False)
    if facts["bounds"]:
        low, high = (", ".join(f"{x:.4g}" for x in corner) for corner in facts["bounds"])
        console.print(f"{'bounds':12} [{low}] to [{high}]", highlight=False, markup=False)
