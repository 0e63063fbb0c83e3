"""Writer of PLY files as 3DGS makes them; ``scene.ply`` reads them."""

from collections.abc import Iterator

import numpy as np

from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.scene.ply import OBJECT_ID, Z_UP
from csgaussian_ns.scene.splats import Splats

BLOCK = 1 << 16
"""Gaussians written at a time."""
FAINTEST = 1e-6
"""Opacities are kept this far from 0 and 1, whose logits are infinite."""


def ply_bytes(splats: Splats, z_up: bool) -> Iterator[bytes]:
    """The file, piece by piece: a binary table of floats, with normals of 0 as other readers expect.

    Args:
        splats: With finite values.
        z_up: Whether z points up, as a comment then says in nerfstudio's words; else -y does.
    """
    rest = 3 * (splats.scene.harmonics.shape[1] - 1)
    names = ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
    names += [f"f_rest_{number}" for number in range(rest)]
    names += ["opacity", *(f"scale_{axis}" for axis in range(3)), *(f"rot_{part}" for part in range(4))]
    if splats.objects is not None:
        names.append(OBJECT_ID)
    lines = ["ply", "format binary_little_endian 1.0", *([f"comment {Z_UP}"] if z_up else [])]
    lines += [f"element vertex {len(splats)}", *(f"property float {name}" for name in names), "end_header"]
    yield ("\n".join(lines) + "\n").encode()
    for first in range(0, len(splats), BLOCK):
        yield _rows(splats, slice(first, first + BLOCK)).astype("<f4", copy=False).tobytes()


def _rows(splats: Splats, block: slice) -> Float32[np.ndarray, "N C"]:
    scene = splats.scene
    means, harmonics = scene.means[block], scene.harmonics[block]
    opacity = scene.opacities[block].astype(np.float64).clip(FAINTEST, 1 - FAINTEST)
    columns = [
        means,
        np.zeros_like(means),
        harmonics[:, 0],
        harmonics[:, 1:].transpose(0, 2, 1).reshape(len(means), -1),
        np.log(opacity / (1 - opacity)).astype(np.float32)[:, None],
        np.log(scene.scales[block]),
        unit(scene.quats[block]),
    ]
    if splats.objects is not None:
        columns.append(splats.objects[block, None].astype(np.float32))
    return np.concatenate(columns, axis=1)


def unit(quats: Float32[np.ndarray, "N 4"]) -> Float32[np.ndarray, "N 4"]:
    """Quaternions of length 1."""
    return quats / np.linalg.norm(quats, axis=1, keepdims=True).clip(min=1e-12)
