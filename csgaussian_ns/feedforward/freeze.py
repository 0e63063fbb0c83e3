"""From a network that torch trained to its file of weights: half precision, and an entropy model in integers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float, Float32, Float64, Int64
from csgaussian_ns.feedforward.layers import Conv
from csgaussian_ns.feedforward.likely import GAIN, OCTAVES, LatentModel
from csgaussian_ns.feedforward.model import write_model
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.latents.model import INPUT_BITS, TOLD_BITS, IntegerLatentModel, rows_of
from csgaussian_ns.format.networks.fixed_point import IntegerNetwork
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT
from csgaussian_ns.format.networks.steps import LOG_SCALE_BITS, MEAN_BITS
from csgaussian_ns.quant.post_training import AffineLayer, quantise_network

MOST_ROWS = 8192
"""Inputs that an integer network is calibrated on."""


class Sample(NamedTuple):
    """Photos like those that will be coded."""

    photos: Float32[np.ndarray, "V 3 H W"]
    views: Views


@dataclass(frozen=True)
class _Watched(LatentModel):
    """Keeps what its networks are asked."""

    asked: dict[str, list[np.ndarray]] = field(default_factory=dict)

    def evaluated(self, parameters: Mapping[str, Any], name: str, known: list[Any], level: int) -> Any:
        """As of ``LatentModel``; all arrays are numpy's."""
        bits = _input_bits(self, name)[: -self.settings.levels]
        inputs = np.rint(np.concatenate(known, 1) * np.exp2(bits)[:, None, None]).clip(-INPUT_LIMIT, INPUT_LIMIT)
        rows = rows_of(inputs.astype(np.int64))
        which = np.zeros((len(rows), self.settings.levels), np.int64)
        which[:, level] = INPUT_LIMIT
        self.asked.setdefault(name, []).append(np.concatenate([rows, which], axis=1))
        return super().evaluated(parameters, name, known, level)


def freeze(network: TrainedNetwork, samples: Sequence[Sample]) -> bytes:
    """The file of weights of a trained network.

    Args:
        network: Trained.
        samples: A few are enough; the integer networks are calibrated on them at all levels.

    Raises:
        ConfigError: There is no sample.
        FormatError, QuantisationError: Weights that are not finite, or too large for the file.
    """
    if not samples:
        raise ConfigError("no photos to calibrate the entropy model on; give those of one scene at least")
    settings, likely = network.likely.settings, network.likely
    dropped = {part.name for pair in likely.networks.values() for layer in pair for part in layer.needed()}
    dropped |= {"likely/mean", "likely/log_scale"}
    values = {name: value.detach().cpu().numpy() for name, value in network.named_parameters()}
    kept = {name: _as_stored(name, value) for name, value in values.items() if name not in dropped}
    watched = _Watched(settings)
    asked = _asked(network, watched, {**values, **kept}, samples)
    integer = {
        name: _integer(layers, values, asked[name], _input_bits(likely, name), _output_bits(likely, name))
        for name, layers in likely.networks.items()
    }
    mean = _whole(values["likely/mean"], MEAN_BITS)
    log_scale = _whole(values["likely/log_scale"].clip(*OCTAVES), LOG_SCALE_BITS)
    networks = (integer[name] for name in ("hyper", "first", "second"))
    coder = IntegerLatentModel(mean, log_scale, *networks, cell=settings.latent_cell)
    return write_model(settings, kept, coder)


def thawed(coder: IntegerLatentModel, likely: LatentModel) -> dict[str, Float32[np.ndarray, "*shape"]]:
    """Parameters of the entropy model as training has them, out of its integers: what ``freeze`` drops.

    Args:
        coder: Of a file of weights.
        likely: Of the settings in that file.

    Raises:
        ConfigError: Its networks are not of the sizes that training makes.
    """
    found = {"likely/mean": coder.mean / 2.0**MEAN_BITS, "likely/log_scale": coder.log_scale / 2.0**LOG_SCALE_BITS}
    integer = {"hyper": coder.hyper, "first": coder.first, "second": coder.second}
    for name, convs in likely.networks.items():
        units = [np.exp2(_input_bits(likely, name)), np.ones(likely.settings.hidden)]
        whole = [np.ones(likely.settings.hidden), np.exp2(_output_bits(likely, name))]
        layers = integer[name].layers
        if [layer.weight.shape for layer in layers] != [(conv.outputs, conv.inputs) for conv in convs]:
            raise ConfigError(f"the entropy model's network {name} is of other sizes than {likely.settings}")
        for conv, layer, unit, output in zip(convs, layers, units, whole, strict=True):
            factor = layer.multiplier / 2.0**layer.shift / output
            found[f"{conv.name}/weight"] = (layer.weight * factor[:, None] * unit)[:, :, None, None]
            found[f"{conv.name}/bias"] = layer.bias * factor
    return {name: array.astype(np.float32) for name, array in found.items()}


def _input_bits(likely: LatentModel, name: str) -> Float64[np.ndarray, " I"]:
    """Binary logarithms of the integers that stand for 1 in the inputs of a network."""
    bits = np.full(likely.networks[name][0].inputs, float(INPUT_BITS))
    bits[: 0 if name == "hyper" else likely.told] = TOLD_BITS
    bits[-likely.settings.levels :] = np.log2(INPUT_LIMIT)
    return bits


def _output_bits(likely: LatentModel, name: str) -> list[int]:
    """Fractional bits of the outputs of a network."""
    if name == "hyper":
        return [TOLD_BITS] * likely.networks["hyper"][1].outputs
    return [MEAN_BITS] * likely.settings.latent + [LOG_SCALE_BITS] * likely.settings.latent


def _as_stored(name: str, value: Float[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """As precise as in the file."""
    return value if name == GAIN else value.astype(np.float16).astype(np.float32)


def _asked(
    network: TrainedNetwork, watched: _Watched, parameters: Mapping[str, np.ndarray], samples: Sequence[Sample]
) -> dict[str, Int64[np.ndarray, "N I"]]:
    """Inputs of each network while the samples are coded."""
    for photos, views in samples:
        latent = network.network.latent(parameters, photos, views)
        for level in range(watched.settings.levels):
            scaled = latent * watched.gains(parameters, level)
            watched.walk(parameters, scaled, level, lambda values, mean: mean + np.rint(values - mean))
    found = {}
    for name, parts in watched.asked.items():
        rows = np.concatenate(parts)
        found[name] = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(np.int64)]
    return found


def _integer(
    layers: Sequence[Conv],
    values: Mapping[str, np.ndarray],
    inputs: Int64[np.ndarray, "N I"],
    bits: Float64[np.ndarray, " I"],
    fractions: Sequence[int],
) -> IntegerNetwork:
    """One network in integers."""
    units = torch.from_numpy(np.exp2(-bits))
    return quantise_network(list(_affine(layers, values)), inputs, units, fractions, INPUT_LIMIT)


def _affine(layers: Sequence[Conv], values: Mapping[str, np.ndarray]) -> Iterator[AffineLayer]:
    for layer in layers:
        weight = torch.from_numpy(values[f"{layer.name}/weight"])[:, :, 0, 0]
        yield AffineLayer(weight, torch.from_numpy(values[f"{layer.name}/bias"]))


def _whole(values: Float[np.ndarray, "*shape"], bits: int) -> Int64[np.ndarray, "*shape"]:
    return np.rint(values.astype(np.float64) * 2**bits).astype(np.int64)
