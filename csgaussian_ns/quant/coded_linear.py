"""Affine layers that can be trained with the weights that the file will hold."""

import torch
from torch import Tensor, nn

from csgaussian_ns.quant.int8_rows import on_int8_grid


class CodedLinear(nn.Linear):
    """An affine layer that, once told how many bits its weights will have, computes with weights of so many bits."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Start with weights as they are; ``train_with_bits`` changes that."""
        super().__init__(inputs, outputs)
        self._bits: int | None = None

    def coded_weight(self, rows: slice = slice(None)) -> Tensor:
        """The weights of some outputs as they are computed with."""
        return self.coded(self.weight[rows])

    def coded(self, weight: Tensor) -> Tensor:
        """Other weights for the same inputs as this layer would compute with them."""
        return weight if self._bits is None else on_int8_grid(weight, self._bits)

    def forward(self, values: Tensor) -> Tensor:
        """``values`` times the weights, plus the bias."""
        return nn.functional.linear(values, self.coded_weight(), self.bias)

    def resize(self, inputs: int, outputs: int) -> None:
        """Take on another size in place, keeping the Parameter objects; for layers that have not been trained yet.

        The first rows and columns stay, scaled to the new number of inputs, so that no random numbers are drawn. Only
        smaller sizes have them; a larger one, for a checkpoint that is about to be read, is filled with zeros.
        """
        factor = (self.in_features / inputs) ** 0.5
        weight, bias = self.weight.data, self.bias.data
        new = weight.new_zeros(outputs, inputs)
        rows, columns = min(outputs, self.out_features), min(inputs, self.in_features)
        new[:rows, :columns] = weight[:rows, :columns] * factor
        self.weight.data, self.bias.data = new, torch.cat([bias[:rows], bias.new_zeros(outputs - rows)])
        self.in_features, self.out_features = inputs, outputs


def train_with_bits(module: nn.Module, bits: int | None) -> None:
    """Let every ``CodedLinear`` inside ``module`` compute with weights of ``bits`` bits; as they are for ``None``."""
    for layer in module.modules():
        if isinstance(layer, CodedLinear):
            layer._bits = bits
