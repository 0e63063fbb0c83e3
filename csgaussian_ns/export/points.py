"""Centres of plain Gaussians as a point cloud: PLY files for programs that know no Gaussians."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.shapes import Float32, Int, UInt8
from csgaussian_ns.core.types import Camera
from csgaussian_ns.export.fit import weights
from csgaussian_ns.export.views import Found, look
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.ply import OBJECT_ID, Z_UP
from csgaussian_ns.scene.spherical_harmonics import CONSTANT
from csgaussian_ns.scene.splats import Splats

LOOKS = 24
"""Cameras, of those given, that say on which side a surface is seen."""


class Points(NamedTuple):
    """A point cloud.

    Attributes:
        places: Of the points.
        colours: RGB.
        normals: Of length 1, where they are known.
        objects: Number of the object of each, 0 for none, where something is known.
    """

    places: Float32[np.ndarray, "N 3"]
    colours: UInt8[np.ndarray, "N 3"]
    normals: Float32[np.ndarray, "N 3"] | None = None
    objects: Int[np.ndarray, " N"] | None = None


def cloud_of(splats: Splats, normals: Float32[np.ndarray, "N 3"] | None = None) -> Points:
    """Centres, in the colours that Gaussians have on the average over all sides: that of degree 0."""
    scene = splats.scene
    colours = (scene.harmonics[:, 0] * CONSTANT + 0.5).clip(0, 1) * 255 + 0.5
    return Points(scene.means, colours.astype(np.uint8), normals, splats.objects)


def normals_of(scene: GaussianScene, cameras: Sequence[Camera]) -> Float32[np.ndarray, "N 3"]:
    """The shortest axis of each Gaussian, towards where it is seen from; of one that is hidden, towards all cameras.

    Args:
        scene: Plain Gaussians.
        cameras: From where they are looked at.
    """
    w, x, y, z = (scene.quats / np.linalg.norm(scene.quats, axis=1, keepdims=True).clip(min=1e-12)).T
    axes = np.array(
        (
            (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
            (2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
            (2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
        )
    )
    normal = axes[scene.scales.argmin(axis=1), :, np.arange(len(w))]
    count = np.arange(len(w))
    size = np.exp(np.log(scene.scales.clip(min=1e-12)).mean(axis=1))
    found = Found(count, count, scene.means, size)
    seen, anywhere = np.zeros_like(scene.means), np.zeros_like(scene.means)
    for view in look(scene, cameras[:: -(-len(cameras) // LOOKS)])[0]:
        towards = np.asarray(view.camera.position, np.float32) - scene.means
        towards /= np.linalg.norm(towards, axis=1, keepdims=True).clip(min=1e-12)
        seen += weights(found, view, count[:0])[:, None] * towards
        anywhere += towards
    outward = np.where(seen.any(axis=1, keepdims=True), seen, anywhere)
    return (normal * np.where((normal * outward).sum(axis=1, keepdims=True) < 0, -1, 1)).astype(np.float32)


def points_bytes(points: Points, z_up: bool) -> Iterator[bytes]:
    """A binary PLY file: ``x y z``, ``nx ny nz``, ``red green blue`` and ``object_id`` of each point, as far as known.

    Args:
        points: Finite.
        z_up: Whether z points up, as a comment then says.
    """
    columns = [(name, "<f4", "float", points.places[:, axis]) for axis, name in enumerate("xyz")]
    if points.normals is not None:
        columns += [(f"n{name}", "<f4", "float", points.normals[:, axis]) for axis, name in enumerate("xyz")]
    columns += [(name, "u1", "uchar", points.colours[:, k]) for k, name in enumerate(("red", "green", "blue"))]
    if points.objects is not None:
        columns.append((OBJECT_ID, "<i4", "int", points.objects))
    lines = ["ply", "format binary_little_endian 1.0", *([f"comment {Z_UP}"] if z_up else [])]
    lines.append(f"element vertex {len(points.places)}")
    lines += [f"property {written} {name}" for name, _, written, _ in columns]
    yield ("\n".join([*lines, "end_header"]) + "\n").encode()
    table = np.empty(len(points.places), [(name, kind) for name, kind, _, _ in columns])
    for name, _, _, values in columns:
        table[name] = values
    yield table.tobytes()
