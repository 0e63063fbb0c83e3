"""The files that ``csg`` draws, as scenes in arrays of numpy."""

from dataclasses import dataclass
from io import BufferedIOBase

import numpy as np

from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.ply import Z_UP, is_ply, read_gaussians, read_header
from csgaussian_ns.scene.render_networks import FrozenDecoders
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.tools.orbit import Meta, Placement


@dataclass(frozen=True)
class Opened:
    """A scene of a file.

    Attributes:
        scene: To be drawn by ``render.draw``.
        meta: Where it lies.
        rows: What its rows are called.
    """

    scene: Scene
    meta: Meta
    rows: str


def read_scene(stream: BufferedIOBase) -> Opened:
    """Read a ``.csg`` file, or Gaussians from a ``.ply`` file; which of them it is, its first bytes tell.

    Raises:
        FormatError: It is none of these, or damaged.
    """
    if is_ply(stream):
        header = read_header(stream)
        up = (0.0, 0.0, 1.0) if Z_UP in header.comments else (0.0, -1.0, 0.0)
        return Opened(read_gaussians(stream, header), Placement(up=up), "Gaussians")
    from csgaussian_ns.format.decode import decode

    coded = decode(stream, semantics=False)
    background = np.array(coded.meta.background, np.float32)
    return Opened(AnchorScene(coded.anchors, FrozenDecoders(coded.networks), background), coded.meta, "anchors")
