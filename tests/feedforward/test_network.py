"""The network as a whole: what it gives, and what each of its ends may see."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Gaussians
from csgaussian_ns.feedforward.backbone import FeatureBackbone, PlainBackbone
from csgaussian_ns.feedforward.heads import OUTPUTS, GaussianHead
from csgaussian_ns.feedforward.layers import Conv
from csgaussian_ns.feedforward.likely import crossed
from csgaussian_ns.feedforward.network import Network
from csgaussian_ns.feedforward.refinement import Refined
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.format.latents.model import even_places
from csgaussian_ns.render.projection import rotations
from csgaussian_ns.scene.spherical_harmonics import colours
from tests.feedforward.worlds import SMALL, photos_of, small_network, two_views


def test_shapes_and_gradients():
    network, views = small_network(), two_views(64, 48)
    photos = torch.from_numpy(photos_of(views))
    gaussians, bits = network(photos, views, 1)
    count = 2 * 32 * 24
    assert [tuple(part.shape) for part in gaussians] == [(count, 3), (count, 4), (count, 3), (count,), (count, 4, 3)]
    assert bits.shape == () and bits > 0
    weights = torch.linspace(0.5, 1.5, count)
    loss = sum((part.reshape(count, -1).sum(1) * weights).sum() for part in gaussians)
    (loss + 1e-3 * bits).backward()
    silent = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert silent == []
    assert all(bool(value.grad.isfinite().all()) for value in network.parameters() if value.grad is not None)


def test_the_default_is_of_the_size_it_says():
    count = sum(value.numel() for value in TrainedNetwork(Settings()).parameters())
    assert 1e6 < count < 4e6 and round(count, -5) == 2_000_000


def test_each_gaussian_can_be_drawn():
    network, views = small_network(), two_views()
    gaussians, _ = network(torch.from_numpy(photos_of(views)), views, 0)
    assert bool((gaussians.scales > 0).all()) and bool(((gaussians.opacities > 0) & (gaussians.opacities < 1)).all())
    assert torch.allclose(gaussians.quats.norm(dim=1), torch.ones(len(gaussians.quats)), atol=1e-4)
    place = torch.from_numpy(views.world_to_camera[0, :3]).float()
    depth = (gaussians.means[: 32 * 32] @ place[:, :3].T + place[:, 3])[:, 2]
    assert depth.min() >= views.near - 1e-4 and depth.max() <= views.far + 1e-4


def test_more_levels_are_more_bits():
    network, views = small_network(), two_views()
    photos = torch.from_numpy(photos_of(views))
    with torch.no_grad():
        bits = [float(network(photos, views, level)[1]) for level in range(SMALL.levels)]
    assert bits == sorted(bits) and bits[-1] > 1.1 * bits[0]


def test_the_decoder_sees_latents_and_cameras_alone():
    network, views = small_network(), two_views()
    needed = {part.name for part in network.network.needed_to_decode()}
    assert not any(name.startswith(("backbone", "analysis", "likely")) for name in needed)
    parameters = {name: value.detach().numpy() for name, value in network.named_parameters() if name in needed}
    latent = np.random.default_rng(0).normal(size=(2, SMALL.latent, 4, 4)).astype(np.float32)
    first = network.network.gaussians(parameters, latent, views)
    with torch.no_grad():
        there = network.network.gaussians(network.values, torch.from_numpy(latent), views)
    for name, ours, torchs in zip(first._fields, first, there, strict=True):
        assert ours.dtype == np.float32 and np.abs(ours - torchs.numpy()).max() < 1e-4 * max(1, np.abs(ours).max()), (
            name
        )
    moved = network.network.gaussians(
        parameters, latent, replace(views, world_to_camera=views.world_to_camera[::-1].copy())
    )
    assert np.abs(moved.means - first.means).max() > 0.1


def test_what_every_second_place_sees_comes_before_it():
    """Values of odd places change nothing that is expected of even ones, nor of each other."""
    network = small_network()
    values = {name: value.detach().numpy() for name, value in network.named_parameters()}
    scaled = 3 * np.random.default_rng(0).normal(size=(2, SMALL.latent, 6, 5)).astype(np.float32)
    hyper = np.zeros((2, SMALL.hyper, 2, 2), np.float32)

    def coded(given: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return hyper if given.shape == hyper.shape else mean + np.rint(given - mean)

    first = network.likely.walk(values, scaled, 1, coded)
    odd = ~even_places(6, 5)
    moved = (7 * odd).astype(np.float32)
    second = network.likely.walk(values, scaled + moved, 1, coded)
    assert np.array_equal(first.latent.mean, second.latent.mean)
    third = network.likely.walk(values, scaled + (7 - moved), 1, coded)
    changed = np.abs(third.latent.mean - first.latent.mean).max(axis=(0, 1)) > 0
    assert changed[odd].all() and not changed[~odd].any()
    assert np.abs(first.values - scaled).max() <= 0.5 + 1e-5


def test_around_a_place_are_four():
    values = np.arange(12).reshape(1, 1, 3, 4)
    assert crossed(values)[0, :, 1, 1].tolist() == [1, 4, 6, 9] and crossed(values)[0, :, 0, 0].tolist() == [0, 0, 1, 4]


def untrained_head(upsampling: int) -> tuple[GaussianHead, dict[str, np.ndarray]]:
    head = GaussianHead(replace(SMALL, upsampling=upsampling))
    return head, {part.name: np.zeros(part.shape, np.float32) for part in head.needed()}


@pytest.mark.parametrize("upsampling", [1, 2, 4])
def test_gaussians_lie_in_the_middle_of_their_squares(upsampling: int):
    views, side = two_views(64, 48), 4 // upsampling
    head, parameters = untrained_head(upsampling)
    inverse = np.random.default_rng(0).uniform(1 / 5, 1 / 2, (2, 1, 12, 16)).astype(np.float32)
    found = head(parameters, Refined(np.zeros((2, 16, 12, 16), np.float32), inverse), views)
    rows, columns = 48 // side, 64 // side
    means = found.means.reshape(2, rows, columns, 3)
    for view in range(2):
        pose, (fx, fy, cx, cy) = views.world_to_camera[view], views.lens[view]
        seen = means[view] @ pose[:3, :3].T + pose[:3, 3]
        assert np.abs(seen[..., 0] / seen[..., 2] * fx + cx - (np.arange(columns) + 0.5) * side).max() < 1e-3
        assert np.abs(seen[..., 1] / seen[..., 2] * fy + cy - (np.arange(rows)[:, None] + 0.5) * side).max() < 1e-3
        assert np.allclose(1 / seen[..., 2], inverse[view, 0].repeat(upsampling, 0).repeat(upsampling, 1), atol=1e-5)
    turn = rotations(torch.from_numpy(found.quats[-1:]).double())[0].numpy()
    assert np.allclose(turn, views.world_to_camera[1, :3, :3].T, atol=1e-5)


def test_colours_turn_with_the_camera():
    """Two cameras at right angles with the same feature: each sees the same colours from its own side."""
    views = two_views()
    turn = np.array([[0, 0, 1.0], [1, 0, 0], [0, 1, 0]])
    poses = views.world_to_camera.copy()
    poses[1, :3, :3] = turn
    views = replace(views, world_to_camera=poses)
    head, parameters = untrained_head(1)
    bias = np.random.default_rng(1).normal(size=OUTPUTS).astype(np.float32)
    parameters["gaussians/last/bias"] = bias
    refined = Refined(np.zeros((2, 16, 16, 16), np.float32), np.full((2, 1, 16, 16), 0.3, np.float32))
    found = head(parameters, refined, views)
    direction = np.random.default_rng(2).normal(size=(1, 3)).astype(np.float32)
    direction /= np.linalg.norm(direction)
    first = colours(found.harmonics[:1], direction @ poses[0, :3, :3].astype(np.float32))
    second = colours(found.harmonics[-1:], direction @ turn.astype(np.float32))
    assert np.allclose(first, second, atol=1e-5)
    assert not np.allclose(first, colours(found.harmonics[:1], -direction), atol=1e-3)
    drawn = Gaussians(found.means, found.quats, found.scales, found.opacities, found.harmonics[:, 0])
    assert np.isfinite(drawn.means).all()


def test_a_backbone_of_the_user_takes_the_place_of_ours():
    class Shrunk:
        def needed(self):
            yield from Conv("mine", 3, SMALL.channels, 1).needed()

        def __call__(self, parameters, photos, views):
            return Conv("mine", 3, SMALL.channels, 1)(parameters, photos[:, :, ::4, ::4])

    backbone = Shrunk()
    assert isinstance(backbone, FeatureBackbone) and isinstance(PlainBackbone(SMALL), FeatureBackbone)
    network = TrainedNetwork(SMALL, backbone)
    names = {name.split("/")[0] for name, _ in network.named_parameters()}
    assert "mine" in names and "backbone" not in names
    views = two_views()
    gaussians, _ = network(torch.from_numpy(photos_of(views)), views, 0)
    assert len(gaussians.means) == 2 * 32 * 32


def test_without_refinement_there_are_fewer_parameters_and_a_scene():
    plain, views = small_network(refined=False), two_views()
    assert not any("refined" in name for name, _ in plain.named_parameters())
    gaussians, _ = plain(torch.from_numpy(photos_of(views)), views, 0)
    assert len(gaussians.means) == 2 * 32 * 32


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"channels": 0}, r"channels must be a whole number in 1\.\.512, got 0"),
        ({"levels": 17}, r"levels must be a whole number in 1\.\.16"),
        ({"planes": True}, "planes must be a whole number"),
        ({"refined": 1}, "refined must be true or false"),
        ({"upsampling": 3}, "upsampling 3"),
        ({"planes": 1}, "at least 2 planes"),
        ({"other": 1}, "expected the sizes"),
    ],
)
def test_sizes_that_cannot_be_are_refused(change: dict, told: str):
    with pytest.raises(ConfigError, match=told):
        Settings.of_json(SMALL.to_json() | change)


def test_sizes_travel_as_json():
    assert Settings.of_json(SMALL.to_json()) == SMALL and Network(SMALL).settings is SMALL
