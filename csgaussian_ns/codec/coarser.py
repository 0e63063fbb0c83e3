"""One knob that makes the file of a trained scene smaller, after training: coarser steps, and fewer anchors.

What it turns, and how far, was measured (docs/decisions/0034): along this path a file of so many bytes looks best.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.core.asked import COARSEST, FINEST, check_scale
from csgaussian_ns.core.geometry import resized
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.entropy.base_steps import on_base_steps
from csgaussian_ns.render.pixel_sums import pixel_sums
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Scene

EXPONENTS = (1.0, 1.6, 1.3)
"""Steps of feature, scaling and offset grow by these powers of the step scale: scalings bear most, features least."""
DROPPED = 0.3
"""Share of the anchors that is dropped for each 1 that the step scale is above 1."""
MOST_PIXELS = 250_000
"""Of a view that anchors are looked at from; larger ones are made smaller."""
FACT = "coarsened"
"""Where META's ``extra`` tells of it."""


@dataclass(frozen=True)
class StepScale:
    """The knob of a trained scene. A ``codec.target.Knob``.

    Attributes:
        trained: What a step scale of 1 codes: the anchors as training rounded them.
        unrounded: The same anchors as trained: rounded twice, on two grids, they would lose twice.
        worth: Of each anchor, see ``worth_of``; those of least worth are dropped first.
        asked: What the file shall say, beside its step scale, of why it is coarser.
    """

    OPTION: ClassVar[str] = "--step-scale"
    NAME: ClassVar[str] = "step scale"
    FACT: ClassVar[str] = "step_scale"
    BETTER: ClassVar[str] = (
        "That is as it was trained; a run with a lower --pipeline.model.lambda-rate makes better and larger ones"
    )
    SMALLER: ClassVar[str] = (
        "A run with a higher --pipeline.model.lambda-rate makes smaller ones, and better ones of that size"
    )

    trained: TrainedScene
    unrounded: Anchors
    worth: Float[Tensor, " A"]
    asked: Mapping[str, object] = field(default_factory=dict)

    @property
    def ends(self) -> tuple[float, float]:
        """As trained, and the coarsest."""
        return FINEST, COARSEST

    def at(self, scale: float) -> TrainedScene:
        """The scene to code at a step scale, which its facts tell.

        Raises:
            ConfigError: Out of range, or no model whose steps can be scaled.
        """
        check_scale(scale)
        if scale == FINEST:
            return self.trained
        meta = self.trained.meta
        base_steps = tuple(s * scale**power for s, power in zip(meta.base_steps, EXPONENTS, strict=True))
        meta = replace(meta, base_steps=base_steps, extra={FACT: {self.FACT: scale, **self.asked}, **meta.extra})
        return replace(
            self.trained,
            anchors=replace(self.unrounded, mask=self._mask(DROPPED * (scale - 1))),
            entropy=on_base_steps(self.trained.entropy, meta.layout),
            meta=meta,
        )

    def _mask(self, share: float) -> Float[Tensor, "A K"]:
        """The mask without that share of the anchors that have Gaussians; each object keeps its best anchor."""
        mask = self.unrounded.mask
        there = torch.nonzero(mask.amax(dim=-1) > 0)[:, 0]
        order = there[torch.argsort(self.worth.to(mask.device)[there], stable=True)]
        out = order[: int(share * len(order))]
        semantics = self.trained.semantics
        if semantics is not None and semantics.label is not None:
            label = semantics.label.to(mask.device)[order].flip(0).cpu().numpy()
            best = order.flip(0)[torch.from_numpy(np.unique(label, return_index=True)[1]).to(mask.device)]
            out = out[~torch.isin(out, best)]
        mask = mask.clone()
        mask[out] = 0
        return mask


@torch.no_grad()
def worth_of(
    scene: Scene, mask: Float[Tensor, "A K"], cameras: Iterable[Camera], rasterizer: Rasterizer
) -> Float[Tensor, " A"]:
    """How much cameras see of each anchor, in pixels, occlusion included, times the Gaussians that it keeps.

    Args:
        scene: Its rows are the anchors.
        mask: Of the Gaussians that each keeps.
        cameras: Of the training views.
        rasterizer: Passes gradients to colours.
    """
    seen = mask.new_zeros(len(mask))
    for camera in map(_small, cameras):
        everywhere = mask.new_ones(camera.height, camera.width, 1)
        seen += pixel_sums(scene.seen(camera), everywhere, len(mask), rasterizer)[:, 0]
    return seen * mask.sum(dim=-1)


def _small(camera: Camera) -> Camera:
    """The same view in ``MOST_PIXELS`` at most."""
    factor = min(1.0, math.sqrt(MOST_PIXELS / (camera.width * camera.height)))
    width, height = max(1, int(camera.width * factor)), max(1, int(camera.height * factor))
    return resized(camera, width, height)
