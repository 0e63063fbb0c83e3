"""Writer and reader of ``.splat`` files: 32 bytes for each Gaussian, without harmonics, the weightiest first.

Little endian: three float32 of the centre, three of the standard deviations, four u8 of colour and opacity, four u8 of
the quaternion ``wxyz``, each 128 * q + 128.
"""

from collections.abc import Iterator

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.export.ply import unit
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import CONSTANT
from csgaussian_ns.scene.splats import Splats

ROW = np.dtype([("centre", "<f4", 3), ("scales", "<f4", 3), ("rgba", "u1", 4), ("quat", "u1", 4)])


def splat_bytes(splats: Splats) -> Iterator[bytes]:
    """The file, whole. Viewers draw what has come so far, so the largest and most opaque come first."""
    scene = splats.scene
    order = np.argsort(-scene.scales.prod(axis=1) * scene.opacities, kind="stable")
    rows = np.empty(len(splats), ROW)
    rows["centre"], rows["scales"] = scene.means[order], scene.scales[order]
    rgb = 0.5 + CONSTANT * scene.harmonics[order, 0]
    rows["rgba"] = _bytes_of(255 * np.concatenate([rgb, scene.opacities[order, None]], axis=1))
    rows["quat"] = _bytes_of(128 * unit(scene.quats[order]) + 128)
    yield rows.tobytes()


def read_splat(data: bytes) -> GaussianScene:
    """The inverse of ``splat_bytes``, as far as it goes.

    Raises:
        FormatError: Not whole rows.
    """
    if len(data) % ROW.itemsize:
        raise FormatError(f"a .splat file has {ROW.itemsize} bytes for each Gaussian; this one has {len(data)}")
    rows = np.frombuffer(data, ROW)
    rgba = rows["rgba"].astype(np.float32) / np.float32(255)
    harmonics = (rgba[:, None, :3] - np.float32(0.5)) / np.float32(CONSTANT)
    quats = rows["quat"].astype(np.float32) - np.float32(128)
    quats[~quats.any(axis=1), 0] = 1
    return GaussianScene(rows["centre"].copy(), quats, rows["scales"].copy(), rgba[:, 3].copy(), harmonics)


def _bytes_of(values: np.ndarray) -> np.ndarray:
    return np.rint(values).clip(0, 255).astype(np.uint8)
