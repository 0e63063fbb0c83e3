"""The colour attributes of one chunk of anchors as one rANS stream."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from csgaussian_ns.codec import rans
from csgaussian_ns.codec.tables import load_tables
from csgaussian_ns.entropy.integer import IntegerColourModel, code_channels
from csgaussian_ns.entropy.integer_prior import ChannelPrior
from csgaussian_ns.quant.fixed_point import Arithmetic


def encode_colour(
    model: IntegerColourModel,
    grid: Int[Tensor, "A 3"],
    mask: Bool[Tensor, "A K"],
    values: Float[Tensor, "A D"],
) -> tuple[bytes, Int64[Tensor, "A D"], float]:
    """Code the channels of some anchors.

    Args:
        model: The shared model.
        grid: Voxels of the anchors, in the order of the file.
        mask: Which offsets are kept.
        values: Channels in base steps.

    Returns:
        The stream, the integers that a decoder will get, and the ideal code length in bits under the tables.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    symbols: list[Tensor] = []
    tables: list[Tensor] = []

    def from_values(channels: slice, coded: Tensor | None, prior: ChannelPrior) -> Tensor:
        wanted = values[:, channels].reshape(-1) if coded is None else values[:, channels][coded]
        found = prior.symbols(wanted)
        symbols.append(found)
        tables.append(prior.table)
        return found

    decoded = code_channels(model, grid, mask, from_values)
    known = load_tables()
    all_symbols = torch.cat(symbols).numpy().astype(np.int32)
    all_tables = torch.cat(tables).numpy()
    return rans.encode(all_symbols, all_tables, known), decoded, known.ideal_bits(all_symbols, all_tables)


def decode_colour(
    model: IntegerColourModel,
    grid: Int[Tensor, "A 3"],
    mask: Bool[Tensor, "A K"],
    data: bytes | memoryview,
    arithmetic: Arithmetic = "auto",
) -> Int64[Tensor, "A D"]:
    """The inverse of ``encode_colour``: channels in 1/2**16 base step.

    Raises:
        FormatError: The stream is damaged.
    """
    decoder = rans.Decoder(data, load_tables())

    def from_stream(channels: slice, coded: Tensor | None, prior: ChannelPrior) -> Tensor:
        return torch.from_numpy(decoder.take(prior.table.numpy()).astype(np.int64))

    decoded = code_channels(model, grid, mask, from_stream, arithmetic)
    decoder.finish()
    return decoded
