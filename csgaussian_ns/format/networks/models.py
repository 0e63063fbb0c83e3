"""Entropy models by their numbers in files."""

from csgaussian_ns.core.errors import UnsupportedVersion
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours

MODELS: dict[int, type[IntegerModel]] = {
    IntegerHyperCarm.NUMBER: IntegerHyperCarm,
    IntegerNeighbours.NUMBER: IntegerNeighbours,
}


def read_model(number: int, data: bytes | memoryview, layout: ChannelLayout, where: str) -> IntegerModel:
    """The model of a section.

    Args:
        number: In ``MODELS``.
        data: Its bytes.
        layout: What it is of.
        where: Names the section in messages.

    Raises:
        UnsupportedVersion: No such model.
        FormatError: Not its bytes, or it does not fit the layout.
    """
    if number not in MODELS:
        raise UnsupportedVersion(
            f"{where}: entropy model {number} is unknown, expected one of {[*MODELS]}; a newer reader may know it"
        )
    return MODELS[number].from_bytes(data, layout)
