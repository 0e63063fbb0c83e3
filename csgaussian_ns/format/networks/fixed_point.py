"""Integer networks: the same numbers on any device, thread count, batch size, BLAS and order of summation.

A floating-point network is none of that: its sums differ in the last bits between two BLAS kernels of one machine,
and one wrong bit in one mean makes a whole entropy-coded stream undecodable. Here everything is an integer:

    y = clamp(((W x + bias) * multiplier + 2**(shift - 1)) >> shift, lowest, highest)

ReLU is the clamp: hidden layers have ``lowest = 0``. Shifts are arithmetic, so halves round towards +infinity. Weights
and activations are so small that the partial sums of a row stay below 2**24, as a rule. Such sums are exact in float32
in whatever order, fused or not, so the matrix products of any library, or of a GPU, can do the work, too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.jit import COMPILED
from csgaussian_ns.core.shapes import Int, Int8, Int64
from csgaussian_ns.format.networks.fixed_point_kernels import layer_outputs


@runtime_checkable
class Evaluator(Protocol):
    """Evaluates networks elsewhere, such as on a GPU; from several threads at once, where chunks are decoded so."""

    def __call__(self, network: "IntegerNetwork", inputs: Int[np.ndarray, "N inputs"]) -> Int64[np.ndarray, "N out"]:
        """``evaluate``, of inputs that have been checked."""
        ...


Arithmetic = Literal["auto", "float32", "float64", "int64"] | Evaluator
"""``auto`` sums integers in compiled code, on the calling thread alone. The other names are number formats of numpy's
matrix products, whose BLAS may start threads; without numba ``auto`` takes float32 in every layer where it is exact,
and float64 in the others. An ``Evaluator`` does all of it by itself."""

FLOAT32_BOUND = 1 << 24
FLOAT64_BOUND = 1 << 53
PRODUCT_BOUND = 1 << 62
MAX_MULTIPLIER = (1 << 15) - 1
MAX_SHIFT = 40
MAX_ACTIVATION = (1 << 15) - 1
"""Largest magnitude of a network's input and of a hidden activation."""
MAX_OUTPUT = (1 << 31) - 1

BLOCK_ROWS = 4096


@dataclass(frozen=True)
class IntegerLayer:
    """One affine layer with its rescaling and clamp; see the module's docstring.

    Attributes:
        weight: One row per output.
        bias: Added to the sum, in its unit; must fit into int32.
        multiplier: 1 .. 2**15 - 1 per output.
        shift: 1 .. 40, shared by the outputs.
        lowest, highest: Range of the outputs.
    """

    weight: Int8[np.ndarray, "out inputs"]
    bias: Int64[np.ndarray, " out"]
    multiplier: Int64[np.ndarray, " out"]
    shift: int
    lowest: int
    highest: int

    def __post_init__(self) -> None:
        checks = {
            f"shift {self.shift} must lie in 1..{MAX_SHIFT}": 1 <= self.shift <= MAX_SHIFT,
            f"range {self.lowest}..{self.highest} must be ascending and fit into int32": (
                -MAX_OUTPUT <= self.lowest < self.highest <= MAX_OUTPUT
            ),
            f"multipliers must lie in 1..{MAX_MULTIPLIER}": _within(self.multiplier, 1, MAX_MULTIPLIER),
            "biases must fit into int32": _within(self.bias, -MAX_OUTPUT - 1, MAX_OUTPUT),
            "a layer needs inputs and outputs": self.weight.size > 0,
        }
        for message, holds in checks.items():
            if not holds:
                raise QuantisationError(f"integer layer: {message}")

    @property
    def magnitude(self) -> int:
        """Largest magnitude of an output."""
        return max(abs(self.lowest), abs(self.highest))

    def row_bound(self, input_limit: int) -> int:
        """Largest magnitude that any partial sum of any row can reach for inputs up to ``input_limit``."""
        return int(np.abs(self.weight.astype(np.int64)).sum(axis=1).max()) * input_limit


