"""What a camera sees of which object: against ray casting, and the two ways of asking against each other."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw_gaussians, pixel_hits
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.seen import label_map, shares_at
from tests.semantic.scenes import camera, loaded, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")


@pytest.mark.parametrize("angle", [0.0, 0.9, 2.5, 4.0])
def test_the_label_map_is_what_rays_hit(angle: float):
    scene, view = scene_of_balls(), camera(angle)
    assert scene.semantics is not None
    found = label_map(scene.seen(view), scene.semantics.label, CPU)
    expected = true_labels(view)
    assert (found == expected).float().mean() > 0.97
    for number in [n for n in range(4) if (expected == n).sum() > 60]:
        overlap = ((found == number) & (expected == number)).sum() / ((found == number) | (expected == number)).sum()
        assert overlap > 0.8, number


def test_one_pixel_is_what_the_renderer_blends_there():
    scene, view = scene_of_balls(), camera(0.6)
    assert scene.semantics is not None
    label = scene.semantics.label
    seen = scene.seen(view)
    channels = torch.nn.functional.one_hot(label[seen.row], 4).float()
    drawn = CPU(replace(seen.gaussians, colors=channels), view)
    image = drawn.image.clone()
    image[..., 0] += 1 - drawn.alpha[..., 0]
    for column in range(0, view.width, 8):
        for row in range(0, view.height, 8):
            shares = shares_at(seen, label, (column, row))
            found = torch.tensor([shares.get(number, 0.0) for number in range(4)])
            assert torch.allclose(found, image[row, column], atol=2e-4), (column, row)
            assert sum(shares.values()) == pytest.approx(1.0, abs=1e-5)


def test_a_click_blends_only_what_reaches_its_pixel():
    scene, view = scene_of_balls(), camera(0.6)
    assert scene.semantics is not None
    numpy_scene = loaded(scene)
    gaussians = numpy_scene.seen(view).gaussians
    image = draw_gaussians(gaussians, view)
    for pixel in ((48, 36), (20, 40), (70, 30), (0, 0)):
        hits = pixel_hits(gaussians, view, pixel)
        assert len(hits.index) < 0.05 * len(gaussians.means)
        alone = hits.blended(gaussians.colors[hits.index])
        np.testing.assert_allclose(alone.alpha[0, 0], image.alpha[pixel[1], pixel[0]], atol=1e-5)
        np.testing.assert_allclose(alone.image[0, 0], image.image[pixel[1], pixel[0]], atol=1e-5)


def test_more_objects_than_are_drawn_at_a_time():
    scene, view = scene_of_balls(), camera(0.0)
    seen = scene.seen(view)
    column = scene.grid[:, 0].long() + 100  # some 60 objects, slices of the scene
    everything = label_map(seen, column, CPU)
    assert len(torch.unique(everything)) > 25
    for number in (92, 96, 108):
        alone = label_map(seen, torch.where(column == number, 1, 0), CPU) == 1
        assert (alone & (everything == number)).sum() == alone.sum() > 0


def test_nothing_is_nothing():
    scene, view = scene_of_balls(), camera(0.0)
    seen = scene.seen(view)
    assert label_map(seen, torch.zeros(len(scene.anchors), dtype=torch.int64), CPU).abs().sum() == 0
    empty = AnchorScene(scene.anchors.at(torch.zeros(0, dtype=torch.int64)), scene.decoders).seen(view)
    assert shares_at(empty, torch.zeros(0, dtype=torch.int64), (3, 3)) == {0: 1.0}
