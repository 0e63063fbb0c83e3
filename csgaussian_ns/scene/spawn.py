"""From anchors and one camera to render-ready Gaussians (Scaffold-GS, section 3.2), in torch or in numpy."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from csgaussian_ns.core.arrays import detached, largest, lengths, like, namespace, places, rows, sigmoid
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Anchors, Camera, Gaussians
from csgaussian_ns.scene.frustum import in_reach
from csgaussian_ns.scene.render_networks import AttributeDecoder


class Spawned(NamedTuple):
    """Gaussians of one view and where they came from.

    Attributes:
        gaussians: The ``N`` slots with positive opacity.
        owner: Index of each Gaussian's anchor among those it was spawned from.
        slots: Index of each Gaussian into the flattened ``[A * K]`` slots of these anchors.
        opacity: Decoded opacity of all slots, masked ones at 0.
        real: Which of the Gaussians are there at all; all where ``None``. The others stand where the camera does, where
            no renderer sees them.
    """

    gaussians: Gaussians
    owner: Int[Any, " N"]
    slots: Int[Any, " N"]
    opacity: Float[Any, "A K"]
    real: Bool[Any, " N"] | None = None


Choice: TypeAlias = Callable[[Bool[Any, " M"]], tuple[Int[Any, " N"], Bool[Any, " N"] | None]]
"""Gives the indices at which a mask is true, and which of them to count: all where ``None``."""


def visible(position: Float[Any, "A 3"], scaling: Float[Any, "A 6"], camera: Camera) -> Bool[Any, " A"]:
    """Which anchors have Gaussians that can reach the image, going by their longest offset lengths."""
    library = namespace(scaling)
    reach = library.exp(largest(detached(scaling)[:, :3]))
    return in_reach(detached(position), reach, camera)


def visible_anchors(position: Float[Any, "A 3"], scaling: Float[Any, "A 6"], camera: Camera) -> Int[Any, " V"]:
    """Indices of these."""
    return places(visible(position, scaling, camera))


class Slots(NamedTuple):
    """All slots of some anchors as seen by a camera; ``opacity`` decides which are drawn.

    Attributes:
        opacity: 0 where masked.
        centres: World coordinates.
        lengths: Of the anchors, ``exp(scaling)``.
        shape, color: As of ``render_networks.Decoded``.
    """

    opacity: Float[Any, "A K"]
    centres: Float[Any, "A K 3"]
    lengths: Float[Any, "A 6"]
    shape: Float[Any, "A K 7"]
    color: Float[Any, "A K 3"]


def decode_slots(
    anchors: Anchors, decoder: AttributeDecoder, eye: Float[Any, "3"], opacity_factor: Float[Any, "A K"] | None
) -> Slots:
    """The first half of ``spawn``, seen from ``eye``."""
    ray = anchors.position - eye
    distance = lengths(ray)
    decoded = decoder(anchors.feature, ray / distance, distance)
    opacity = decoded.opacity * anchors.mask
    if opacity_factor is not None:
        opacity = (opacity * opacity_factor).clip(max=1)
    length = namespace(anchors.scaling).exp(anchors.scaling)
    centres = anchors.position[:, None] + anchors.offset * length[:, None, :3]
    return Slots(opacity, centres, length, decoded.shape, decoded.color)


def gather_slots(
    all_slots: Slots, slots: Int[Any, " N"], real: Bool[Any, " N"] | None, eye: Float[Any, "3"]
) -> tuple[Gaussians, Int[Any, " N"]]:
    """The second half of ``spawn``: Gaussians of these slots, and their anchors. What is not ``real`` is at ``eye``."""
    owner = slots // all_slots.opacity.shape[1]
    shape = rows(all_slots.shape.reshape(-1, 7), slots)
    means = rows(all_slots.centres.reshape(-1, 3), slots)
    if real is not None:
        means = namespace(means).where(real[:, None], means, eye)
    gaussians = Gaussians(
        means=means,
        quats=shape[:, 3:],
        scales=rows(all_slots.lengths[:, 3:], owner) * sigmoid(shape[:, :3]),
        opacities=rows(all_slots.opacity.reshape(-1), slots),
        colors=rows(all_slots.color.reshape(-1, 3), slots),
    )
    return gaussians, owner


class Halves(NamedTuple):
    """Both halves of ``spawn``: these functions, or others that do the same."""

    decode: Callable[..., Slots] = decode_slots
    gather: Callable[..., tuple[Gaussians, Any]] = gather_slots


HALVES = Halves()


def spawn(
    anchors: Anchors,
    decoder: AttributeDecoder,
    camera: Camera,
    opacity_factor: Float[Any, "A K"] | None = None,
    choose: Choice | None = None,
    halves: Halves = HALVES,
) -> Spawned:
    """Decode all given anchors as seen by ``camera``; choose them with ``visible_anchors``.

    Gaussian ``k`` of an anchor: centre = position + offset_k * exp(scaling[:3]), scale = exp(scaling[3:]) *
    sigmoid(raw scale), orientation = raw quaternion. Slots with opacity <= 0 and masked slots are left out.

    Args:
        anchors: What to decode.
        decoder: With these networks.
        camera: From here.
        opacity_factor: Multiplies the opacity of each slot, which stays at 1 at most; see ``dropout``.
        choose: Of all slots, those that are drawn; ``places`` where ``None``.
        halves: What computes.
    """
    eye = like(camera.position, anchors.position)
    decoded = halves.decode(anchors, decoder, eye, opacity_factor)
    drawn = decoded.opacity.reshape(-1) > 0
    slots, real = (places(drawn), None) if choose is None else choose(drawn)
    gaussians, owner = halves.gather(decoded, slots, real, eye)
    return Spawned(gaussians, owner, slots, decoded.opacity, real)


def seen_anchors(anchors: Anchors, camera: Camera, only: Bool[Any, " A"] | None = None) -> Int[Any, " V"]:
    """Indices of the anchors that ``camera`` sees; of those where ``only`` is true, if it is given."""
    index = visible_anchors(anchors.position, anchors.scaling, camera)
    return index if only is None else index[only[index]]


def spawn_visible(
    anchors: Anchors, decoder: AttributeDecoder, camera: Camera, only: Bool[Any, " A"] | None = None
) -> tuple[Int[Any, " V"], Spawned]:
    """The anchors that ``camera`` sees, and their Gaussians; of those where ``only`` is true, if it is given."""
    index = seen_anchors(anchors, camera, only)
    return index, spawn(anchors.at(index), decoder, camera)
