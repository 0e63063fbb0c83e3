"""From anchors and one camera to render-ready Gaussians (Scaffold-GS, section 3.2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.scene.anchors import AnchorParams
from csgaussian_ns.scene.decoders import Decoders

NEAR_PLANE = 0.01
"""Anchors closer to the image plane than this are not decoded, world units."""
FRUSTUM_MARGIN = 0.15
"""How far outside the image, as a share of its size, an anchor is still decoded besides its own reach."""


class Spawned(NamedTuple):
    """Gaussians of one view and where they came from.

    Attributes:
        gaussians: The ``N`` slots with positive opacity.
        slots: Index of each Gaussian into the flattened ``[A * K]`` slots of the scene.
        anchors: Index of the ``V`` anchors that were decoded.
        opacity: Decoded opacity of all their slots.
    """

    gaussians: Gaussians
    slots: Int[Tensor, " N"]
    anchors: Int[Tensor, " V"]
    opacity: Float[Tensor, "V K"]


def visible_anchors(anchors: AnchorParams, camera: Camera) -> Int[Tensor, " V"]:
    """Indices of the anchors whose Gaussians can reach the image.

    An anchor counts as visible if its centre, widened by its longest offset length, falls into the frustum
    with a margin of ``FRUSTUM_MARGIN``.
    """
    with torch.no_grad():
        world_to_camera = camera.world_to_camera
        x, y, z = (anchors.position @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]).unbind(-1)
        reach = torch.exp(anchors.scaling[:, :3].amax(dim=-1))
        half_x = z * ((0.5 + FRUSTUM_MARGIN) * camera.width / camera.fx) + reach
        half_y = z * ((0.5 + FRUSTUM_MARGIN) * camera.height / camera.fy) + reach
        shift_x = z * ((0.5 * camera.width - camera.cx) / camera.fx)
        shift_y = z * ((0.5 * camera.height - camera.cy) / camera.fy)
        inside = (z > NEAR_PLANE) & ((x - shift_x).abs() < half_x) & ((y - shift_y).abs() < half_y)
        return torch.nonzero(inside)[:, 0]


def spawn(anchors: AnchorParams, decoders: Decoders, camera: Camera) -> Spawned:
    """Decode the anchors that ``camera`` can see.

    Gaussian ``k`` of an anchor: centre = position + offset_k * exp(scaling[:3]), scale = exp(scaling[3:]) *
    sigmoid(raw scale), orientation = raw quaternion. Slots with opacity <= 0 are left out.
    """
    index = visible_anchors(anchors, camera)
    position, feature, offset, scaling = (
        tensor.index_select(0, index) for tensor in (anchors.position, anchors.feature, anchors.offset, anchors.scaling)
    )
    ray = position - camera.position
    distance = ray.norm(dim=-1, keepdim=True)
    decoded = decoders(feature, ray / distance, distance)

    num_offsets = anchors.num_offsets
    flat_opacity = decoded.opacity.reshape(-1)
    drawn = torch.nonzero(flat_opacity > 0)[:, 0]
    owner = torch.div(drawn, num_offsets, rounding_mode="floor")
    lengths = torch.exp(scaling)
    centres = position[:, None] + offset * lengths[:, None, :3]
    shape = decoded.shape.reshape(-1, 7).index_select(0, drawn)
    gaussians = Gaussians(
        means=centres.reshape(-1, 3).index_select(0, drawn),
        quats=shape[:, 3:],
        scales=lengths[:, 3:].index_select(0, owner) * torch.sigmoid(shape[:, :3]),
        opacities=flat_opacity.index_select(0, drawn),
        colors=decoded.color.reshape(-1, 3).index_select(0, drawn),
    )
    slots = index.index_select(0, owner) * num_offsets + drawn - owner * num_offsets
    return Spawned(gaussians, slots, index, decoded.opacity)
