"""A latent that is made better for the photos of one scene, by gradients through the decoder, before it is coded."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float32
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.freeze import thawed
from csgaussian_ns.feedforward.model import Model
from csgaussian_ns.feedforward.objective import RATE_WEIGHT, Cost, Given, Target, Weights, cost_of
from csgaussian_ns.feedforward.trained import coded
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.render.backend import choose_rasterizer


@dataclass(frozen=True)
class Refining:
    """Steps of gradients for one scene; a ``feedforward.model.Refiner``. The network stays as it is.

    What is made small is what the network was trained by (``objective.cost_of``): pictures of the scene against the
    very photos that it is made of, and bits. Equal photos give equal latents.

    Attributes:
        steps: How many.
        rate: Of a step at its highest, in steps of quantisation; it falls to 0 in half a cosine.
        rate_weight: Of a bit per pixel at level 0.
        each: Passes the numbers of the steps on, and may tell how far this is.

    Raises:
        ConfigError: There is no step.
    """

    steps: int
    rate: float = 0.05
    rate_weight: float = RATE_WEIGHT
    each: Callable[[range], Iterable[int]] = iter

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigError(f"{self.steps} steps of refining; expected at least 1")

    def __call__(
        self,
        model: Model,
        photos: Float32[np.ndarray, "V 3 H W"],
        views: Views,
        level: int,
        values: Float32[np.ndarray, "V L h w"],
    ) -> Float32[np.ndarray, "V L h w"]:
        """As of ``Refiner``: the latent of all steps, and of none, that costs least.

        Raises:
            ConfigError: The weights have an entropy model of other sizes than training makes.
        """
        scene = _Scene(model, photos, views, level, self.rate_weight)
        latent = torch.tensor(values, requires_grad=True)
        optimizer = torch.optim.Adam([latent], self.rate, betas=(0.9, 0.99))
        best, least = values, math.inf
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            for step in self.each(range(self.steps + 1)):
                found = scene.cost(latent)
                loss = float(found.loss.detach())
                if loss < least:
                    best, least = latent.detach().numpy().copy(), loss
                if step < self.steps:
                    optimizer.param_groups[0]["lr"] = self.rate * 0.5 * (1 + math.cos(math.pi * step / self.steps))
                    optimizer.zero_grad()
                    found.loss.backward()
                    optimizer.step()
        return best


class _Scene:
    """Photos, and what they are refined by."""

    def __init__(
        self, model: Model, photos: Float32[np.ndarray, "V 3 H W"], views: Views, level: int, rate_weight: float
    ) -> None:
        own = {**model.parameters, **thawed(model.coder, model.likely)}
        self._parameters = {name: torch.from_numpy(array) for name, array in own.items()}
        self._model, self._level, self._weights = model, level, Weights(rate_weight)
        colours = torch.from_numpy(photos)
        self._given = Given(colours, views, torch.zeros(len(views), views.height, views.width))
        shown = colours.permute(0, 2, 3, 1).contiguous()
        self._targets = [Target(photo, _camera(views, number)) for number, photo in enumerate(shown)]
        self._rasterizer = choose_rasterizer("auto", "cpu")

    def cost(self, latent: Tensor) -> Cost:
        """Of a latent in steps."""
        model, given = self._model, self._given
        arrays, bits = coded(model.network, model.likely, self._parameters, latent, given.views, self._level)
        return cost_of(arrays, bits, given, self._targets, self._level, self._rasterizer, self._weights)


def _camera(views: Views, number: int) -> Camera:
    """A pinhole with a tensor for its pose."""
    pose = torch.from_numpy(views.world_to_camera[number].astype(np.float32))
    fx, fy, cx, cy = map(float, views.lens[number])
    return Camera(pose, fx, fy, cx, cy, views.width, views.height)
