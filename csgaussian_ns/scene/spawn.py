"""From anchors and one camera to render-ready Gaussians (Scaffold-GS, section 3.2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from csgaussian_ns.core.types import Anchors, Camera, Gaussians
from csgaussian_ns.scene.decoders import Decoders

NEAR_PLANE = 0.01
"""Anchors closer to the image plane than this are not decoded, world units."""
FRUSTUM_MARGIN = 0.15
"""How far outside the image, as a share of its size, an anchor is still decoded besides its own reach."""


class Spawned(NamedTuple):
    """Gaussians of one view and where they came from.

    Attributes:
        gaussians: The ``N`` slots with positive opacity.
        slots: Index of each Gaussian into the flattened ``[A * K]`` slots of the anchors it was spawned from.
        opacity: Decoded opacity of all slots, masked ones at 0.
    """

    gaussians: Gaussians
    slots: Int[Tensor, " N"]
    opacity: Float[Tensor, "A K"]


def visible_anchors(position: Float[Tensor, "A 3"], scaling: Float[Tensor, "A 6"], camera: Camera) -> Int[Tensor, " V"]:
    """Indices of the anchors whose Gaussians can reach the image.

    An anchor counts as visible if its centre, widened by its longest offset length, falls into the frustum
    with a margin of ``FRUSTUM_MARGIN``.
    """
    with torch.no_grad():
        world_to_camera = camera.world_to_camera
        x, y, z = (position @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]).unbind(-1)
        reach = torch.exp(scaling[:, :3].amax(dim=-1))
        half_x = z * ((0.5 + FRUSTUM_MARGIN) * camera.width / camera.fx) + reach
        half_y = z * ((0.5 + FRUSTUM_MARGIN) * camera.height / camera.fy) + reach
        shift_x = z * ((0.5 * camera.width - camera.cx) / camera.fx)
        shift_y = z * ((0.5 * camera.height - camera.cy) / camera.fy)
        inside = (z > NEAR_PLANE) & ((x - shift_x).abs() < half_x) & ((y - shift_y).abs() < half_y)
        return torch.nonzero(inside)[:, 0]


def spawn(
    anchors: Anchors, decoders: Decoders, camera: Camera, opacity_factor: Float[Tensor, "A K"] | None = None
) -> Spawned:
    """Decode all given anchors as seen by ``camera``; choose them with ``visible_anchors``.

    Gaussian ``k`` of an anchor: centre = position + offset_k * exp(scaling[:3]), scale = exp(scaling[3:]) *
    sigmoid(raw scale), orientation = raw quaternion. Slots with opacity <= 0 and masked slots are left out.

    Args:
        anchors: What to decode.
        decoders: With these.
        camera: From here.
        opacity_factor: Multiplies the opacity of each slot, which stays at 1 at most; see ``dropout``.
    """
    ray = anchors.position - camera.position
    distance = ray.norm(dim=-1, keepdim=True)
    decoded = decoders(anchors.feature, ray / distance, distance)

    num_offsets = anchors.offset.shape[1]
    opacity = decoded.opacity * anchors.mask
    if opacity_factor is not None:
        opacity = (opacity * opacity_factor).clamp(max=1)
    flat_opacity = opacity.reshape(-1)
    slots = torch.nonzero(flat_opacity > 0)[:, 0]
    owner = torch.div(slots, num_offsets, rounding_mode="floor")
    lengths = torch.exp(anchors.scaling)
    centres = anchors.position[:, None] + anchors.offset * lengths[:, None, :3]
    shape = decoded.shape.reshape(-1, 7).index_select(0, slots)
    gaussians = Gaussians(
        means=centres.reshape(-1, 3).index_select(0, slots),
        quats=shape[:, 3:],
        scales=lengths[:, 3:].index_select(0, owner) * torch.sigmoid(shape[:, :3]),
        opacities=flat_opacity.index_select(0, slots),
        colors=decoded.color.reshape(-1, 3).index_select(0, slots),
    )
    return Spawned(gaussians, slots, opacity)


def dropout(shape: tuple[int, ...], share: float, generator: torch.Generator) -> Float[Tensor, "A K"]:
    """Factors of opacity that leave out a ``share`` of all slots in one view and strengthen the others to match.

    No Gaussian can then be relied on alone: what one training view needs must be spread over Gaussians that other views
    check too (DropGaussian, Park et al. 2025).

    Args:
        shape: Anchors and slots.
        share: In [0, 1).
        generator: Source of the random choice; its device is that of the result.
    """
    stays = torch.rand(shape, generator=generator, device=generator.device) >= share
    return stays / (1 - share)
