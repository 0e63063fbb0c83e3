"""Entropy models by name: what ``--pipeline.model.scene.hyperprior`` offers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.base import EntropyModel, Widths
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE, SpatialEncoding
from csgaussian_ns.entropy.factorised import FactorisedEncoding
from csgaussian_ns.entropy.hashgrid import HashgridEncoding
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.inr import InrEncoding
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.entropy.progressive import Progressive, Spaced
from csgaussian_ns.entropy.triplane import TriplaneEncoding
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks import models
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.format.networks.progressive import IntegerProgressive

SIZES = (8, 19)
"""Sizes of learned encodings: 256 to half a million anchors."""


Make = Callable[[ChannelLayout, Widths, int], EntropyModel]
"""Builds a model, untrained: layout, widths of its networks, log2 of the anchors that it is sized for."""
MODELS: dict[str, Make] = {}


def register(name: str, make: Make, frozen: type[IntegerModel]) -> None:
    """Offer an entropy model to training, and what it freezes to, to encoders and readers: all that a model needs.

    Args:
        name: What options call it. The command line offers those that this module registers; others are chosen in
            Python.
        make: Builds it.
        frozen: The class that its ``freeze`` returns. A receiver, which loads no training model, knows those that
            ``format.networks.models`` registers, and what else is registered there.

    Raises:
        ConfigError: There is another one of this name, or another class of this number.
    """
    if MODELS.get(name, make) is not make:
        raise ConfigError(f"entropy model {name!r} is registered already; give the new one another name")
    models.register(frozen)
    MODELS[name] = make


def _behind(encoding: type[SpatialEncoding], model: type[HyperCarm] = HyperCarm) -> Make:
    return lambda layout, widths, size: model(layout, widths, encoding(size))


register("inr", _behind(InrEncoding), IntegerHyperCarm)
register("triplane", _behind(TriplaneEncoding), IntegerHyperCarm)
register("hashgrid", _behind(HashgridEncoding), IntegerHyperCarm)
register("factorised", _behind(FactorisedEncoding), IntegerHyperCarm)
register("neighbours", _behind(InrEncoding, Neighbours), IntegerNeighbours)
register("neighbours_triplane", _behind(TriplaneEncoding, Neighbours), IntegerNeighbours)
register("neighbours_hashgrid", _behind(HashgridEncoding, Neighbours), IntegerNeighbours)
register("progressive", _behind(InrEncoding, Progressive), IntegerProgressive)
register("spaced", _behind(InrEncoding, Spaced), IntegerProgressive)
if TYPE_CHECKING:
    ModelName = str
else:
    ModelName = Literal[tuple(MODELS)]  # what the command line offers


def new_model(name: str, layout: ChannelLayout, widths: Widths, size: int = DEFAULT_SIZE) -> EntropyModel:
    """The entropy model called ``name``, untrained.

    Args:
        name: One of ``MODELS``.
        layout: Of the attributes.
        widths: Of its networks.
        size: log2 of the anchors that whatever it learns beside them is sized for.

    Raises:
        ConfigError: There is none of this name, or its size is out of range.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise ConfigError(f"hyperprior_size must lie in {SIZES[0]}..{SIZES[1]} (log2 of the anchors), got {size}")
    if name not in MODELS:
        raise ConfigError(f"hyperprior {name!r} is unknown; choose one of {', '.join(MODELS)}")
    return MODELS[name](layout, widths, size)
