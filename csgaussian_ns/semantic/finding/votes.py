"""From masks in views to anchors: how much of what views see of an anchor lies under which masks."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.render.pixel_sums import CHANNELS, pixel_sums
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.semantic.finding.views import MaskedView

MIN_VOTES = 0.1
"""Share of what lies under masks of an anchor that must be the winner's. Less is what masks of neighbours spill over:
what is no object would become theirs. An object has several times as much even where most of its masks are stray
and count for none."""
MOST = max(CHANNELS)
"""Masks that are drawn at once: projecting and sorting cost as much as blending, whatever is blended."""
BLOCK = 65_536
"""Anchors whose votes are compared at a time, so that no second table of votes is needed."""


@dataclass(frozen=True)
class Votes:
    """What views say of each anchor, by blending weight.

    Attributes:
        seen: How much they see of it.
        labelled: How much of that lies under masks. Losses of masks reach no other anchors.
        objects: How much lies under masks of each object.
    """

    seen: Float[Tensor, " A"]
    labelled: Float[Tensor, " A"]
    objects: Float[Tensor, "A N"]

    def label(self, min_share: float, dropped: Collection[int] = ()) -> Int[Tensor, " A"]:
        """The object of most votes, from 1 on; 0 where they are few, or where little lies under masks.

        Few is at most ``MIN_VOTES`` of what lies under masks, and little at most ``min_share`` of what is seen.

        Args:
            min_share: Of what is seen of an anchor.
            dropped: Objects that get no anchors. The votes for others count, as shares of the same whole.
        """
        if self.objects.shape[1] == 0:
            return torch.zeros_like(self.seen, dtype=torch.int64)
        out = torch.zeros(self.objects.shape[1], dtype=torch.bool, device=self.objects.device)
        out[[number - 1 for number in dropped]] = True
        best = [block.masked_fill(out, 0).max(dim=1) for block in self.objects.split(BLOCK)]
        most, winner = torch.cat([block.values for block in best]), torch.cat([block.indices for block in best])
        return torch.where((most > MIN_VOTES * self.labelled) & (self.labelled > min_share * self.seen), winner + 1, 0)


@torch.no_grad()
def votes(scene: Scene, views: Iterable[MaskedView], objects: int, rasterizer: Rasterizer) -> Votes:
    """Let masks vote for the anchors that they show.

    Args:
        scene: What is drawn, of tensors.
        views: Whose labels are objects, 1 .. ``objects``; -1 for masks of none of them.
        objects: How many there are.
        rasterizer: Passes gradients to colours.
    """
    count = len(scene.position)
    sums = scene.position.new_zeros(count, 2 + objects)
    for view in views:
        labelled, present = (view.labels != 0).any(dim=0), torch.unique(view.labels[view.labels > 0]).tolist()
        pictures = [torch.ones_like(labelled), labelled, *((view.labels == n).any(dim=0) for n in present)]
        columns = [0, 1, *(1 + number for number in present)]
        seen = scene.seen(view.camera)
        for first in range(0, len(columns), MOST):
            pixels = torch.stack(pictures[first : first + MOST], dim=-1).to(sums)
            sums[:, columns[first : first + MOST]] += pixel_sums(seen, pixels, count, rasterizer)
    return Votes(sums[:, 0], sums[:, 1], sums[:, 2:])
