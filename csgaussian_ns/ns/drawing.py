"""What can be seen of a scene as a decoder will have it: colour, and what is known of each anchor."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from nerfstudio.data.scene_box import OrientedBox
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.ns.outputs import Outputs
from csgaussian_ns.ns.viewer import ObjectControls
from csgaussian_ns.quant.steps import STEP_OFFSET
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.pca import principal_colours
from csgaussian_ns.semantic.shown import Shown
from csgaussian_ns.stages.scene import TrainableScene
from csgaussian_ns.stages.semantic import DecodedSemantics

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
) -> Outputs:
    """Colour and coverage, and, once somebody asks for them, expected depth and all layers of the anchors.

    Everything is of the scene as it is now, whenever it is asked for: the viewer looks at outputs while training goes
    on.

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
    gaussians, row = seen.gaussians, seen.row
    if crop is not None:
        inside = crop.within(gaussians.means).reshape(-1)
        gaussians, row = gaussians.where(inside), row[inside]
    rendering = rasterizer(gaussians, camera, background)
    outputs = Outputs({"rgb": rendering.image, "accumulation": rendering.alpha})

    @torch.no_grad()
    def depth() -> dict[str, Tensor]:
        found = rasterizer(replace(gaussians, colors=gaussians.colors[:, :1]), camera, with_depth=True).depth
        return {} if found is None else {"depth": found}

    @torch.no_grad()
    def drawn(layers: Mapping[str, Callable[[], Tensor]]) -> dict[str, Tensor]:
        channels = [values().index_select(0, row) for values in layers.values()]
        image = rasterizer(replace(gaussians, colors=torch.cat(channels, dim=-1)), camera).image
        return dict(zip(layers, image.split([part.shape[1] for part in channels], dim=-1), strict=True))

    outputs.later(("depth",), depth)
    layers = anchor_layers(scene) | ({} if objects is None else objects.layers())
    outputs.later(tuple(layers), lambda: drawn(layers))
    return outputs


def anchor_layers(scene: TrainableScene) -> dict[str, Callable[[], Float[Tensor, "A C"]]]:
    """What can be known of each anchor besides its colour, computed when it is called for.

    Returns:
        All in [0, 1], as colour maps expect. Once the rate is paid for ``anchor_bits``, as a share of what the most
        expensive anchors take, and ``feature_step``, as a share of the widest step; from stage 2 on ``semantic``, the
        feature as a colour, and ``quality_weight``.
    """
    layers: dict[str, Callable[[], Tensor]] = {}
    if scene.plan.at(scene.step).rate:
        decoded = scene.decoded()
        layers["anchor_bits"] = lambda: share_of_most(decoded.bits)[:, None]
        layers["feature_step"] = lambda: decoded.feature_step[:, None] / WIDEST_STEP
    if scene.has_features:
        layers["semantic"] = lambda: principal_colours(_semantics(scene).feature)
        layers["quality_weight"] = lambda: _semantics(scene).quality[:, None]
    return layers


def _semantics(scene: TrainableScene) -> DecodedSemantics:
    found = scene.decoded_semantics()
    assert found is not None, "asked for the features of a scene that has none"
    return found


def share_of_most(bits: Float[Tensor, " A"]) -> Float[Tensor, " A"]:
    """``bits`` divided by what one anchor in a hundred exceeds, at most 1; dropped anchors, at 0 bits, do not count."""
    kept = bits[bits > 0]
    if len(kept) == 0:
        return torch.zeros_like(bits)
    rank = max(1, round(MOST * len(kept)))
    return (bits / kept.kthvalue(rank).values).clamp(max=1)
