"""From a ``.csg`` file to tensors, for whatever trains or draws with torch. ``format.decode`` does the work."""

import dataclasses
from typing import Any

import numpy as np
import torch

from csgaussian_ns.codec.render_networks import decoders_of
from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.codec.torch_networks import TorchNetworks, device_of
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.format import decode as numpy_side


def decode(*args: Any, device: str | torch.device | None = None, **options: Any) -> TensorScene:
    """``format.decode.decode`` for the torch side: the same arguments, errors and numbers, which come as tensors.

    Args:
        args: Of ``format.decode.decode``.
        device: Where the entropy networks are evaluated, and where the tensors are then. By default the networks are
            evaluated by compiled code on the CPU (see ``arithmetic``), and the tensors are there. Positions, masks and
            entropy-coded symbols are read on the CPU in any case.
        options: Of ``format.decode.decode``.

    Raises:
        ConfigError: There is no such device.
        BackendUnavailable: Also where it is a CUDA device, and torch sees none.
    """
    there = torch.device("cpu") if device is None else device_of(device)
    if device is not None:
        options["arithmetic"] = TorchNetworks(there)
    scene = numpy_side.decode(*args, **options)

    def tensor(array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(there)

    anchors = Anchors(*(tensor(getattr(scene.anchors, field.name)) for field in dataclasses.fields(Anchors)))
    layer = scene.semantics
    if layer is not None:
        layer = dataclasses.replace(layer, feature=tensor(layer.feature), label=tensor(layer.label))
    decoders, grid = decoders_of(scene.networks).to(there), tensor(scene.grid)
    return TensorScene(grid, anchors, decoders, scene.meta, layer, scene.truncated, scene.edits)
