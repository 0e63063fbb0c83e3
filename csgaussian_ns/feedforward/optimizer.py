"""How the weights of the network are moved: matrices by the direction of their momentum, all else by Adam."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from csgaussian_ns.core.errors import ConfigError

_MATRIX = 3.0
"""Rate of matrices, in that of Adam."""


class MatrixOptimizer:
    """Muon (Jordan et al., 2024) for weights of convolutions, seen as matrices; Adam for biases and gains.

    Steps of a convolution have the same length in all directions that its momentum has. From random weights that took
    two thirds of Adam's steps (docs/decisions/0064).
    """

    def __init__(self, parameters: Iterable[nn.Parameter], rate: float) -> None:
        """Begin with no momentum.

        Args:
            parameters: Of a network; those of four dimensions are convolutions.
            rate: Of Adam, and of matrices a multiple of it.

        Raises:
            ConfigError: This torch has no Muon.
        """
        if not hasattr(torch.optim, "Muon"):
            raise ConfigError(
                f"codecsplat in training needs torch.optim.Muon, which came with torch 2.9; this is {torch.__version__}"
            )
        listed = list(parameters)
        self._convolutions = [one for one in listed if one.ndim == 4]
        self._matrices = [nn.Parameter(one.detach().view(len(one), -1)) for one in self._convolutions]
        self._rest = [one for one in listed if one.ndim != 4]
        self._parts: dict[str, torch.optim.Optimizer] = {}
        if self._matrices:
            self._parts["matrices"] = torch.optim.Muon(
                self._matrices, rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw"
            )
        if self._rest:
            self._parts["rest"] = torch.optim.Adam(self._rest, rate, betas=(0.9, 0.99), fused=True)
        self.at(rate)

    def at(self, rate: float) -> None:
        """Go on at another rate."""
        for name, part in self._parts.items():
            for group in part.param_groups:
                group["lr"] = rate * (_MATRIX if name == "matrices" else 1.0)

    def zero_grad(self) -> None:
        """Forget the gradients of the last step."""
        for one in (*self._convolutions, *self._rest):
            one.grad = None

    def step(self) -> None:
        """Move all that have gradients."""
        for matrix, one in zip(self._matrices, self._convolutions, strict=True):
            matrix.grad = None if one.grad is None else one.grad.reshape(matrix.shape)
        for part in self._parts.values():
            part.step()

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of ``state_dict``.

        Raises:
            KeyError: It is of another kind of optimiser.
        """
        for name, part in self._parts.items():
            part.load_state_dict(state[name])
