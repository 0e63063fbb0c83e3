"""How opaque an object is to a finger: a power for the transparency of its Gaussians, fitted to masks.

What is of glass is nearly transparent in colour: drawn alone it covers little, and what stands behind it wins its
pixels. One number per object mends most of that (docs/decisions/0045), chosen so that what the object covers is what
its masks say in training views.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.scene import Scene, Seen
from csgaussian_ns.semantic.finding.views import MaskedView
from csgaussian_ns.semantic.seen import label_map

LEVELS = (0, 4, 8, 12, 16, 20, 24, 32)
"""Numbers that are tried: powers of 1 to 16, in eighths of a doubling."""
MOST_VIEWS = 16
"""Views that are looked at."""
COVERED = 0.7
"""Coverage of an object drawn alone from which a pixel is its own, as in 3-D selection."""
GAIN = 0.02
"""IoU that a power must win; what is opaque keeps its own opacities. Chosen before any scene was measured."""


@dataclass(frozen=True)
class _View:
    """A view, and of its pixels: which show each object (by number), and which show no mask at all."""

    seen: Seen
    masks: dict[int, Bool[Tensor, "H W"]]
    bare: Bool[Tensor, "H W"]


@torch.no_grad()
def of_objects(
    scene: Scene,
    label: Int[Tensor, " A"],
    views: Sequence[MaskedView],
    objects: int,
    rasterizer: Rasterizer,
    min_pixels: int,
) -> bytes:
    """A number of ``LEVELS`` for each object, as section OPAC has it.

    An object is drawn alone with every power, and compared with its masks where nothing else that has one may hide it.
    The power that fits best is taken, or half of it in doublings, if what all objects show of each pixel then fits
    better, too: what is too solid covers what one sees through it.

    Args:
        scene: Of tensors.
        label: Object of each row, from 1 on, 0 for none.
        views: Whose labels are objects, 0 where there is no mask, -1 where one says nothing.
        objects: How many there are.
        rasterizer: Draws.
        min_pixels: Masks of fewer pixels say nothing.
    """
    label = label.to(scene.position.device)
    looked_at = [_view(scene, view, objects, min_pixels) for view in views]
    alone = torch.stack(
        [_alone(looked_at, label, number, rasterizer) for number in range(1, objects + 1)] or [_NOTHING]
    )
    chosen, wanted = torch.zeros(objects, dtype=torch.int64), alone.argmax(dim=1)
    gain = alone.amax(dim=1) - alone[:, 0]
    open_ones = [n for n in gain.argsort(descending=True).tolist() if n < objects and gain[n] > GAIN]
    now = _joint(looked_at, label, chosen, rasterizer) if open_ones else 0.0
    for number in open_ones:
        best = now + float(alone[number, 0]) / objects + GAIN / objects, 0
        for level in sorted({int(wanted[number]), (int(wanted[number]) + 1) // 2}):
            trial = chosen.clone()
            trial[number] = level
            value = _joint(looked_at, label, trial, rasterizer) + float(alone[number, level]) / objects
            best = max(best, (value, level))
        if best[1]:
            chosen[number] = best[1]
            now = best[0] - float(alone[number, best[1]]) / objects
    return bytes(LEVELS[level] for level in chosen.tolist())


def powers(numbers: bytes, objects: int) -> list[float]:
    """What numbers of section OPAC stand for, by object, that of none first; no numbers at all stand for zeros."""
    return [1.0, *(2.0 ** (number / 8) for number in numbers or bytes(objects))]


_NOTHING = torch.zeros(len(LEVELS))


def _view(scene: Scene, view: MaskedView, objects: int, min_pixels: int) -> _View:
    masks = {number: (view.labels == number).any(dim=0) for number in range(1, objects + 1)}
    large = {number: mask for number, mask in masks.items() if int(mask.sum()) >= min_pixels}
    return _View(scene.seen(view.camera), large, (view.labels == 0).all(dim=0))


def _raised(opacity: Float[Tensor, " N"], level: Int[Tensor, " N"] | int) -> Float[Tensor, " N"]:
    doublings = torch.tensor(LEVELS, device=opacity.device)[level] / 8
    return 1 - (1 - opacity) ** torch.exp2(doublings.to(opacity.dtype))


def _alone(
    views: Sequence[_View], label: Int[Tensor, " A"], number: int, rasterizer: Rasterizer
) -> Float[Tensor, " L"]:
    """Median IoU of the object's silhouette by level: masks that are merged or split are few."""
    scores = []
    for view in views:
        mask = view.masks.get(number)
        own = view.seen.only(label[view.seen.row] == number)
        if mask is None or len(own.row) == 0:
            continue
        counted, row = mask | view.bare, []
        for level in range(len(LEVELS)):
            gaussians = replace(own.gaussians, opacities=_raised(own.gaussians.opacities, level))
            covers = (rasterizer(gaussians, view.seen.camera).alpha[..., 0] > COVERED) & counted
            row.append((covers & mask).sum() / (covers | mask).sum())
        scores.append(torch.stack(row).cpu())
    return torch.stack(scores).median(dim=0).values if scores else _NOTHING


def _joint(
    views: Sequence[_View], label: Int[Tensor, " A"], levels: Int[Tensor, " N"], rasterizer: Rasterizer
) -> float:
    """Mean over objects of their IoU in maps of what pixels show, over pixels of all views with no doubtful mask."""
    both, either = torch.zeros(len(levels)), torch.zeros(len(levels))
    of_row = torch.nn.functional.pad(levels, (1, 0)).to(label.device)[label]
    for view in views:
        gaussians = view.seen.gaussians
        solid = replace(gaussians, opacities=_raised(gaussians.opacities, of_row[view.seen.row]))
        shown = label_map(replace(view.seen, gaussians=solid), label, rasterizer)
        certain = view.bare.clone()
        for mask in view.masks.values():
            certain |= mask
        for number, mask in view.masks.items():
            found = (shown == number) & certain
            both[number - 1] += int((found & mask).sum())
            either[number - 1] += int((found | mask).sum())
    return float((both / either.clamp(min=1)).mean())
