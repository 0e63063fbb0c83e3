"""What a camera sees of which anchor: the object at each pixel, and the front at one pixel."""

import math
from dataclasses import replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.render.projection import DILATION, MIN_ALPHA, NEAR, project
from csgaussian_ns.render.reference import drawing_order, pixel_weights
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.scene import Seen

GROUP = 5
"""Objects drawn at a time. With the channel for none of them that makes 6, as many as a semantic feature has, so the
renderer's kernels are compiled for both at once."""


@torch.no_grad()
def see(anchors: Anchors, decoders: Decoders, camera: Camera) -> Seen:
    """What ``camera`` sees of these anchors, without gradients."""
    return AnchorScene(anchors, decoders).seen(camera)


@torch.no_grad()
def label_map(seen: Seen, label: Int[Tensor, " A"], rasterizer: Rasterizer) -> Int[Tensor, "H W"]:
    """The object that each pixel shows most of, occlusion included; 0 where that is none.

    A pixel is divided by blending weights among the objects and what is none of them: anchors without an object, and
    what shines through from behind the scene. The largest share wins, so a pixel is an object's only if the object is
    what one sees there.

    Args:
        seen: The view.
        label: Object id of every anchor of the scene, 0 for none.
        rasterizer: Draws one channel per object.
    """
    own = label[seen.row]
    present = torch.unique(own[own > 0])
    result = torch.zeros(seen.camera.height, seen.camera.width, dtype=torch.int64, device=own.device)
    best: Tensor | None = None
    for group in present.split(GROUP) if len(present) else ():
        names = torch.full((GROUP,), -1, dtype=own.dtype, device=own.device)
        names[: len(group)] = group
        channels = torch.cat([own[:, None] == 0, own[:, None] == names], dim=1).float()
        rendering = rasterizer(replace(seen.gaussians, colors=channels), seen.camera)
        before: Tensor = rendering.image[..., 0] + 1 - rendering.alpha[..., 0] if best is None else best
        share, winner = rendering.image[..., 1 : len(group) + 1].max(dim=-1)
        result = torch.where(share > before, group[winner].long(), result)
        best = torch.maximum(before, share)
    return result


@torch.no_grad()
def shares_at(seen: Seen, label: Int[Tensor, " A"], pixel: tuple[int, int]) -> dict[int, float]:
    """How much of one pixel each object id is, by blending weight; what shines through counts as 0, as no object does.

    Exactly what a renderer blends there (``render.backend.Rasterizer``), for the price of one pixel.

    Args:
        seen: The view.
        label: Object id of every anchor of the scene, 0 for none.
        pixel: Column and row, inside the image.
    """
    column, row = pixel
    near = seen.only(_may_reach(seen, column + 0.5, row + 0.5))
    projected = project(near.gaussians, seen.camera)
    order = drawing_order(projected)
    moved = replace(projected, means2d=projected.means2d - projected.means2d.new_tensor([column, row]))
    alone = replace(seen.camera, width=1, height=1)
    weights = pixel_weights(moved, near.gaussians.opacities, order, alone)
    own = label[near.row[order]]
    result = {0: float(weights.left_over[0])}
    for name in torch.unique(own).tolist():
        result[name] = result.get(name, 0.0) + float(weights.blend[0, own == name].sum())
    return result


def _may_reach(seen: Seen, x: float, y: float) -> Bool[Tensor, " N"]:
    """Whether a Gaussian's alpha can be 1/255 at a point of the image; errs on the side of yes.

    The footprint's largest variance is at most |J|^2 times the largest variance in space, plus the dilation.
    """
    camera, gaussians = seen.camera, seen.gaussians
    view = like(camera.world_to_camera, gaussians.means)
    points = gaussians.means @ view[:3, :3].T + view[:3, 3]
    depth = points[:, 2].clamp_min(NEAR)
    u = points[:, 0] / depth
    v = points[:, 1] / depth
    slope_x = 1.15 * camera.width / camera.fx + abs(camera.cx / camera.fx)
    slope_y = 1.15 * camera.height / camera.fy + abs(camera.cy / camera.fy)
    stretch = (camera.fx**2 * (1 + slope_x**2) + camera.fy**2 * (1 + slope_y**2)) / depth**2
    variance = stretch * gaussians.scales.amax(dim=1) ** 2 + DILATION
    reach = 2 * (gaussians.opacities.clamp_min(MIN_ALPHA).log() - math.log(MIN_ALPHA)) * variance
    distance = (camera.fx * u + camera.cx - x) ** 2 + (camera.fy * v + camera.cy - y) ** 2
    return (points[:, 2] >= NEAR) & (distance <= 1.01 * reach + 1)
