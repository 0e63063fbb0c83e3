"""Integer networks: the same numbers on any device, thread count, batch size, BLAS and order of summation.

A floating-point network is none of that: its sums differ in the last bits between two BLAS kernels of one machine,
and one wrong bit in one mean makes a whole entropy-coded stream undecodable. Here weights and activations are small
integers, so that every partial sum of a row is an integer below 2**24. Such sums are exact in float32 in whatever
order, fused or not, which lets ordinary matrix products of any library do the work. The rest is int64, elementwise:

    y = clamp(((W x + bias) * multiplier + 2**(shift - 1)) >> shift, lowest, highest)

ReLU is the clamp: hidden layers have ``lowest = 0``. Shifts are arithmetic, so halves round towards +infinity.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple, overload

import numpy as np
import torch
from jaxtyping import Int, Int8, Int64
from torch import Tensor

from csgaussian_ns.core.errors import QuantisationError

Arithmetic = Literal["auto", "float32", "float64", "int64"]
"""What matrix products run in. ``auto`` takes float32 in every layer where it is exact, and float64 in the others."""

FLOAT32_BOUND = 1 << 24
FLOAT64_BOUND = 1 << 53
PRODUCT_BOUND = 1 << 62
MAX_MULTIPLIER = (1 << 15) - 1
MAX_SHIFT = 40
MAX_ACTIVATION = (1 << 15) - 1
"""Largest magnitude of a network's input and of a hidden activation."""
MAX_OUTPUT = (1 << 31) - 1

CPU_BLOCK_ROWS = 4096
CUDA_BLOCK_ROWS = 1 << 17


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
    def num_inputs(self) -> int:
        """Columns that ``evaluate`` takes."""
        return self.layers[0].weight.shape[1]

    @property
    def num_outputs(self) -> int:
        """Columns that ``evaluate`` gives."""
        return self.layers[-1].weight.shape[0]


@overload
def evaluate(
    network: IntegerNetwork,
    inputs: Int[Tensor, "N inputs"],
    arithmetic: Arithmetic = ...,
    block_rows: int | None = ...,
) -> Int64[Tensor, "N out"]: ...
@overload
def evaluate(
    network: IntegerNetwork,
    inputs: Int[np.ndarray, "N inputs"],
    arithmetic: Arithmetic = ...,
    block_rows: int | None = ...,
) -> Int64[np.ndarray, "N out"]: ...
def evaluate(
    network: IntegerNetwork,
    inputs: Int[Tensor, "N inputs"] | Int[np.ndarray, "N inputs"],
    arithmetic: Arithmetic = "auto",
    block_rows: int | None = None,
) -> Int64[Tensor, "N out"] | Int64[np.ndarray, "N out"]:
    """Outputs of the network. Neither ``arithmetic`` nor ``block_rows`` changes a bit of them.

    While it runs on tensors, reduced-precision matrix products (TF32, bfloat16, autocast) are off. Threads may evaluate
    side by side, but the switch is global in torch: nothing else may turn them on meanwhile.

    Args:
        network: What to evaluate.
        inputs: Magnitudes up to ``network.input_limit``; a tensor on any device, or an array.
        arithmetic: See ``Arithmetic``. CUDA has no int64 matrix product.
        block_rows: Rows evaluated at a time, to bound memory; by default 4096, on CUDA 131072.

    Raises:
        QuantisationError: An input is out of range, or ``float32`` was asked for where it is not exact.
        ValueError: The inputs do not have ``network.num_inputs`` columns.
    """
    if inputs.shape[1] != network.num_inputs:
        raise ValueError(f"the network takes {network.num_inputs} inputs, got {inputs.shape[1]}")
    if len(inputs) and max(int(inputs.max()), -int(inputs.min())) > network.input_limit:
        raise QuantisationError(f"inputs beyond the network's limit of {network.input_limit}")
    formats = [_product_format(bound, arithmetic) for bound in network.row_bounds()]
    if isinstance(inputs, np.ndarray):
        outputs = np.empty((len(inputs), network.num_outputs), dtype=np.int64)
        _run(_array_operands(network, formats), inputs, outputs, block_rows or CPU_BLOCK_ROWS)
        return outputs
    outputs = torch.empty(len(inputs), network.num_outputs, dtype=torch.int64, device=inputs.device)
    default_rows = CUDA_BLOCK_ROWS if inputs.is_cuda else CPU_BLOCK_ROWS
    with torch.no_grad(), exact_products(inputs.device):
        _run(_tensor_operands(network, formats, inputs.device), inputs, outputs, block_rows or default_rows)
    return outputs


