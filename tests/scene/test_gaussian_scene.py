"""Plain Gaussians as a scene: what is left out of a view is not missed."""

from dataclasses import replace

import numpy as np
import pytest

from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.draw import draw, draw_gaussians
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.spherical_harmonics import colours


def cloud(count: int = 3000, size: float = 0.05, coefficients: int = 16) -> GaussianScene:
    random = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return random.normal(size=shape).astype(np.float32)

    scales = size * np.exp(normal(count, 3))
    return GaussianScene(
        3 * normal(count, 3), normal(count, 4), scales, random.random(count, np.float32), normal(count, coefficients, 3)
    )


def looking(angle: float, size: tuple[int, int] = (97, 65), focal: float = 60.0, shift: float = 0.0) -> Camera:
    view = np.eye(4, dtype=np.float32)
    view[0, 0] = view[2, 2] = np.cos(angle)
    view[0, 2], view[2, 0] = np.sin(angle), -np.sin(angle)
    view[2, 3] = 3.0
    return Camera(view, focal, 1.1 * focal, size[0] / 2 + shift, size[1] / 2, *size)


VIEWS = {
    "narrow": looking(0.3, focal=200.0),
    "wide": looking(1.2, focal=20.0),
    "off-centre": looking(2.0, shift=40.0),
    "small": looking(0.1, (5, 3), focal=4.0),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("size", [0.01, 0.6])
def test_a_view_shows_all_that_can_reach_it(name: str, size: float):
    scene, camera = cloud(size=size), VIEWS[name]
    ray = scene.means - camera.position
    rgb = colours(scene.harmonics, ray / np.linalg.norm(ray, axis=1, keepdims=True))
    everything = Gaussians(scene.means, scene.quats, scene.scales, scene.opacities, rgb)
    expected, found = draw_gaussians(everything, camera), draw(scene, camera)
    assert np.array_equal(found.image, expected.image) and expected.alpha.max() > 0.2
    seen = scene.seen(camera)
    assert len(seen.row) < len(scene.means) and np.array_equal(seen.gaussians.means, scene.means[seen.row])
    assert isinstance(scene, Scene) and scene.position is scene.means and scene.degree == 3


def test_little_more_than_that_is_coloured():
    assert len(cloud(size=0.01).seen(VIEWS["narrow"]).row) < 600  # a twelfth lies in the frustum itself


def test_broken_gaussians_are_left_out_in_silence():
    scene, camera = cloud(), VIEWS["off-centre"]
    means, scales = scene.means.copy(), scene.scales.copy()
    means[:10], scales[10:20], means[20] = np.nan, np.nan, camera.position
    with np.errstate(all="raise"):
        seen = replace(scene, means=means, scales=scales).seen(camera)
    assert not (seen.row <= 20).any()
