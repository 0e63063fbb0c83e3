"""What a scene costs, and that training lowers it."""

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.objective import Target, cost, rate_weight, seen_by
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.spherical_harmonics import colours
from tests.feedforward.worlds import SMALL, on_plane, small_network, texture, two_views


def camera_of(views: Views, view: int) -> Camera:
    fx, fy, cx, cy = views.lens[view].tolist()
    pose = torch.from_numpy(views.world_to_camera[view]).float()
    return Camera(pose, fx, fy, cx, cy, views.width, views.height)


def plane_photos(views: Views) -> torch.Tensor:
    """Photos of a textured plane."""
    seen = [texture(on_plane(views, view, 2.0, 1), 3) for view in range(2)]
    return torch.from_numpy(np.stack(seen)).float().mul(0.5).add(0.5).clamp(0, 1)


def test_colours_are_those_of_scenes():
    network, views = small_network(), two_views()
    with torch.no_grad():
        arrays, _ = network(plane_photos(views), views, 0)
    camera = camera_of(views, 1)
    ray = arrays.means.numpy() - camera.position.numpy()
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    expected = colours(arrays.harmonics.numpy(), ray)
    assert np.abs(seen_by(arrays, camera).colors.numpy() - expected).max() < 1e-5


def test_gradients_of_pictures_and_bits_reach_all():
    network, views = small_network(), two_views()
    photos, rasterizer = plane_photos(views), choose_rasterizer("cpu", torch.device("cpu"))
    targets = [Target(photos[1].permute(1, 2, 0), camera_of(views, 1))]
    found = cost(network, photos, views, targets, 2, rasterizer)
    assert torch.isclose(found.loss, found.distortion + rate_weight(2) * found.bits_per_pixel)
    found.loss.backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert silent == []
    with pytest.raises(ConfigError, match="no view to compare"):
        cost(network, photos, views, [], 0, rasterizer)


def test_training_lowers_the_cost():
    network, views = small_network(), two_views()
    photos, rasterizer = plane_photos(views), choose_rasterizer("cpu", torch.device("cpu"))
    targets = [Target(photos[view].permute(1, 2, 0), camera_of(views, view)) for view in range(2)]
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    found = []
    for step in range(40):
        optimizer.zero_grad()
        one = cost(network, photos, views, targets, step % SMALL.levels, rasterizer)
        one.loss.backward()
        optimizer.step()
        found.append((float(one.distortion.detach()), float(one.bits_per_pixel.detach())))
    first, last = np.mean(found[:6], axis=0), np.mean(found[-6:], axis=0)
    assert last[0] < 0.8 * first[0] and np.isfinite(last).all()


def test_more_bits_weigh_less_at_higher_levels():
    weights = [rate_weight(level) for level in range(6)]
    assert weights == sorted(weights, reverse=True) and weights[0] / weights[5] == pytest.approx(64)
