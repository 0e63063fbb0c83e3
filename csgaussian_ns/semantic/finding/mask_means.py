"""What the masks of many views show on average: the points among which objects are found."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.semantic.finding.views import MaskedView
from csgaussian_ns.semantic.losses import MIN_COVERAGE, Members, members_of, sum_by_mask


@dataclass(frozen=True)
class MaskMeans:
    """One row per mask of a view and layer.

    Attributes:
        feature: Mean rendered feature.
        place: Mean position of what is seen there.
        key: View, layer, and id there.
        views: Number of views.
    """

    feature: Float[Tensor, "M D"]
    place: Float[Tensor, "M 3"]
    key: Int[Tensor, "M 3"]
    views: int

    def renamed(self, view: MaskedView, number: int, names: Int[Tensor, " M"]) -> MaskedView:
        """View ``number`` with ``names`` of this table's masks instead of ids, -1 for masks without a name.

        Args:
            view: As it was measured.
            number: Its place among the views.
            names: From 1 on, 0 for no name.
        """
        labels = torch.where(view.labels > 0, -1, 0)
        rows = torch.nonzero(self.key[:, 0] == number)[:, 0]
        for (_, layer, old), name in zip(self.key[rows].tolist(), names[rows].tolist(), strict=True):
            labels[layer][view.labels[layer] == old] = name or -1
        return replace(view, labels=labels)


@torch.no_grad()
def mask_means(
    scene: Scene, feature: Float[Tensor, "A D"], views: Iterable[MaskedView], rasterizer: Rasterizer, min_pixels: int
) -> MaskMeans:
    """Means over the pixels of each mask that the scene covers, of masks with at least ``min_pixels`` of them.

    Args:
        scene: What is drawn, of tensors.
        feature: Of its rows, weighted as in training.
        views: With masks.
        rasterizer: Draws; once features, once positions, with as many channels as training does.
        min_pixels: Masks that show fewer say nothing.
    """
    features, places, keys, count = [feature[:0]], [scene.position[:0]], [feature.new_zeros(0, 3).long()], 0
    for number, view in enumerate(views):
        seen, count = scene.seen(view.camera), number + 1
        drawn = rasterizer(replace(seen.gaussians, colors=feature[seen.row]), view.camera)
        where = rasterizer(replace(seen.gaussians, colors=scene.position[seen.row]), view.camera).image
        covered = drawn.alpha[..., 0] >= MIN_COVERAGE
        where = where / drawn.alpha.clamp(min=1e-6)
        for layer, labels in enumerate(view.labels):
            members = members_of(labels.flatten(), covered.flatten(), min_pixels)
            features.append(_means(drawn.image, members))
            places.append(_means(where, members))
            ids = torch.unique(labels.flatten()[members.pixel]).long()  # ascending, as members are numbered
            keys.append(torch.stack([torch.full_like(ids, number), torch.full_like(ids, layer), ids], dim=1))
    return MaskMeans(torch.cat(features).cpu(), torch.cat(places).cpu(), torch.cat(keys).cpu(), count)


def _means(image: Float[Tensor, "H W C"], members: Members) -> Float[Tensor, "M C"]:
    return sum_by_mask(image.flatten(0, 1)[members.pixel], members) / members.size[:, None]