def _product_format(bound: int, arithmetic: Arithmetic) -> str:
    """Number format of one layer's matrix product."""
    fits = bound < FLOAT32_BOUND
    if arithmetic == "auto":
        return "float32" if fits else "float64"
    if arithmetic == "float32" and not fits:
        raise QuantisationError(f"float32 is not exact: sums reach {bound}, the bound is {FLOAT32_BOUND}")
    return arithmetic


class _Operands(NamedTuple):
    """One layer in the arithmetic and on the device of the inputs. ``Any``: a tensor or an array."""

    weight: Any  # [inputs, out] in the format of the product
    bias: Any
    multiplier: Any
    layer: IntegerLayer
    to_product: Any
    """Converts activations to the format of the product."""
    to_int64: Any


def _tensor_operands(network: IntegerNetwork, formats: Sequence[str], device: torch.device) -> list[_Operands]:
    def of(layer: IntegerLayer, name: str) -> _Operands:
        product = getattr(torch, name)
        bias, multiplier = (torch.from_numpy(array.copy()).to(device) for array in (layer.bias, layer.multiplier))
        weight = torch.from_numpy(layer.weight.T.copy()).to(device, product)
        return _Operands(weight, bias, multiplier, layer, lambda x: x.to(product), lambda x: x.to(torch.int64))

    return [of(layer, name) for layer, name in zip(network.layers, formats, strict=True)]


def _array_operands(network: IntegerNetwork, formats: Sequence[str]) -> list[_Operands]:
    def of(layer: IntegerLayer, name: str) -> _Operands:
        product = np.dtype(name)
        weight = np.ascontiguousarray(layer.weight.T.astype(product))
        to_int64 = lambda x: x.astype(np.int64)  # noqa: E731  # reads as its twin for tensors
        return _Operands(weight, layer.bias, layer.multiplier, layer, lambda x: x.astype(product), to_int64)

    return [of(layer, name) for layer, name in zip(network.layers, formats, strict=True)]


def _run(layers: list[_Operands], inputs: Any, outputs: Any, block_rows: int) -> None:
    """Fill ``outputs`` block by block. One text for tensors and arrays: both know these operators."""
    for start in range(0, len(inputs), block_rows):
        values = inputs[start : start + block_rows]
        for weight, bias, multiplier, layer, to_product, to_int64 in layers:
            values = to_int64(to_product(values) @ weight)
            values += bias
            values *= multiplier
            values += 1 << (layer.shift - 1)
            values >>= layer.shift
            values = values.clip(layer.lowest, layer.highest)
        outputs[start : start + block_rows] = values


class _FullPrecision:
    """Full float32 matrix products inside the block, whatever the program has chosen outside.

    The setting is global, and chunks are decoded by several threads: the first one in sets it, the last one out
    restores it. torch 2.9 and later keep a setting per backend, and their older common getter raises once those were
    used.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before: list[str] = []

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._before = self._swap(["ieee", "ieee"], "highest")

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._swap(self._before, *self._before)

    def _swap(self, per_backend: Sequence[str], *common: str) -> list[str]:
        """Set the precisions, return those before: one per backend, or the common one where torch has only that."""
        backends: list[Any] = [torch.backends.cuda.matmul, getattr(torch.backends.mkldnn, "matmul", None)]
        if not all(hasattr(backend, "fp32_precision") for backend in backends):
            before = [torch.get_float32_matmul_precision()]
            torch.set_float32_matmul_precision(common[0])
            return before
        before = [backend.fp32_precision for backend in backends]
        for backend, precision in zip(backends, per_backend, strict=True):
            backend.fp32_precision = precision
        return before


_full_precision = _FullPrecision()


@contextmanager
def exact_products(device: torch.device) -> Iterator[None]:
    """Matrix products on ``device`` are exact for integers inside the block: no TF32, no bfloat16, no autocast."""
    with _full_precision, torch.autocast(device.type, enabled=False):
        yield


def _within(values: np.ndarray, lowest: int, highest: int) -> bool:
    return bool(((values >= lowest) & (values <= highest)).all())
