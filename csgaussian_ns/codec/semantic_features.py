"""The semantic features of one chunk of anchors as one rANS stream."""

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from csgaussian_ns.entropy.integer_prior import ChannelPrior, IntegerHyperprior
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.quant.fixed_point import Arithmetic


def encode_features(
    hyperprior: IntegerHyperprior, grid: Int[Tensor, "A 3"], values: Float[Tensor, "A D"]
) -> tuple[bytes, Int64[Tensor, "A D"]]:
    """Code the features of some anchors, anchor by anchor.

    Args:
        hyperprior: The shared model; its layout has one attribute type.
        grid: Voxels of the anchors, in the order of the file.
        values: Features in base steps.

    Returns:
        The stream, and the integers that a decoder will get, in 1/2**16 base step.

    Raises:
        QuantisationError: A value is not finite or too far from its prior to be coded.
    """
    prior = _prior(hyperprior, grid, "auto")
    symbols = prior.symbols(values)
    stream = rans.encode(symbols.flatten().numpy().astype(np.int32), prior.table.flatten().numpy(), load_tables())
    return stream, prior.values(symbols)


def decode_features(
    hyperprior: IntegerHyperprior, grid: Int[Tensor, "A 3"], data: bytes | memoryview, arithmetic: Arithmetic = "auto"
) -> Int64[Tensor, "A D"]:
    """The inverse of ``encode_features``.

    Raises:
        FormatError: The stream is damaged.
    """
    prior = _prior(hyperprior, grid, arithmetic)
    symbols = rans.decode(data, prior.table.flatten().numpy(), load_tables())
    return prior.values(torch.from_numpy(symbols.astype(np.int64)).reshape(prior.mean.shape))


def _prior(hyperprior: IntegerHyperprior, grid: Int[Tensor, "A 3"], arithmetic: Arithmetic) -> ChannelPrior:
    return hyperprior.prior(grid, arithmetic).channels(slice(0, hyperprior.layout.channels), 0)
