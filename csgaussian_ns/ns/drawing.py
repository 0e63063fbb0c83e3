"""What can be seen of a scene as a decoder will have it: colour, and what is known of each anchor."""

from dataclasses import replace

import torch
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.ns.viewer import ObjectControls
from csgaussian_ns.quant.steps import STEP_OFFSET
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.pca import principal_colours
from csgaussian_ns.semantic.shown import Shown
from csgaussian_ns.stages.scene import TrainableScene

MOST = 0.99
"""Quantile of the bits that counts as the most, so that a few dear anchors do not make all others look alike."""
WIDEST_STEP = STEP_OFFSET + 1
"""In base steps: ``quant.steps.step_from_raw`` gives no wider ones."""


def decoded_outputs(
    scene: TrainableScene,
    camera: Camera,
    rasterizer: Rasterizer,
    background: Float[Tensor, "3"],
    crop: OrientedBox | None = None,
    objects: ObjectControls | None = None,
) -> dict[str, Tensor]:
    """Colour, coverage, expected depth and all layers of the anchors, each ``[H, W, C]``.

    Args:
        scene: With what is known of it, see ``anchor_layers``.
        camera: The view.
        rasterizer: Draws it.
        background: RGB behind the scene.
        crop: Draw only what is inside.
        objects: The viewer's controls: they may hide and recolour, and know of more layers.
    """
    look, decoded = None if objects is None else objects.look(), AnchorScene(scene.decoded().anchors, scene.decoders)
    seen = decoded.seen(camera) if look is None else Shown(decoded, look).seen(camera)
    layers = anchor_layers(scene) | ({} if objects is None else objects.layers())
    channels = [seen.gaussians.colors, *(layer.index_select(0, seen.row) for layer in layers.values())]
    gaussians = replace(seen.gaussians, colors=torch.cat(channels, dim=-1))
    if crop is not None:
        gaussians = gaussians.where(crop.within(gaussians.means).reshape(-1))
    behind = torch.cat([background, background.new_zeros(gaussians.colors.shape[1] - 3)])
    rendering = rasterizer(gaussians, camera, behind, with_depth=True)
    images = rendering.image.split([part.shape[1] for part in channels], dim=-1)
    outputs = {"rgb": images[0], "accumulation": rendering.alpha}
    if rendering.depth is not None:
        outputs["depth"] = rendering.depth
    return outputs | dict(zip(layers, images[1:], strict=True))


def anchor_layers(scene: TrainableScene) -> dict[str, Float[Tensor, "A C"]]:
    """What is known of each anchor besides its colour.

    Returns:
        All in [0, 1], as colour maps expect. Once the rate is paid for ``anchor_bits``, as a share of what the most
        expensive anchors take, and ``feature_step``, as a share of the widest step; from stage 2 on ``semantic``, the
        feature as a colour, and ``quality_weight``.
    """
    layers: dict[str, Tensor] = {}
    if scene.plan.at(scene.step).rate:
        decoded = scene.decoded()
        layers["anchor_bits"] = share_of_most(decoded.bits)[:, None]
        layers["feature_step"] = decoded.feature_step[:, None] / WIDEST_STEP
    semantics = scene.decoded_semantics()
    if semantics is not None:
        layers |= {"semantic": principal_colours(semantics.feature), "quality_weight": semantics.quality[:, None]}
    return layers


def share_of_most(bits: Float[Tensor, " A"]) -> Float[Tensor, " A"]:
    """``bits`` divided by what one anchor in a hundred exceeds, at most 1; dropped anchors, at 0 bits, do not count."""
    kept = bits[bits > 0]
    if len(kept) == 0:
        return torch.zeros_like(bits)
    rank = max(1, round(MOST * len(kept)))
    return (bits / kept.kthvalue(rank).values).clamp(max=1)
