"""From a trained floating-point network to an integer one, after training and without any fine-tuning.

Weights: int8 or fewer bits, one scale per row. Hidden activations: 0 .. 1023 (10 bits), one scale per layer, set by a
high percentile of what the calibration inputs produce. At 8 bits the code length grows by 0.2 to 0.3 %; rows of up to
128 inputs then keep every sum below 2**24, the bound of float32.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Float, Int
from csgaussian_ns.format.int8_rows import weight_limit
from csgaussian_ns.format.networks.fixed_point import MAX_MULTIPLIER, IntegerLayer, IntegerNetwork

ACTIVATION_LIMIT = 1023
OUTPUT_LIMIT = (1 << 23) - 1
CLIP_PERCENTILE = 0.9998
"""Share of hidden activations inside the integer range; the few above it are clipped."""
_BIAS_BITS = 24
_MULTIPLIER_BITS = 15


class AffineLayer(NamedTuple):
    """Weights of one ``torch.nn.Linear``; a ReLU follows in all layers but the last."""

    weight: Float[Tensor, "out inputs"]
    bias: Float[Tensor, " out"]


def quantise_network(
    layers: Sequence[AffineLayer],
    calibration: Int[np.ndarray, "M inputs"],
    input_scale: float | Float[Tensor, " inputs"],
    output_fraction_bits: int | Sequence[int],
    input_limit: int = 511,
    weight_bits: int = 8,
) -> IntegerNetwork:
    """Integer network whose outputs times ``2**-output_fraction_bits`` approximate the floating-point ones.

    Args:
        layers: The trained network.
        calibration: Integer inputs like those it will see; a few thousand rows suffice.
        input_scale: Value that the floating-point network sees for one unit of an integer input (1 / 511 for
            positions), one for all inputs or one for each.
        output_fraction_bits: Fractional bits of the outputs, one for all or one for each.
        input_limit: Largest magnitude of an input that will ever occur.
        weight_bits: Bits per weight, at most 8.

    Raises:
        QuantisationError: Not finite weights, or a network that does not fit into the integer ranges.
    """
    scale = _per_input(input_scale, calibration.shape[1])
    activations = torch.from_numpy(calibration).double() * scale
    integer_layers: list[IntegerLayer] = []
    for number, (weight, bias) in enumerate(_on_cpu(layers)):
        is_last = number == len(layers) - 1
        activations = activations @ weight.T + bias
        if is_last:
            fractions = torch.as_tensor(output_fraction_bits, dtype=torch.float64).expand(len(bias))
            unit, lowest, highest = torch.exp2(-fractions), -OUTPUT_LIMIT, OUTPUT_LIMIT
        else:
            activations = activations.relu()
            step = max(_percentile(activations), 1e-6) / ACTIVATION_LIMIT
            unit, lowest, highest = torch.full_like(bias, step), 0, ACTIVATION_LIMIT
        integer_layers.append(_quantise_layer(weight * scale, bias, unit, (lowest, highest), weight_limit(weight_bits)))
        scale = unit
    return IntegerNetwork(tuple(integer_layers), input_limit)


def _quantise_layer(weight: Tensor, bias: Tensor, unit: Tensor, bounds: tuple[int, int], limit: int) -> IntegerLayer:
    """One layer in integers. ``weight`` already includes the scale of its inputs; ``unit`` is that of its outputs."""
    row_scale = weight.abs().amax(dim=1) / limit
    # Rows that are nearly or entirely bias get a coarser scale: their bias must stay small in units of it, and their
    # multiplier must not vanish beside the largest one, as all rows share a shift.
    row_scale = torch.maximum(row_scale, bias.abs() / 2**_BIAS_BITS)
    ratio = row_scale / unit
    ratio = torch.maximum(ratio, ratio.max() / 2 ** (_MULTIPLIER_BITS - 2)).clamp(min=2.0**-24)
    shift = _MULTIPLIER_BITS - 1 - math.floor(math.log2(float(ratio.max())))
    if float(ratio.max()) * 2.0**shift > MAX_MULTIPLIER:
        shift -= 1
    if shift < 1:
        raise QuantisationError(f"the largest weight is {float(ratio.max()):g} output units: too many fractional bits")
    # The multiplier is rounded first (up, or int8 would overflow) and the weights are then measured in the scale that
    # it really stands for: so its own rounding costs nothing.
    multiplier = torch.ceil(ratio * 2.0**shift)
    row_scale = multiplier / 2.0**shift * unit
    return IntegerLayer(
        weight=_integers(weight / row_scale[:, None], np.int8),
        bias=_integers(bias / row_scale, np.int64),
        multiplier=_integers(multiplier, np.int64),
        shift=shift,
        lowest=bounds[0],
        highest=bounds[1],
    )


def _on_cpu(layers: Sequence[AffineLayer]) -> list[AffineLayer]:
    if not layers:
        raise QuantisationError("a network needs at least one layer")
    copies = [AffineLayer(*(tensor.detach().double().cpu() for tensor in layer)) for layer in layers]
    if not all(bool(tensor.isfinite().all()) for layer in copies for tensor in layer):
        raise QuantisationError("the network to quantise has weights that are not finite")
    return copies


def _per_input(scale: float | Tensor, inputs: int) -> Tensor:
    return torch.as_tensor(scale, dtype=torch.float64).detach().cpu().expand(inputs)


def _percentile(values: Tensor) -> float:
    """The value below which ``CLIP_PERCENTILE`` of all entries lie (torch.quantile stops at 2**24 entries)."""
    flat = values.flatten()
    rank = min(len(flat), math.ceil(CLIP_PERCENTILE * len(flat)))
    return float(flat.kthvalue(max(1, rank)).values)


def _integers(values: Tensor, kind: type[np.integer]) -> np.ndarray:
    return torch.round(values).to(torch.int64).numpy().astype(kind)
