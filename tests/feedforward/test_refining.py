"""Latents that are refined for the photos of one scene: better pictures of these, by the same weights."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.feedforward.evaluation import compared, decoded, mean_of
from csgaussian_ns.feedforward.freeze import thawed
from csgaussian_ns.feedforward.refining import Refining
from csgaussian_ns.format.latents.model import even_places
from csgaussian_ns.format.networks.model import ChannelPrior
from tests.feedforward.models import model
from tests.feedforward.test_objective import camera_of, plane_photos
from tests.feedforward.worlds import photos_of, two_views


def test_the_entropy_model_comes_back_from_its_integers():
    """Means and spreads as the integers have them, but for their rounding; both see the same values."""
    own, views, level = model(), two_views(), 1
    likely = own.likely
    parameters = {**own.parameters, **thawed(own.coder, likely)}
    assert {part.name for part in likely.needed()} <= set(parameters)
    latent = own.network.latent(own.parameters, photos_of(views, 5), views) * likely.gains(parameters, level)
    found = likely.walk(parameters, 2 * latent, level, lambda real, mean: mean + np.rint(real - mean))
    even = even_places(4, 4)
    groups = [found.hyper_values, *(found.values[:, :, chosen] for chosen in (even, ~even))]
    orders = [(0, 2, 3, 1), (0, 2, 1), (0, 2, 1)]
    rows = [part.transpose(order).reshape(-1, part.shape[1]) for part, order in zip(groups, orders, strict=True)]
    priors: dict[int, ChannelPrior] = {}

    def exchange(group: int, prior: ChannelPrior) -> np.ndarray:
        priors[group] = prior
        return np.rint(rows[group] * 65536).astype(np.int64)

    own.coder.walk(2, (4, 4), level, exchange)
    for group, chosen in ((1, even), (2, ~even)):
        mean, octave = (part[:, :, chosen].transpose(0, 2, 1).reshape(-1, part.shape[1]) for part in found.latent)
        away = np.abs(priors[group].mean / 256 - mean)
        assert away.max() < 0.1 < np.abs(mean).max() and away.mean() < 0.03
        assert np.abs(priors[group].table / 8 - 4 - octave).max() < 0.125


def test_photos_come_out_better_and_equal_ones_alike():
    own, views = model(), two_views()
    photos = plane_photos(views).numpy()
    pixels = np.rint(photos.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    shown = [(photo, camera_of(views, number)) for number, photo in enumerate(pixels)]
    told: list[int] = []

    def each(numbers: range):
        told.append(len(numbers))
        return numbers

    def quality(data: bytes) -> float:
        return mean_of(compared(decoded(data, own), shown)).psnr

    plain = own.encode(photos, views, 2).data
    refined = own.encode(photos, views, 2, refine=Refining(5, each=each)).data
    assert told == [6] and quality(refined) > quality(plain) + 0.05
    assert own.encode(photos, views, 2, refine=Refining(5)).data == refined


def test_no_steps_are_refused():
    with pytest.raises(ConfigError, match="0 steps of refining; expected at least 1"):
        Refining(0)
