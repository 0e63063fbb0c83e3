"""Plain 3DGS: gsplat's ``DefaultStrategy`` and the usual loss and rates, driven by a rasteriser of ours.

Milestones of the run of 30,000 iterations that gsplat's defaults are for are scaled to the run's length.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gsplat.strategy import DefaultStrategy
from jaxtyping import Bool, Float
from peers_colours import colours
from scipy.spatial import KDTree
from torch import Tensor
from torch.nn.functional import normalize

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.render.ssim import distortion
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, CONSTANT, MAX_DEGREE

WHOLE = 30_000
"""Iterations of a whole run."""
RATES = {"means": 1.6e-4, "scales": 5e-3, "quats": 1e-3, "opacities": 5e-2, "sh0": 2.5e-3, "shN": 2.5e-3 / 20}
"""Learning rates; that of ``means`` is per unit of extent."""
LAST_MEANS = 0.01
"""What the rate of ``means`` decays to, as a share."""
OPACITY = 0.1
"""Of the first Gaussians."""
NEXT_DEGREE = 1000
"""Iterations of a whole run after which harmonics get a degree more."""
WIDER = 1.1
"""Extent of a scene: so many times the distance of the outermost camera from the middle of all."""
PER_RUN = ("refine_start_iter", "refine_stop_iter", "reset_every")
"""Settings of the strategy that are scaled. It refines every 100 iterations in any run: gradients want many views."""

View = tuple[Camera, Float[Tensor, "H W 3"]]
"""A training view, and its photo."""


@dataclass(frozen=True)
class Start:
    """What a run begins with.

    Attributes:
        points: Where the first Gaussians are, in world units.
        colours: Theirs, in [0, 1].
        extent: Of the scene, see ``extent_of``.
    """

    points: Float[Tensor, "N 3"]
    colours: Float[Tensor, "N 3"]
    extent: float


class ScreenGradients:
    """The ``info`` of gsplat's rasteriser, as far as the strategy reads it, from what ours tells its observer.

    ``means2d`` stands for the projected centres: nothing is drawn from it, the observer gives it its gradient. What may
    have been drawn has a radius of 1; the strategy asks for the size of none.
    """

    def __init__(self, count: int, camera: Camera) -> None:
        """Of ``count`` Gaussians in one view."""
        self.means2d = torch.zeros(1, count, 2, requires_grad=True)
        self.means2d.grad = torch.zeros(1, count, 2)
        self.radii = torch.zeros(1, count)
        self.facts = {"width": camera.width, "height": camera.height, "n_cameras": 1, "gaussian_ids": None}

    def __call__(self, gradient: Float[Tensor, "N 2"], visible: Bool[Tensor, " N"]) -> None:
        """Take what the backward pass brings; see ``PositionObserver``."""
        self.means2d.grad, self.radii = gradient[None], visible.float()[None]

    def info(self) -> dict[str, Any]:
        """For the strategy."""
        return {"means2d": self.means2d, "radii": self.radii} | self.facts


class Plain3DGS:
    """Gaussians in training.

    Attributes:
        values: Parameters, under the names and in the form of gsplat's examples.
        optimizers: One for each.
        step: Iterations done.
    """

    def __init__(self, start: Start, steps: int, rasterizer: Rasterizer, seed: int = 42) -> None:
        """Before the first of ``steps`` iterations."""
        torch.manual_seed(seed)
        self.values = _first(start)
        rates = RATES | {"means": RATES["means"] * start.extent}
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.Adam([value], rates[name], eps=1e-15, fused=True) for name, value in self.values.items()
        }
        self.steps, self.step, self._rasterizer = steps, 0, rasterizer
        self._decay = LAST_MEANS ** (1 / steps)
        self.strategy = DefaultStrategy()
        for name in PER_RUN:
            setattr(self.strategy, name, max(1, round(getattr(self.strategy, name) * steps / WHOLE)))
        self.strategy.check_sanity(self.values, self.optimizers)
        self.state = self.strategy.initialize_state(start.extent)

    def __len__(self) -> int:
        return len(self.values["means"])

    def iterate(self, camera: Camera, photo: Float[Tensor, "H W 3"]) -> float:
        """One iteration on a view; the loss before it."""
        self.step += 1  # counted from 1 as 3DGS does: the strategy makes all transparent at multiples of its interval
        gradients = ScreenGradients(len(self), camera)
        image = self._rasterizer(self.gaussians(camera), camera, observer=gradients).image
        loss = distortion(image, photo)
        loss.backward()
        for optimizer in self.optimizers.values():
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.optimizers["means"].param_groups[0]["lr"] *= self._decay
        self.strategy.step_post_backward(self.values, self.optimizers, self.state, self.step, gradients.info())
        return loss.item()

    def gaussians(self, camera: Camera) -> Gaussians:
        """As ``camera`` sees them."""
        v = self.values
        degree = min(MAX_DEGREE, self.step * WHOLE // (self.steps * NEXT_DEGREE))
        direction = normalize(v["means"] - like(camera.position, v["means"]), dim=1)
        rgb = colours(v["sh0"], v["shN"], direction, degree)
        return Gaussians(v["means"], v["quats"], v["scales"].exp(), v["opacities"].sigmoid(), rgb)

    def scene(self) -> GaussianScene:
        """What was trained, for writers."""
        with torch.no_grad():
            v = self.values
            harmonics = torch.cat([v["sh0"], v["shN"]], dim=1)
            found = v["means"], v["quats"], v["scales"].exp(), v["opacities"].sigmoid(), harmonics
            return GaussianScene(*(part.numpy().copy() for part in found))


def _first(start: Start) -> dict[str, torch.nn.Parameter]:
    points, count = start.points.float(), len(start.points)
    distance, _ = KDTree(points.numpy()).query(points.numpy(), k=4)
    length = np.sqrt((distance[:, 1:] ** 2).mean(axis=1)).clip(min=1e-7)
    values = {
        "means": points,
        "scales": torch.from_numpy(np.log(length)).float()[:, None].repeat(1, 3),
        "quats": torch.rand(count, 4),
        "opacities": torch.full((count,), OPACITY).logit(),
        "sh0": (start.colours.float()[:, None] - 0.5) / CONSTANT,
        "shN": torch.zeros(count, COEFFICIENTS[MAX_DEGREE] - 1, 3),
    }
    return {name: torch.nn.Parameter(value.clone().contiguous()) for name, value in values.items()}


def extent_of(cameras: list[Camera]) -> float:
    """How far cameras are apart, as 3DGS measures it, in world units."""
    positions = np.stack([np.asarray(camera.position) for camera in cameras])
    return WIDER * float(np.linalg.norm(positions - positions.mean(axis=0), axis=1).max())


def train(run: Plain3DGS, view: Callable[[int], View], told: Callable[[int, float], None]) -> GaussianScene:
    """All iterations of a run.

    Args:
        run: Fresh.
        view: What to train on at each step, counted from 0.
        told: Called after each step with its number and loss.
    """
    for step in range(run.steps):
        told(step, run.iterate(*view(step)))
    return run.scene()
