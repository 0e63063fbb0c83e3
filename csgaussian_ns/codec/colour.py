"""The colour attributes of one chunk of anchors as one stream of symbols."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, Int64
from torch import Tensor

from csgaussian_ns.codec.coders import Coder, reader_of, write_symbols
from csgaussian_ns.entropy.integer import IntegerColourModel, code_channels
from csgaussian_ns.entropy.integer_prior import ChannelPrior
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.quant.fixed_point import Arithmetic


def encode_colour(
    model: IntegerColourModel,
    grid: Int[Tensor, "A 3"],
    mask: Bool[Tensor, "A K"],
    values: Float[Tensor, "A D"],
    coder: Coder = Coder.RANS,
) -> tuple[bytes, Int64[Tensor, "A D"], float]:
    """Code the channels of some anchors.

    Args:
        model: The shared model.
        grid: Voxels of the anchors, in the order of the file.
        mask: Which offsets are kept.
        values: Channels in base steps.
        coder: Of the symbols.

    Returns:
        The stream, the integers that a decoder will get, and the ideal code length in bits under the tables.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    symbols: list[np.ndarray] = []
    tables: list[np.ndarray] = []

    def from_values(channels: slice, coded: Tensor | None, prior: ChannelPrior) -> Tensor:
        wanted = values[:, channels].reshape(-1) if coded is None else values[:, channels][coded]
        found = prior.symbols(wanted)
        symbols.append(found.to(torch.int32).numpy())
        tables.append(prior.table.numpy())
        return found

    decoded = code_channels(model, grid, mask, from_values)
    known = load_tables()
    bits = sum((known.ideal_bits(*part) for part in zip(symbols, tables, strict=True)), 0.0)
    return write_symbols(coder, symbols, tables, known), decoded, bits


def decode_colour(
    model: IntegerColourModel,
    grid: Int[Tensor, "A 3"],
    mask: Bool[Tensor, "A K"],
    data: bytes | memoryview,
    arithmetic: Arithmetic = "auto",
    coder: Coder = Coder.RANS,
) -> Int64[Tensor, "A D"]:
    """The inverse of ``encode_colour``: channels in 1/2**16 base step.

    Raises:
        FormatError: The stream is damaged.
    """
    reader = reader_of(coder, data, load_tables())

    def from_stream(channels: slice, coded: Tensor | None, prior: ChannelPrior) -> Tensor:
        return torch.from_numpy(reader.take(prior.table.numpy()).astype(np.int64))

    decoded = code_channels(model, grid, mask, from_stream, arithmetic)
    reader.finish()
    return decoded
