"""One view of a decoded scene, whatever it was decoded from."""

from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.core.types import Anchors, Camera, Rendering
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.spawn import spawn, visible_anchors


def render_view(
    anchors: Anchors,
    decoders: Decoders,
    camera: Camera,
    rasterizer: Rasterizer,
    background: Float[Tensor, "3"] | None = None,
    with_depth: bool = False,
) -> Rendering:
    """Choose the anchors in view, spawn their Gaussians, draw them."""
    index = visible_anchors(anchors.position, anchors.scaling, camera)
    gaussians = spawn(anchors.at(index), decoders, camera).gaussians
    return rasterizer(gaussians, camera, background, with_depth=with_depth)
