"""From refined features to Gaussians: the depth of each, its shape and colours, and where that is in the world."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from csgaussian_ns.core.arrays import like, namespace, sigmoid
from csgaussian_ns.core.shapes import Float, Float64
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.feedforward.layers import Chain, Conv, Needed, Parameters
from csgaussian_ns.feedforward.operations import enlarged, spread
from csgaussian_ns.feedforward.refinement import Refined
from csgaussian_ns.feedforward.settings import FEATURE_CELL, Settings
from csgaussian_ns.feedforward.views import Views

_PARTS = {"nearness": 1, "shift": 2, "opacity": 1, "size": 3, "turn": 4, "colour": 3, "slope": 9}
"""Channels of a Gaussian, in order."""
OUTPUTS = sum(_PARTS.values())
_NEARNESS = 0.1
"""How much of the range of inverse depths a Gaussian may differ from the place that it is of."""
_SIZES = 3.0
"""Logarithm of how much larger, or smaller, a Gaussian may be than its square."""
_START_SIZE = 0.7
_SLOPES = 0.2
_CONSTANT = 0.5 / math.sqrt(math.pi)


class GaussianArrays(NamedTuple):
    """Gaussians in the world, view by view, row by row; what ``scene.gaussian_scene.GaussianScene`` is made of."""

    means: Float[Any, "N 3"]
    quats: Float[Any, "N 4"]
    scales: Float[Any, "N 3"]
    opacities: Float[Any, " N"]
    harmonics: Float[Any, "N 4 3"]


@dataclass(frozen=True)
class GaussianHead:
    """Gaussians of refined features and cameras alone."""

    settings: Settings

    @property
    def _head(self) -> Chain:
        channels, outputs = self.settings.channels, OUTPUTS * self.settings.upsampling**2
        first = Conv("gaussians/first", channels, channels)
        return Chain((first, Conv("gaussians/last", channels, outputs, 1, start=0.1)))

    def needed(self) -> Iterator[Needed]:
        """Its parameters."""
        yield from self._head.needed()

    def __call__(self, parameters: Parameters, refined: Refined, views: Views) -> GaussianArrays:
        """The Gaussians of all views."""
        raw = spread(self._head(parameters, refined.features), self.settings.upsampling)
        depths = enlarged(refined.inverse_depth, self.settings.upsampling)
        cell = FEATURE_CELL / self.settings.upsampling
        library = namespace(raw)
        found = [_of_view(raw[view], depths[view, 0], views, view, cell) for view in range(len(views))]
        return GaussianArrays(*(library.concatenate(part) for part in zip(*found, strict=True)))


def _of_view(
    raw: Float[Any, "C H W"], inverse_depth: Float[Any, "H W"], views: Views, view: int, cell: float | int
) -> GaussianArrays:
    """Those of one view."""
    library, part, start = namespace(raw), {}, 0
    for name, channels in _PARTS.items():
        part[name] = raw[start : start + channels].reshape(channels, -1)
        start += channels
    span = 1 / views.near - 1 / views.far
    nearness = inverse_depth.reshape(-1) + library.tanh(part["nearness"][0]) * (_NEARNESS * span)
    depth = 1 / library.clip(nearness, 1 / views.far, 1 / views.near)
    ray = like(views.rays(view, cell).reshape(3, -1), raw)
    fx, fy = (float(number) for number in views.lens[view, :2])
    shift = library.tanh(part["shift"])
    across = ray[0] + shift[0] * (cell / fx)
    down = ray[1] + shift[1] * (cell / fy)
    seen = library.stack([across * depth, down * depth, depth], 1)
    turn = views.world_to_camera[view, :3, :3].T
    rotation, position = like(turn, raw), like(views.positions[view], raw)
    scales = library.exp(_SIZES * library.tanh(part["size"] / _SIZES)) * (depth * (_START_SIZE * cell / fx))
    return GaussianArrays(
        seen @ rotation.T + position,
        _turned(turn, part["turn"]),
        scales.T,
        sigmoid(part["opacity"][0]),
        library.stack([part["colour"].T / _CONSTANT, *_turned_slopes(rotation, part["slope"] * _SLOPES)], 1),
    )


def _turned(rotation: Float64[np.ndarray, "3 3"], raw: Float[Any, "4 N"]) -> Float[Any, "N 4"]:
    """Unit quaternions wxyz in the world; those of zeros are the camera's."""
    library = namespace(raw)
    w, x, y, z = raw[0] + 1, raw[1], raw[2], raw[3]
    length = library.sqrt(w * w + x * x + y * y + z * z + 1e-12)
    quats = library.stack([w, x, y, z], 1) / length[:, None]
    return Similarity.of(rotation, 1.0, np.zeros(3)).turned(quats)


def _turned_slopes(rotation: Float[Any, "3 3"], raw: Float[Any, "9 N"]) -> tuple[Any, Any, Any]:
    """Harmonics of degree 1 in the world: they are the parts of a vector, (-y, z, -x) in the order of 3DGS."""
    y, z, x = (raw[3 * part : 3 * part + 3] for part in range(3))
    vector = (-x, -y, z)
    turned = [sum(rotation[row, column] * vector[column] for column in range(3)) for row in range(3)]
    return -turned[1].T, turned[2].T, -turned[0].T  # type: ignore[union-attr]