@dataclass(frozen=True)
class IntegerNetwork:
    """Layers in order of evaluation. That one exists proves that float64 and int64 evaluate it exactly.

    Attributes:
        layers: At least one; the outputs of each are the inputs of the next.
        input_limit: Largest magnitude of an input.

    Raises:
        QuantisationError: Widths that do not fit, or sums and products that could leave the exact range.
    """

    layers: tuple[IntegerLayer, ...]
    input_limit: int

    def __post_init__(self) -> None:
        if not self.layers:
            raise QuantisationError("integer network: needs at least one layer")
        for before, layer in pairwise(self.layers):
            if before.weight.shape[0] != layer.weight.shape[1]:
                raise QuantisationError(
                    f"integer network: {before.weight.shape[0]} outputs meet {layer.weight.shape[1]} inputs"
                )
        for number, (layer, limit) in enumerate(zip(self.layers, self._input_limits(), strict=True)):
            if not 1 <= limit <= MAX_ACTIVATION:
                raise QuantisationError(
                    f"integer network: inputs of layer {number} reach {limit}, allowed are 1..{MAX_ACTIVATION}"
                )
            product = (layer.row_bound(limit) + int(np.abs(layer.bias).max())) * int(layer.multiplier.max())
            if layer.row_bound(limit) >= FLOAT64_BOUND or product + (1 << MAX_SHIFT) >= PRODUCT_BOUND:
                raise QuantisationError(f"integer network: sums of layer {number} could leave the exact range")

    def _input_limits(self) -> list[int]:
        return [self.input_limit, *(layer.magnitude for layer in self.layers[:-1])]

    def row_bounds(self) -> list[int]:
        """Per layer, the largest magnitude of a partial sum; float32 is exact where it is below 2**24."""
        return [layer.row_bound(limit) for layer, limit in zip(self.layers, self._input_limits(), strict=True)]

    @property
    def operations(self) -> int:
        """Multiplications per row."""
        return sum(layer.weight.size for layer in self.layers)

    @property
    def num_inputs(self) -> int:
        """Columns that ``evaluate`` takes."""
        return self.layers[0].weight.shape[1]

    @property
    def num_outputs(self) -> int:
        """Columns that ``evaluate`` gives."""
        return self.layers[-1].weight.shape[0]


def evaluate(
    network: IntegerNetwork,
    inputs: Int[np.ndarray, "N inputs"],
    arithmetic: Arithmetic = "auto",
    block_rows: int = BLOCK_ROWS,
) -> Int64[np.ndarray, "N out"]:
    """Outputs of the network. Neither ``arithmetic`` nor ``block_rows`` changes a bit of them.

    Args:
        network: What to evaluate.
        inputs: Magnitudes up to ``network.input_limit``.
        arithmetic: See ``Arithmetic``.
        block_rows: Rows evaluated at a time, to bound memory.

    Raises:
        QuantisationError: An input is out of range, or ``float32`` was asked for where it is not exact.
        ValueError: The inputs do not have ``network.num_inputs`` columns.
    """
    if inputs.shape[1] != network.num_inputs:
        raise ValueError(f"the network takes {network.num_inputs} inputs, got {inputs.shape[1]}")
    if len(inputs) and max(int(inputs.max()), -int(inputs.min())) > network.input_limit:
        raise QuantisationError(f"inputs beyond the network's limit of {network.input_limit}")
    if not isinstance(arithmetic, str):
        return arithmetic(network, inputs)
    layers = [_evaluator(*pair, arithmetic) for pair in zip(network.layers, network.row_bounds(), strict=True)]
    outputs = np.empty((len(inputs), network.num_outputs), np.int64)
    for start in range(0, len(inputs), block_rows):
        values = inputs[start : start + block_rows]
        for layer in layers:
            values = layer(values)
        outputs[start : start + block_rows] = values
    return outputs


def _evaluator(layer: IntegerLayer, bound: int, arithmetic: str) -> Callable[[np.ndarray], np.ndarray]:
    """A layer as a function, in the number format that its sums, up to ``bound``, and ``arithmetic`` ask for."""
    if arithmetic == "auto" and COMPILED:
        fits = bound + int(np.abs(layer.bias).max()) <= MAX_OUTPUT
        return _by_kernel(layer, np.int32 if fits else np.int64)
    if arithmetic == "float32" and bound >= FLOAT32_BOUND:
        raise QuantisationError(f"float32 is not exact: sums reach {bound}, the bound is {FLOAT32_BOUND}")
    exact = "float32" if bound < FLOAT32_BOUND else "float64"
    return _by_product(layer, exact if arithmetic == "auto" else arithmetic)


def _by_kernel(layer: IntegerLayer, kind: type[np.signedinteger]) -> Callable[[np.ndarray], np.ndarray]:
    weight, bias = layer.weight.T.astype(kind, order="C"), layer.bias.astype(kind)

    def evaluated(values: np.ndarray) -> np.ndarray:
        outputs, rows = np.empty((len(values), len(bias)), kind), np.ascontiguousarray(values, kind)
        rescaling = (layer.multiplier, layer.shift, layer.lowest, layer.highest)
        layer_outputs(rows, weight, bias, *rescaling, np.empty_like(bias), outputs)
        return outputs

    return evaluated


def _by_product(layer: IntegerLayer, form: str) -> Callable[[np.ndarray], np.ndarray]:
    weight = layer.weight.T.astype(form, order="C")

    def evaluated(values: np.ndarray) -> np.ndarray:
        sums = (values.astype(form) @ weight).astype(np.int64)
        sums += layer.bias
        sums *= layer.multiplier
        sums += 1 << (layer.shift - 1)
        sums >>= layer.shift
        return sums.clip(layer.lowest, layer.highest, out=sums)

    return evaluated


def _within(values: np.ndarray, lowest: int, highest: int) -> bool:
    return bool(((values >= lowest) & (values <= highest)).all())
