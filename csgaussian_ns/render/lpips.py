"""LPIPS: how far apart two pictures look, by features of a network for photos (Zhang et al. 2018).

The network's weights are a file of the user's own; none come with this package.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float

HOW_TO = 'torch.save(lpips.LPIPS(net="vgg").state_dict(), "lpips.pt"), with the package lpips, makes such a file'
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""Of colours in [-1, 1], before the first layer."""
SMALLEST = 32
"""Pixels of the shorter side."""
Layers = tuple[tuple[tuple[int, int, int], ...], ...]
"""By slice, after whose last layer features are compared: number of each convolution, its stride and its padding."""
VGG: Layers = (
    ((0, 1, 1), (2, 1, 1)),
    ((5, 1, 1), (7, 1, 1)),
    ((10, 1, 1), (12, 1, 1), (14, 1, 1)),
    ((17, 1, 1), (19, 1, 1), (21, 1, 1)),
    ((24, 1, 1), (26, 1, 1), (28, 1, 1)),
)
ALEX: Layers = (((0, 4, 2),), ((3, 1, 2),), ((6, 1, 1),), ((8, 1, 1),), ((10, 1, 1),))
POOLS = {VGG: ((1, 2, 3, 4), 2), ALEX: ((1, 2), 3)}
"""Slices that begin with a pooling by 2, and the width of its window."""


class Lpips:
    """The measure with weights of one network.

    Attributes:
        net: ``vgg`` or ``alex``.
    """

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights of either network, as the package lpips names them.

        Raises:
            ConfigError: Some are missing or of another shape.
        """
        first = weights.get("net.slice1.0.weight")
        self.net = "alex" if first is not None and first.shape[-1] == 11 else "vgg"
        self._layers = ALEX if self.net == "alex" else VGG
        self._weights = {name: value.float() for name, value in weights.items()}
        try:
            with torch.no_grad():
                self(torch.zeros(SMALLEST, SMALLEST, 3), torch.ones(SMALLEST, SMALLEST, 3))
        except (KeyError, RuntimeError, AttributeError) as error:
            raise ConfigError(f"expected weights of LPIPS; {HOW_TO} ({type(error).__name__}: {error})") from error

    def __call__(self, picture: Float[Tensor, "H W 3"], photo: Float[Tensor, "H W 3"]) -> float:
        """The distance of two pictures (RGB in [0, 1]); 0 for the same.

        Raises:
            ConfigError: They are too small for the network.
        """
        if min(picture.shape[:2]) < SMALLEST:
            height, width = picture.shape[:2]
            raise ConfigError(f"LPIPS is of pictures of at least {SMALLEST} pixels a side; these are {width}x{height}")
        both = torch.stack([picture, photo]).permute(0, 3, 1, 2).float()
        shift, scale = (torch.tensor(values)[:, None, None] for values in (SHIFT, SCALE))
        features, distance = (2 * both - 1 - shift) / scale, 0.0
        pooled, window = POOLS[self._layers]
        for number, layers in enumerate(self._layers):
            if number in pooled:
                features = functional.max_pool2d(features, window, 2)
            for layer, stride, padding in layers:
                name = f"net.slice{number + 1}.{layer}"
                weight, bias = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
                features = functional.relu(functional.conv2d(features, weight, bias, stride, padding))
            unit = features / (features.square().sum(dim=1, keepdim=True).sqrt() + 1e-10)
            apart = functional.conv2d((unit[:1] - unit[1:]).square(), self._weights[f"lin{number}.model.1.weight"])
            distance += float(apart.mean())
        return distance


def load_lpips(path: Path) -> Lpips:
    """Read weights from a file.

    Raises:
        ConfigError: It cannot be read, or holds something else.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251  # unpickles tensors alone
    except Exception as error:  # of many kinds
        raise ConfigError(f"{path} cannot be read as weights of LPIPS: {type(error).__name__}; {HOW_TO}") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ConfigError(f"{path}: expected weights of LPIPS; {HOW_TO}")
    try:
        return Lpips(weights)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
