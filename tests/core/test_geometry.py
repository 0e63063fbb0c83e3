"""Cameras from poses with OpenGL axes."""

import numpy as np
import torch

from csgaussian_ns.core.geometry import opengl_camera
from csgaussian_ns.core.types import Camera


def a_pose() -> np.ndarray:
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))
    return np.concatenate([rotation * np.linalg.det(rotation), [[1e4 + 0.1], [-3.0], [0.5]]], axis=1)


def camera(pose) -> Camera:
    return opengl_camera(pose, (50.0, 40.0), (10.0, 8.0), (20, 16))


def test_the_camera_is_where_the_pose_is_and_looks_along_its_minus_z():
    pose = a_pose()
    matrix = camera(pose).world_to_camera.astype(np.float64)
    right, up, back, position = pose.T
    for direction, expected in ((right, [1, 0, 0]), (up, [0, -1, 0]), (back, [0, 0, -1])):
        assert np.allclose(matrix[:3, :3] @ direction, expected, atol=1e-6)
    assert np.allclose(matrix[:3, :3] @ position + matrix[:3, 3], 0, atol=2e-3)  # single precision at 10,000
    assert np.array_equal(matrix[3], [0, 0, 0, 1])


def test_numpy_and_torch_agree_and_double_precision_is_kept_until_the_end():
    pose = a_pose()
    ours, theirs = camera(pose), camera(torch.from_numpy(pose))
    assert ours.world_to_camera.dtype == np.float32 and theirs.world_to_camera.dtype == torch.float32
    assert np.allclose(ours.world_to_camera, theirs.world_to_camera, atol=1e-6)
    exact = -(pose[:, :3] * [1, -1, -1]).T @ pose[:, 3]
    assert np.array_equal(ours.world_to_camera[:3, 3], exact.astype(np.float32))
    assert np.allclose(ours.position, theirs.position, atol=2e-3)  # single precision at 10,000; sums in another order
