"""Point clouds of Gaussians: what is in them, and which way their normals point."""

import io

import numpy as np
import pytest

from csgaussian_ns.export.points import Points, cloud_of, normals_of, points_bytes
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from tests.export.scenes import random_splats, ring


def ball(count: int = 400) -> GaussianScene:
    """Discs on a sphere that touch it, from an angle chosen at random on, some of them upside down."""
    generator = np.random.default_rng(3)
    normal = generator.normal(size=(count, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    half = np.array([0.0, 0.0, 1.0]) + normal * generator.choice((-1, 1), (count, 1))
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    quats = np.concatenate(
        [np.zeros((count, 1)), half], axis=1
    )  # half a turn around what lies between z and the normal
    scales = np.tile((0.2, 0.15, 0.01), (count, 1))
    arrays = (normal, quats, scales, np.full(count, 0.95), np.ones((count, 1, 3)))
    return GaussianScene(*(array.astype(np.float32) for array in arrays))


def test_normals_are_shortest_axes_towards_who_sees_them():
    scene = ball()
    found = normals_of(scene, ring(8))
    assert found.dtype == np.float32 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    along = (found * scene.means).sum(axis=1)
    assert np.abs(along).min() > 0.9999, "the axis is that of the disc"
    seen = scene.means[:, 2] > -0.2
    assert (along[seen] > 0).all(), "of what cameras see, outwards"


def test_the_file_is_a_point_cloud_for_others():
    plyfile = pytest.importorskip("plyfile")
    splats = random_splats(50)
    points = cloud_of(splats, np.tile(np.array((0, 0, 1), np.float32), (50, 1)))
    content = plyfile.PlyData.read(io.BytesIO(b"".join(points_bytes(points, z_up=True))))
    table = content["vertex"]
    assert content.comments == ["Vertical Axis: z"] and len(table) == 50
    assert table.data.dtype.names == ("x", "y", "z", "nx", "ny", "nz", "red", "green", "blue", "object_id")
    assert np.array_equal(np.stack([table[axis] for axis in "xyz"], axis=1), splats.scene.means)
    assert table["red"].dtype == np.uint8 and np.array_equal(table["object_id"], splats.objects)
    grey = (splats.scene.harmonics[:, 0, 0] * 0.28209479 + 0.5).clip(0, 1)
    assert np.abs(table["red"] / 255 - grey).max() <= 0.5 / 255 + 1e-6
    plain = Points(points.places, points.colours)
    table = plyfile.PlyData.read(io.BytesIO(b"".join(points_bytes(plain, z_up=False))))["vertex"]
    assert table.data.dtype.names == ("x", "y", "z", "red", "green", "blue")
