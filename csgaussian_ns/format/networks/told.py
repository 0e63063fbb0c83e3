"""Networks that correct what a hyperprior says of some channels by what is decoded already."""

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Int64
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.networks.fixed_point import Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.hyperprior import IntegerPrior
from csgaussian_ns.format.networks.network_bytes import from_bytes
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT


def add_told(
    prior: IntegerPrior,
    channels: slice,
    network: IntegerNetwork,
    inputs: Int64[np.ndarray, "n inputs"],
    arithmetic: Arithmetic,
) -> None:
    """Add what a network says to means and log scales of some channels."""
    mean, log_scale = np.split(evaluate(network, inputs, arithmetic), 2, axis=1)
    prior.mean[:, channels] += mean
    prior.log_scale[:, channels] += log_scale


def read_told(reader: ByteReader, inputs: int, outputs: int) -> IntegerNetwork:
    """The next block as such a network.

    Raises:
        FormatError: It has other inputs or outputs, or takes smaller inputs than requantised values are.
    """
    network = from_bytes(reader.block())
    shape = network.num_inputs, network.num_outputs
    if shape != (inputs, outputs) or network.input_limit < INPUT_LIMIT:
        raise FormatError(
            f"entropy networks: a network of corrections has inputs and outputs {shape}, inputs up to "
            f"{network.input_limit}; expected are {(inputs, outputs)} and at least {INPUT_LIMIT}"
        )
    return network
