"""The colour entropy model: the order of the channels, their autoregression, and the section NETE.

``networks.hyperprior`` defines the numbers.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int, Int64

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.attributes import AttributeLayout
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import MAX_MULTIPLIER, MAX_SHIFT, Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.hyperprior import (
    ChannelPrior,
    IntegerHyperprior,
    pack_blocks,
    read_hyperprior,
    write_hyperprior,
)
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT, requantise
from csgaussian_ns.format.streams.symbol_tables import GAUSSIAN, LAPLACE

SLICE_SHARES = (5, 10, 15, 20)
"""Relative widths of the slices of a feature; for 50 channels these are the widths of the paper (CSGaussian 4.2)."""
_NETE = struct.Struct("<HBB")


def feature_slices(feature_dim: int) -> tuple[slice, ...]:
    """Slices of a feature of ``feature_dim`` channels, in the proportions of ``SLICE_SHARES``."""
    edges = [round(feature_dim * sum(SLICE_SHARES[:i]) / sum(SLICE_SHARES)) for i in range(len(SLICE_SHARES) + 1)]
    return tuple(slice(*ends) for ends in pairwise(edges))


@dataclass(frozen=True)
class IntegerColourModel:
    """Everything an encoder and a decoder share about the colour attributes.

    Attributes:
        layout: Channels and base steps.
        hyperprior: Position to prior.
        carm: One network per feature slice but the first; empty without CARM.
        requantiser: Multiplier and shift from decoded features to the inputs of ``carm``.
    """

    layout: AttributeLayout
    hyperprior: IntegerHyperprior
    carm: tuple[IntegerNetwork, ...]
    requantiser: tuple[int, int]

    @property
    def operations(self) -> int:
        """Multiplications per anchor."""
        return self.hyperprior.operations + sum(network.operations for network in self.carm)


def code_channels(
    model: IntegerColourModel,
    grid: Int[np.ndarray, "A 3"],
    mask: Bool[np.ndarray, "A K"],
    symbols_of: Callable[[slice, Bool[np.ndarray, "A S"] | None, ChannelPrior], Int64[np.ndarray, " n"]],
    arithmetic: Arithmetic = "auto",
) -> Int64[np.ndarray, "A D"]:
    """Walk through all channels of some anchors in coding order; encoder and decoder differ in ``symbols_of`` alone.

    Order: scaling, kept offsets, then the feature slice by slice; within each, anchor by anchor.

    Args:
        model: The shared model.
        grid: Voxels of the anchors.
        mask: Which offsets are kept.
        symbols_of: Called with the channels, which of them are coded (``None``: all) and their prior; gives or reads
            the symbols.
        arithmetic: Of the networks; changes nothing but the speed.

    Returns:
        Decoded values in 1/2**16 base step, 0 for offsets that are not kept.
    """
    layout, prior = model.layout, model.hyperprior.prior(grid, arithmetic)
    feature, scaling, offset = layout.slices
    values = np.zeros((len(grid), layout.channels), np.int64)

    def code(channels: slice, kind: int, family: int, coded: np.ndarray | None = None) -> None:
        everything = prior.channels(channels, kind, family)
        chosen = ChannelPrior(*(x.reshape(-1) if coded is None else x[coded] for x in everything))
        decoded = chosen.values(symbols_of(channels, coded, chosen))
        if coded is None:
            values[:, channels] = decoded.reshape(values[:, channels].shape)
        else:
            values[:, channels][coded] = decoded

    code(scaling, 1, GAUSSIAN)
    code(offset, 2, LAPLACE, np.repeat(mask, 3, axis=1))
    for number, channels in enumerate(feature_slices(layout.feature_dim) if model.carm else (feature,)):
        if number > 0:
            known = requantise(values[:, : channels.start], *model.requantiser)
            mean, log_scale = np.split(evaluate(model.carm[number - 1], known, arithmetic), 2, axis=1)
            prior.mean[:, channels] += mean
            prior.log_scale[:, channels] += log_scale
        code(channels, 0, GAUSSIAN)
    return values


def write_entropy_networks(model: IntegerColourModel) -> bytes:
    """NETE, little endian.

    u16 multiplier and u8 shift of the requantiser; u8 number of CARM networks; then the hyperprior and these
    (``networks.network_bytes``), each behind its length as u32.
    """
    head = _NETE.pack(*model.requantiser, len(model.carm))
    return head + pack_blocks([write_hyperprior(model.hyperprior), *map(to_bytes, model.carm)])


def read_entropy_networks(data: bytes, layout: AttributeLayout) -> IntegerColourModel:
    """The inverse of ``write_entropy_networks``.

    Raises:
        FormatError: Not this layout, or networks that do not fit the attributes.
    """
    reader = ByteReader(data, "NETE")
    multiplier, shift, count = reader.unpack(_NETE)
    if not 1 <= multiplier <= MAX_MULTIPLIER or not 1 <= shift <= MAX_SHIFT:
        raise FormatError(f"NETE: multiplier {multiplier} or shift {shift} is out of range")
    first, *others = [reader.block() for _ in range(1 + count)]
    reader.end()
    hyperprior, carm = read_hyperprior(first, layout), tuple(map(from_bytes, others))
    predicted = feature_slices(layout.feature_dim)[1:]
    expected = [(channels.start, 2 * (channels.stop - channels.start)) for channels in predicted][:count]
    if any(network.input_limit < INPUT_LIMIT for network in carm):
        raise FormatError(f"NETE: a channel network does not take inputs up to {INPUT_LIMIT}, as requantised ones are")
    if [(network.num_inputs, network.num_outputs) for network in carm] != expected or count not in (0, len(predicted)):
        raise FormatError(f"NETE: its networks do not have the inputs and outputs that the attributes need: {expected}")
    return IntegerColourModel(layout, hyperprior, carm, (multiplier, shift))
