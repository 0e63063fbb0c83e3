"""Similarities of plain Gaussians: their pictures do not change when the camera goes along."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.export.frame import placed, to_capture
from csgaussian_ns.render.draw import draw
from tests.export.scenes import camera_at, random_gaussians

TURN = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0.0], [0.48, 0.64, 0.6]])


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_pictures_go_along(degree: int):
    scene, camera = random_gaussians(200, degree), camera_at(np.array([0.0, -6.0, 1.0]))
    similarity = Similarity.of(TURN, 1.7, np.array([0.3, -2.0, 5.0]))
    away = similarity.inverse
    before, after = draw(scene, camera).image, draw(placed(scene, similarity), away.seen_from(camera)).image
    assert before.std() > 0.05
    assert np.abs(before - after).max() < 2e-3
    back = placed(placed(scene, similarity), away)
    assert np.allclose(back.means, scene.means, atol=1e-5) and np.allclose(back.harmonics, scene.harmonics, atol=1e-5)


def test_the_transform_of_a_file_is_undone():
    matrix = np.concatenate([TURN, [[1.0], [2.0], [3.0]]], axis=1)
    back = to_capture(tuple(matrix.ravel()), 0.25)
    place = np.array([0.4, -0.3, 0.9])
    scaled = 0.25 * (TURN @ place + [1, 2, 3])
    assert np.allclose(back.at(scaled[None])[0], place)


@pytest.mark.parametrize("matrix", [np.diag([1.0, 1.0, -1.0]), np.diag([1.0, 2.0, 1.0]), np.zeros((3, 3))])
def test_what_no_rotation_undoes_is_refused(matrix: np.ndarray):
    with pytest.raises(ConfigError, match="--frame normalised"):
        to_capture(tuple(np.concatenate([matrix, np.zeros((3, 1))], axis=1).ravel()), 1.0)
