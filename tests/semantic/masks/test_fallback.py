"""Regions of similar colour: what they follow, and what each setting does."""

from dataclasses import replace

import numpy as np
import pytest

from csgaussian_ns.semantic.masks.settings import FallbackSettings

pytest.importorskip("skimage", reason="needs pip install -e '.[masks]'")

from csgaussian_ns.semantic.masks.fallback import ColourRegions


@pytest.mark.parametrize(("width", "height"), [(90, 60), (1200, 800)])
def test_regions_of_similar_colour(width: int, height: int):
    image = np.zeros((height, width, 3), np.uint8)
    image[:, : width // 3] = (200, 30, 30)
    image[height // 2 :, width // 3 :] = (30, 30, 200)
    masks = ColourRegions(FallbackSettings(sigma=0.0))(image)
    layers = masks.layers()
    assert layers.shape == (1, height, width) and (layers > 0).all()
    for x, y in ((0.15, 0.5), (0.7, 0.2), (0.7, 0.8)):
        found = layers[0] == layers[0, int(y * height), int(x * width)]
        true = (image == image[int(y * height), int(x * width)]).all(axis=-1)
        assert (found & true).sum() / (found | true).sum() > 0.97


def regions(image: np.ndarray, settings: FallbackSettings) -> int:
    return len(ColourRegions(settings)(image).ids)


def test_scale_and_smallest_area():
    image = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    settings = FallbackSettings(min_area=0.0, join=0.0)
    assert regions(image, replace(settings, scale=1e6)) < regions(image, settings)
    assert regions(image, replace(settings, min_area=0.2)) <= 5


def test_neighbours_of_nearly_the_same_colour_are_joined():
    image = np.full((80, 80, 3), 120, np.uint8)
    image[:40, :40, 1], image[40:, 40:, 1] = 121, 122
    image[:, 70:] = (200, 40, 40)
    settings = FallbackSettings(sigma=0.0, scale=1.0)
    assert regions(image, replace(settings, join=0.0)) == 4
    assert regions(image, settings) == 2


def test_lightness_can_be_ignored():
    image = np.full((60, 90, 3), 60, np.uint8)
    image[:, 45:] = 160
    assert regions(image, FallbackSettings(lightness=1.0, sigma=0.0)) == 2
    assert regions(image, FallbackSettings(lightness=0.0, sigma=0.0)) == 1
