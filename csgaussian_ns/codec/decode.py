"""From a ``.csg`` file to tensors, for whatever trains or draws with torch. ``format.decode`` does the work."""

import dataclasses
from typing import Any

import torch

from csgaussian_ns.codec.render_networks import decoders_of
from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format import decode as numpy_side


def decode(*args: Any, **options: Any) -> TensorScene:
    """``format.decode.decode`` for the torch side: the same arguments, errors and numbers, which come as tensors."""
    scene = numpy_side.decode(*args, **options)
    anchors = Anchors(*(torch.from_numpy(getattr(scene.anchors, field.name)) for field in dataclasses.fields(Anchors)))
    layer = scene.semantics
    if layer is not None:
        feature, label = torch.from_numpy(layer.feature), torch.from_numpy(layer.label)
        layer = dataclasses.replace(layer, feature=feature, label=label)
    decoders, grid = decoders_of(scene.networks), torch.from_numpy(scene.grid)
    return TensorScene(grid, anchors, decoders, scene.meta, layer, scene.truncated, scene.edits)
