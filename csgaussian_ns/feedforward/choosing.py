"""Which photos of a scene are given to the network, and which ones it shall foresee."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from csgaussian_ns.core.shapes import Float64
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.views import Views, overlaps

OVERLAP = (0.5, 0.97)
"""Share of one view that the next one shows, at least and at most, where there is a choice."""
TURN = 40.0
"""Degrees between the optical axes of two views, at most, where there is a choice."""
TARGET_OVERLAP = 0.7
"""Share of a view that one of those given shows, at least, where there is a choice."""
_NEAREST = 24
"""Views that are looked at, the nearest first."""


@dataclass(frozen=True)
class Choice:
    """Numbers of photos of a scene: those given, and those to be foreseen."""

    given: tuple[int, ...]
    targets: tuple[int, ...]


@dataclass
class Neighbours:
    """What cameras of one scene show of each other, found when asked.

    Attributes:
        cameras: Of one size, as the network takes them.
        near, far: Range of depths.
    """

    cameras: Sequence[Camera]
    near: float
    far: float
    _known: dict[tuple[int, int], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        poses = np.stack([np.asarray(camera.world_to_camera, np.float64) for camera in self.cameras])
        self._place = -np.einsum("vji,vj->vi", poses[:, :3, :3], poses[:, :3, 3])
        self._axis = poses[:, 2, :3]

    def __len__(self) -> int:
        """Number of cameras."""
        return len(self.cameras)

    def order(self, of: int) -> list[int]:
        """The others, the nearest first."""
        away = np.linalg.norm(self._place - self._place[of], axis=1)
        return [int(other) for other in np.argsort(away, kind="stable") if other != of]

    def shared(self, one: int, other: int) -> float:
        """Share of either view that the other one shows, the lesser of both; 0 where they look elsewhere."""
        key = (min(one, other), max(one, other))
        if key not in self._known:
            cosine = float(self._axis[one] @ self._axis[other])
            self._known[key] = 0.0
            if cosine > np.cos(np.radians(TURN)):
                views = Views.of_cameras([self.cameras[one], self.cameras[other]], self.near, self.far)
                self._known[key] = _lesser(overlaps(views))
        return self._known[key]


def _lesser(shares: Float64[np.ndarray, "2 2"]) -> float:
    return float(min(shares[0, 1], shares[1, 0]))


def choose(neighbours: Neighbours, given: int, targets: int, generator: np.random.Generator) -> Choice:
    """Views to give and views to foresee, by chance.

    Args:
        neighbours: Of the scene.
        given: How many; fewer where the scene has fewer.
        targets: How many; ones that are given, too, where the scene has no others.
        generator: Decides.
    """
    count = len(neighbours)
    chosen = [int(generator.integers(count))]
    while len(chosen) < min(given, count):
        rest = [other for other in neighbours.order(chosen[-1])[:_NEAREST] if other not in chosen]
        rest = [rest[int(number)] for number in generator.permutation(len(rest))]
        fitting = (other for other in rest if OVERLAP[0] <= neighbours.shared(chosen[-1], other) <= OVERLAP[1])
        best = next(fitting, None)
        if best is None:
            rest = rest or [other for other in range(count) if other not in chosen]
            best = max(rest, key=lambda other: neighbours.shared(chosen[-1], other))
        chosen.append(best)
    near = list(dict.fromkeys(other for one in chosen for other in neighbours.order(one)[:_NEAREST]))
    near = [other for other in near if other not in chosen]
    shown = {other: max(neighbours.shared(one, other) for one in chosen) for other in near}
    fitting = [other for other in near if shown[other] >= TARGET_OVERLAP]
    fitting = fitting or sorted(near, key=lambda other: -shown[other])[:targets]
    picked = [fitting[int(number)] for number in generator.permutation(len(fitting))[:targets]]
    picked += [chosen[number % len(chosen)] for number in range(targets - len(picked))]
    return Choice(tuple(chosen), tuple(picked))


def spread_choice(neighbours: Neighbours, given: int) -> tuple[int, ...]:
    """Views to give, without chance: those of most overlap with enough distance between them."""
    found = [choose(neighbours, given, 0, np.random.default_rng(seed)).given for seed in range(8)]
    return max(found, key=lambda views: min(neighbours.shared(a, b) for a, b in pairwise(views)))
