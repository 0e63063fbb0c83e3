"""From views with masks to objects: means of masks, clusters among them, votes for anchors (docs/decisions/0014)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.semantic.finding import solidity
from csgaussian_ns.semantic.finding.cluster import DEFAULTS, FindingSettings, by_size, cluster
from csgaussian_ns.semantic.finding.evidence import MaskEvidence
from csgaussian_ns.semantic.finding.mask_means import mask_means
from csgaussian_ns.semantic.finding.strays import without_strays
from csgaussian_ns.semantic.finding.views import MaskedView, coarser, spread
from csgaussian_ns.semantic.finding.votes import votes
from csgaussian_ns.semantic.finding.wholes import WholeEvidence
from csgaussian_ns.semantic.innermost import innermost
from csgaussian_ns.semantic.seen import label_map, raised

MIN_SHARE = 0.5
"""Rows of which views see less under masks belong to no object."""


@dataclass(frozen=True)
class FoundObjects:
    """Objects of a scene, the largest first.

    Attributes:
        label: Object of each row of the scene, from 1 on, 0 for none; on the CPU.
        names: Of the objects, empty where unknown; none at all if no name is known.
        solidity: Of the objects, in numbers of section OPAC; see ``solidity``.
        tree: What they are parts of; ``None`` where masks tell of no whole.
    """

    label: Int[Tensor, " A"]
    names: tuple[str, ...]
    solidity: bytes = b""
    tree: ObjectTree | None = None


@torch.no_grad()
def objects_in(
    views: Iterable[MaskedView],
    scene: Scene,
    feature: Float[Tensor, "A D"],
    rasterizer: Rasterizer,
    *,
    min_pixels: int,
    settings: FindingSettings = DEFAULTS,
    names: Mapping[int, str] = {},
) -> FoundObjects:
    """The objects that semantic features form and masks bear out (CSGaussian 3.2).

    Args:
        views: With masks; ids need mean nothing from view to view. All are looked at three times, some more often, at
            ``views.MOST_PIXELS`` pixels or fewer, so ``views.spread`` some hundreds first.
        scene: Of tensors on the device of ``views``.
        feature: Of its rows in base steps, weighted as in training (``semantic.weighting``).
        rasterizer: Draws three channels and as many as a feature has; passes gradients to colours.
        min_pixels: Masks, and objects in a view, that show fewer pixels say nothing.
        settings: What counts as an object.
        names: Id of a mask to name; empty unless ids mean the same in every view.

    Raises:
        BackendUnavailable: scikit-learn is not installed.
    """
    layered = [coarser(view) for view in views]
    looked_at = [replace(view, labels=innermost(view.labels)) for view in layered]
    means = mask_means(scene, feature, looked_at, rasterizer, min_pixels)
    own = torch.from_numpy(cluster(means.feature.numpy(), means.place.numpy(), means.views, settings))
    count = int(own.max()) if len(own) else 0
    said = votes(scene, (means.renamed(view, n, own) for n, view in enumerate(looked_at)), count, rasterizer)

    def fitted(label: Int[np.ndarray, " A"], old: Sequence[int]) -> bytes:
        """Solidities of the clusters ``old``, which are called 1 .. N in ``label``."""
        now = torch.full((count + 1,), -1)
        now[torch.tensor(old, dtype=torch.int64)] = torch.arange(1, len(old) + 1)
        chosen = spread(range(len(looked_at)), solidity.MOST_VIEWS)
        shown = [_of_objects(means.renamed(looked_at[n], n, own), now) for n in chosen]
        return solidity.of_objects(scene, torch.from_numpy(label), shown, len(old), rasterizer, min_pixels)

    place = scene.position.cpu().numpy()
    label = without_strays(said.label(MIN_SHARE).cpu().numpy(), place)
    solid = fitted(label, range(1, count + 1))
    evidence, wholes = MaskEvidence(count, names, min_pixels), WholeEvidence(count, min_pixels)
    tell_evidence(layered, scene, label, solid, (evidence, wholes), rasterizer)
    dropped = evidence.unsupported()
    if dropped:
        label = without_strays(said.label(MIN_SHARE, dropped).cpu().numpy(), place)
    found, old = by_size(label)
    solid = fitted(found, old) if dropped else bytes(solid[number - 1] for number in old)
    called = evidence.names()
    names_found = tuple(called[number - 1] for number in old) if any(called) else ()
    return FoundObjects(torch.from_numpy(found), names_found, solid, wholes.tree(old))


def tell_evidence(
    views: Iterable[MaskedView],
    scene: Scene,
    label: Int[np.ndarray, " A"],
    solid: bytes,
    evidence: Iterable[MaskEvidence | WholeEvidence],
    rasterizer: Rasterizer,
) -> None:
    """Let ``evidence`` see what the objects of ``label`` show in all views: those of glass, as if they were not."""
    of_row, powers = (
        torch.from_numpy(label).to(scene.position.device),
        solidity.powers(solid, int(label.max(initial=0))),
    )
    for view in views:
        shown = label_map(raised(scene.seen(view.camera), of_row, powers), of_row, rasterizer).cpu().numpy()
        for one in evidence:
            one.add(view.labels.cpu().numpy(), shown)


def _of_objects(view: MaskedView, now: Int[Tensor, " N"]) -> MaskedView:
    """A view whose clusters are called by the objects that they became, -1 where by none."""
    labels = torch.where(view.labels > 0, now.to(view.labels.device)[view.labels.clamp(min=0).long()], view.labels)
    return replace(view, labels=labels)
