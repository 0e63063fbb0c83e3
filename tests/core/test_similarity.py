"""Motions that keep shapes, in numpy and in torch."""

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.draw import draw_gaussians

QUARTER = Similarity.about((1.0, 0.0, 0.0), (0.0, 0.0, 3.0), 90.0)
LARGER = Similarity.about((0.0, 0.0, 1.0), factor=2.0)
POINTS = np.array([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0], [1.0, 1.0, 5.0]])


def test_a_turn_is_counter_clockwise_about_its_centre():
    assert np.allclose(QUARTER.at(POINTS), [[1, 0, 0], [1, 1, 0], [0, 0, 5]], atol=1e-12)
    assert np.allclose(LARGER.at(POINTS), [[2, 0, -1], [4, 0, -1], [2, 2, 9]], atol=1e-12)
    moved = torch.from_numpy(POINTS).float()
    assert torch.allclose(QUARTER.at(moved), torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 0, 5]]), atol=1e-6)


def test_a_matrix_and_the_way_back():
    for degrees in (0.0, 33.0, 180.0, 270.0):
        motion = Similarity.about((0.3, 0.2, 0.1), (1.0, -2.0, 0.5), degrees, factor=1.7)
        same = Similarity.of(motion.matrix / 1.7, 1.7, np.array(motion.shift))
        assert np.allclose(same.at(POINTS), motion.at(POINTS), atol=1e-12) and same.turn[0] >= 0
        assert np.allclose(motion.inverse.at(motion.at(POINTS)), POINTS, atol=1e-12)
        assert np.allclose(motion.then(motion.inverse).matrix, np.eye(3), atol=1e-12)


def test_motions_follow_each_other():
    both = QUARTER.then(LARGER).then(Similarity(shift=(0.0, 0.0, -7.0)))
    assert np.allclose(both.at(POINTS), LARGER.at(QUARTER.at(POINTS)) - [0, 0, 7], atol=1e-12)
    assert both.factor == 2 and np.allclose(np.linalg.norm(both.turn), 1)
    huge = Similarity(factor=1e6)
    with pytest.raises(QueryError, match="no picture shows"):
        huge.then(huge)


def test_moved_gaussians_look_as_from_a_camera_that_is_moved_back():
    random = np.random.default_rng(0)
    count, both = 40, QUARTER.then(LARGER).then(Similarity.about((0.3, 0.2, 0.1), (1.0, -2.0, 0.5), 33.0))
    scales = random.uniform(0.05, 0.3, (count, 3))
    parts = (random.uniform(-1, 1, (count, 3)), random.normal(size=(count, 4)), scales)
    rest = (random.uniform(0.3, 0.9, count), random.random((count, 3)))
    gaussians = Gaussians(*(part.astype(np.float32) for part in (*parts, *rest)))
    view = np.eye(4, dtype=np.float32)
    centre = both.at(np.zeros((1, 3)))[0]
    view[:3, 3] = -centre + [0, 0, 9]
    camera = Camera(view, 60.0, 60.0, 32.0, 24.0, 64, 48)
    moved = draw_gaussians(both.of_gaussians(gaussians), camera)
    still = draw_gaussians(gaussians, both.seen_from(camera))
    assert still.alpha.max() > 0.5 and np.abs(moved.image - still.image).max() < 0.02  # dilation is the same in pixels
