"""What a camera sees of which anchor: the object at each pixel, and the front at one pixel. In torch or in numpy."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from csgaussian_ns.core.arrays import constants, namespace, single, to_numpy, without_gradients
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.core.types import Camera, Gaussians, Rendering
from csgaussian_ns.render.draw import pixel_hits
from csgaussian_ns.scene.scene import Seen

GROUP = 6
"""Channels drawn at a time, as many as a semantic feature has: the renderer's kernels are compiled for both at once."""

Draw = Callable[[Gaussians, Camera], Rendering]
"""Draws in the library of the Gaussians: a ``render.rasterizer.Rasterizer``, or ``render.draw.draw_gaussians``."""


def solid(seen: Seen, layer: SemanticLayer) -> Seen:
    """A view in which objects are as opaque as they are to a finger: for masks, clicks and silhouettes, not for colour.

    Args:
        seen: The view.
        layer: Of its scene.

    Returns:
        The same Gaussians; the transparency of those of an object is raised to the power of its ``solidity``.
    """
    if all(thing.solidity == 1 for thing in layer.objects):
        return seen
    powers = [1.0] * (1 + max(thing.id for thing in layer.objects))
    for thing in layer.objects:
        powers[thing.id] = thing.solidity
    return raised(seen, layer.label, powers)


def raised(seen: Seen, label: Int[Any, " A"], powers: Sequence[float]) -> Seen:
    """A view whose Gaussians have their transparency raised to a power for each object.

    Args:
        seen: The view.
        label: Object of every row of the scene, 0 for none.
        powers: By object, that of none first.
    """
    gaussians = seen.gaussians
    power = constants(powers, gaussians.opacities)[label[seen.row]]
    return replace(seen, gaussians=replace(gaussians, opacities=single(1 - (1 - gaussians.opacities) ** power)))


def label_map(seen: Seen, label: Int[Any, " A"], draw: Draw) -> Int[Any, "H W"]:
    """The object that each pixel shows most of, occlusion included; 0 where that is none.

    A pixel is divided by blending weights among the objects and what is none of them: anchors without an object, and
    what shines through from behind the scene. The largest share wins, so a pixel is an object's only if the object is
    what one sees there.

    Args:
        seen: The view.
        label: Object id of every anchor of the scene, 0 for none.
        draw: Draws one channel per object.
    """
    library, own = namespace(label), label[seen.row]
    present = library.unique(own[own > 0])
    best, result = None, constants([0], own).reshape(1, 1)
    with without_gradients(own):
        # The first channel of each group is what is no object, so that all groups are drawn of one size.
        for group in _groups(present.tolist(), GROUP - 1):
            drawn = draw(replace(seen.gaussians, colors=_one_hot(own, [0, *group])), seen.camera)
            before = drawn.image[..., 0] + 1 - drawn.alpha[..., 0] if best is None else best
            shares = drawn.image[..., 1 : len(group) + 1]
            share, winner = library.amax(shares, axis=-1), library.argmax(shares, axis=-1)
            result = library.where(share > before, constants(group, own)[winner], result)
            best = library.maximum(before, share)
    return library.broadcast_to(result, (seen.camera.height, seen.camera.width))


def shares_at(seen: Seen, label: Int[Any, " A"], pixel: tuple[int, int]) -> dict[int, float]:
    """How much of one pixel each object id is, by blending weight; what shines through counts as 0, as no object does.

    Objects that do not reach the pixel may be left out.

    Exactly what a renderer blends there (``render.rasterizer.Rasterizer``), for the price of one pixel.

    Args:
        seen: The view.
        label: Object id of every anchor of the scene, 0 for none.
        pixel: Column and row, inside the image.
    """
    gaussians = Gaussians(*(to_numpy(getattr(seen.gaussians, field.name)) for field in fields(Gaussians)))
    hits = pixel_hits(gaussians, seen.camera, pixel)
    own, result, covered = to_numpy(label[seen.row])[hits.index], {0: 0.0}, 0.0
    for group in _groups(sorted({0, *own.tolist()}), GROUP):
        drawn = hits.blended(_one_hot(own, group))
        result |= dict(zip(group, drawn.image[0, 0].tolist(), strict=False))
        covered = float(drawn.alpha[0, 0, 0])
    result[0] += 1 - covered
    return result


def _groups(ids: Sequence[int], size: int) -> Iterator[list[int]]:
    for first in range(0, len(ids), size):
        yield list(ids[first : first + size])


def _one_hot(own: Int[Any, " N"], group: Sequence[int]) -> Float[Any, "N C"]:
    """A channel for each id of a group, and zeros up to ``GROUP`` channels."""
    channels = [own == number for number in [*group, *[-1] * (GROUP - len(group))]]
    return single(namespace(own).stack(channels, axis=1))
