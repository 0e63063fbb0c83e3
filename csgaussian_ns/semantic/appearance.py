"""How the anchors of a scene are shown: some hidden, some in another colour, some lit up. Immutable."""

import colorsys
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from csgaussian_ns.core.types import Anchors, Gaussians
from csgaussian_ns.semantic.edit import recolour

Colour = tuple[float, float, float]

LIGHT: Colour = (1.0, 0.55, 0.05)
LIGHT_SHARE = 0.5
"""Of the colour of what is lit up. Orange is rare in rooms, and colour-blind people tell it by its brightness."""
DIMMED = 0.45
"""Brightness that is left of the rest: what is lit up shows even where it is orange by itself."""
GOLDEN = 0.618034
"""Hues this far apart on the colour wheel stay distinct, however many there are."""


@dataclass(frozen=True)
class Appearance:
    """Changes to how anchors are shown.

    Attributes:
        lit: Shine in ``LIGHT``, and dim the others.
        hidden: Are not drawn, and are out of the way of clicks.
        tinted: Have the colour that ``tint`` gives, RGB in [0, 1].
    """

    lit: Bool[Tensor, " A"]
    hidden: Bool[Tensor, " A"]
    tinted: Bool[Tensor, " A"]
    tint: Float[Tensor, "A 3"]

    @staticmethod
    def plain(anchors: Anchors) -> "Appearance":
        """Nothing is changed."""
        none = torch.zeros(len(anchors), dtype=torch.bool, device=anchors.position.device)
        return Appearance(none, none, none, torch.zeros_like(anchors.position))

    def tinting(self, rows: Bool[Tensor, " A"], colour: Colour) -> "Appearance":
        """As this one, with ``rows`` in ``colour``."""
        tint = torch.where(rows[:, None], self.tint.new_tensor(colour), self.tint)
        return replace(self, tinted=self.tinted | rows, tint=tint)

    def shown(self, anchors: Anchors) -> Anchors:
        """``anchors`` with those that are hidden masked, row by row as before."""
        return replace(anchors, mask=anchors.mask * (~self.hidden)[:, None].to(anchors.mask))

    def coloured(self, gaussians: Gaussians, anchor: Int[Tensor, " N"]) -> Gaussians:
        """The Gaussians of one view in their new colours.

        Args:
            gaussians: As spawned; channels after RGB stay as they are.
            anchor: Which anchor each belongs to.
        """
        rgb, rest = gaussians.colors[:, :3], gaussians.colors[:, 3:]
        for colour in torch.unique(self.tint[self.tinted], dim=0).unbind(0):
            rows = self.tinted & (self.tint == colour).all(dim=1)
            red, green, blue = colour.tolist()
            rgb = recolour(replace(gaussians, colors=rgb), rows[anchor], (red, green, blue)).colors
        if bool(self.lit.any()):
            light = torch.lerp(rgb, rgb.new_tensor(LIGHT).expand_as(rgb), LIGHT_SHARE)
            rgb = torch.where(self.lit[anchor][:, None], light, DIMMED * rgb)
        return replace(gaussians, colors=torch.cat([rgb, rest], dim=1))


def palette(label: Int[Tensor, " A"]) -> Float[Tensor, "A 3"]:
    """A colour for each object; dark grey for what belongs to none."""
    colours = [(0.2, 0.2, 0.2)]
    colours += [colorsys.hsv_to_rgb(k * GOLDEN % 1, 0.75, 0.95 - 0.2 * (k % 2)) for k in range(int(label.max()))]
    return torch.tensor(colours, device=label.device)[label.long()]
