"""What a scene costs, and that training lowers it."""

from typing import Any

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.objective import Given, Target, Weights, cost, help_of, rate_weight, seen_by
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.spherical_harmonics import CONSTANT, colours
from tests.feedforward.worlds import SMALL, on_plane, small_network, texture, two_views


def camera_of(views: Views, view: int) -> Camera:
    fx, fy, cx, cy = views.lens[view].tolist()
    pose = torch.from_numpy(views.world_to_camera[view]).float()
    return Camera(pose, fx, fy, cx, cy, views.width, views.height)


def plane_photos(views: Views) -> torch.Tensor:
    """Photos of a textured plane."""
    seen = [texture(on_plane(views, view, 2.0, 1), 3) for view in range(2)]
    return torch.from_numpy(np.stack(seen)).float().mul(0.5).add(0.5).clamp(0, 1)


def given(photos: torch.Tensor, views: Views, depth: float = 0.0) -> Given:
    return Given(photos, views, torch.full((len(views), views.height, views.width), depth))


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
    found = cost(network, given(photos, views), targets, 2, rasterizer)
    assert torch.isclose(found.loss, found.distortion + rate_weight(2) * found.bits_per_pixel)
    found.loss.backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert silent == []
    with pytest.raises(ConfigError, match="no view to compare"):
        cost(network, given(photos, views), [], 0, rasterizer)


def test_half_precision_changes_little_and_nothing_of_how_likely_latents_are(monkeypatch: pytest.MonkeyPatch):
    network, views, kinds = small_network(), two_views(), set()
    convolution = torch.nn.functional.conv2d

    def noted(x: torch.Tensor, weight: torch.Tensor, *rest: Any) -> torch.Tensor:
        kinds.add((x.dtype, weight.dtype))
        return convolution(x, weight, *rest)

    monkeypatch.setattr(torch.nn.functional, "conv2d", noted)
    torch.manual_seed(0)
    exact, bits = network(plane_photos(views), views, 0)
    assert kinds == {(torch.float32, torch.float32)}
    network.half_convolutions = True
    torch.manual_seed(0)
    near, near_bits = network(plane_photos(views), views, 0)
    assert kinds == {(torch.float32, torch.float32), (torch.bfloat16, torch.bfloat16)}
    assert near.means.dtype == torch.float32 and not torch.equal(near.means, exact.means)
    assert (near.means - exact.means).abs().max() < 0.05 * exact.means.abs().max()
    assert near_bits.item() == pytest.approx(bits.item(), rel=0.05)
    near.means.sum().backward()
    found = network.values["gaussians/first/weight"].grad
    assert found is not None and found.dtype == torch.float32 and bool(found.any())


def test_training_lowers_the_cost():
    network, views = small_network(), two_views()
    photos, rasterizer = plane_photos(views), choose_rasterizer("cpu", torch.device("cpu"))
    targets = [Target(photos[view].permute(1, 2, 0), camera_of(views, view)) for view in range(2)]
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    found = []
    for step in range(40):
        optimizer.zero_grad()
        one = cost(network, given(photos, views), targets, step % SMALL.levels, rasterizer)
        one.loss.backward()
        optimizer.step()
        found.append((float(one.distortion.detach()), float(one.bits_per_pixel.detach())))
    first, last = np.mean(found[:6], axis=0), np.mean(found[-6:], axis=0)
    assert last[0] < 0.8 * first[0] and np.isfinite(last).all()


def test_more_bits_weigh_less_at_higher_levels():
    weights = [rate_weight(level) for level in range(6)]
    assert weights == sorted(weights, reverse=True) and weights[0] / weights[5] == pytest.approx(64)


def test_help_is_nothing_where_gaussians_lie_on_the_photos():
    network, views = small_network(), two_views()
    photos = plane_photos(views)
    with torch.no_grad():
        arrays, _ = network(photos, views, 0)
    side = 2
    small = torch.nn.functional.avg_pool2d(photos, side).flatten(2).transpose(1, 2).reshape(-1, 3)
    harmonics = arrays.harmonics.clone()
    harmonics[:, 0] = (small - 0.5) / CONSTANT
    right = arrays._replace(harmonics=harmonics)
    assert (
        float(help_of(right, given(photos, views)).colour) < 1e-6 < float(help_of(arrays, given(photos, views)).colour)
    )
    assert float(help_of(right, given(photos, views)).depth) == 0
    pose = torch.from_numpy(views.world_to_camera[:, 2]).float()
    means = arrays.means.reshape(2, -1, 3)
    depths = (means * pose[:, None, :3]).sum(2) + pose[:, 3:]
    true = torch.zeros(2, views.height, views.width)
    true[:, 1::side, 1::side] = depths.reshape(2, views.height // side, views.width // side)
    assert float(help_of(right, Given(photos, views, true)).depth) < 1e-5
    nearer = float(help_of(right, Given(photos, views, true * 0.8)).depth)
    true[1] = 0  # unknown
    assert 0.01 < float(help_of(right, Given(photos, views, true * 0.8)).depth) != nearer > 0.01


def test_help_counts_as_it_is_weighted():
    network, views = small_network(), two_views()
    photos, rasterizer = plane_photos(views), choose_rasterizer("cpu", torch.device("cpu"))
    targets = [Target(photos[1].permute(1, 2, 0), camera_of(views, 1))]

    def loss(colour: float, depth: float) -> float:
        torch.manual_seed(0)
        weights = Weights(0.0, colour, depth)
        return cost(network, given(photos, views, 2.0), targets, 2, rasterizer, weights).loss.item()

    alone = loss(0.0, 0.0)
    for one, two in ((loss(1.0, 0.0), loss(2.0, 0.0)), (loss(0.0, 1.0), loss(0.0, 2.0))):
        assert two - one == pytest.approx(one - alone, rel=1e-4) and one > alone + 0.01
