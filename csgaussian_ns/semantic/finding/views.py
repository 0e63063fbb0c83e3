"""What objects are found from: views with masks, made small enough to look at many."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from torch import Tensor

from csgaussian_ns.core.shapes import Int
from csgaussian_ns.core.types import Camera

MOST_VIEWS, MOST_PIXELS = 100, 250_000
"""Views that are looked at, and pixels of each: more do not change what is found, and cost minutes."""

T = TypeVar("T")


@dataclass(frozen=True)
class MaskedView:
    """A view and its masks: layers of label maps, 0 for none."""

    camera: Camera
    labels: Int[Tensor, "L H W"]


def spread(things: Sequence[T], most: int = MOST_VIEWS) -> Sequence[T]:
    """Every n-th of ``things``, n chosen so that at most ``most`` are left."""
    return things[:: max(1, -(-len(things) // most))]


def coarser(view: MaskedView, most_pixels: int = MOST_PIXELS) -> MaskedView:
    """A view with every n-th pixel in both directions, n chosen so that at most ``most_pixels`` are left."""
    height, width = view.labels.shape[1:]
    every = max(1, math.ceil(math.sqrt(height * width / most_pixels)))
    first = every // 2
    labels = view.labels[:, first::every, first::every].contiguous()  # the large ones are not kept
    old = view.camera
    camera = replace(
        old,
        fx=old.fx / every,
        fy=old.fy / every,
        cx=(old.cx - first - 0.5) / every + 0.5,
        cy=(old.cy - first - 0.5) / every + 0.5,
        width=labels.shape[2],
        height=labels.shape[1],
    )
    return MaskedView(camera, labels)
