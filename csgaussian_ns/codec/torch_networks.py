"""Integer networks of a file on a torch device: what a GPU can take over while a file is decoded."""

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.shapes import Int, Int64
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork


def device_of(name: str | torch.device) -> torch.device:
    """The device called ``name``.

    Raises:
        ConfigError: torch knows no such device.
        BackendUnavailable: It is a CUDA device, and torch sees none.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: expected one of torch's, such as 'cpu' or 'cuda'; got {name!r}") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise BackendUnavailable(f"device {name!r}: torch sees no CUDA device; leave device out to decode on the CPU")
    return device


class TorchNetworks:
    """An ``Evaluator``: matrix products in float64, in which each sum of such a network is exact in any order.

    Not in float32, which is exact for most layers only while nobody has allowed torch to round its products further.
    """

    def __init__(self, device: torch.device) -> None:
        """Evaluate on ``device``; weights are sent there once."""
        self._device = device
        self._known: dict[int, tuple[IntegerNetwork, list[_Layer]]] = {}

    @torch.no_grad()
    def __call__(self, network: IntegerNetwork, inputs: Int[np.ndarray, "N inputs"]) -> Int64[np.ndarray, "N out"]:
        """See ``Evaluator``."""
        if id(network) not in self._known:
            self._known[id(network)] = network, [_Layer(layer, self._device) for layer in network.layers]
        values = torch.from_numpy(inputs.astype(np.float64)).to(self._device)
        for layer in self._known[id(network)][1]:
            values = layer(values)
        return values.to(torch.int64).cpu().numpy()


class _Layer:
    """One layer; inputs and outputs are integers in float64."""

    def __init__(self, layer: IntegerLayer, device: torch.device) -> None:
        def there(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.array(array)).to(device)

        self._weight = there(layer.weight.T.astype(np.float64))
        self._bias, self._multiplier, self._shift = there(layer.bias), there(layer.multiplier), layer.shift
        self._range = layer.lowest, layer.highest

    def __call__(self, values: Tensor) -> Tensor:
        sums = (values @ self._weight).to(torch.int64)
        outputs = ((sums + self._bias) * self._multiplier + (1 << (self._shift - 1))) >> self._shift
        return outputs.clamp(*self._range).to(torch.float64)
