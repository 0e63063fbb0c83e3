"""Entropy models by their numbers in files."""

from csgaussian_ns.core.errors import ConfigError, UnsupportedVersion
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.format.networks.progressive import IntegerProgressive

MODELS: dict[int, type[IntegerModel]] = {}


def register(model: type[IntegerModel]) -> None:
    """Let files hold a model.

    Raises:
        ConfigError: Its number is another model's.
    """
    known = MODELS.setdefault(model.NUMBER, model)
    if known is not model:
        raise ConfigError(
            f"entropy model {model.NUMBER} is {known.__name__}; {model.__name__} needs a number of its own (NUMBER)"
        )


register(IntegerHyperCarm)
register(IntegerNeighbours)
register(IntegerProgressive)


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
