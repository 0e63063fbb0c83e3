"""Entropy models by name: what ``--pipeline.model.scene.hyperprior`` offers."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.base import EntropyModel, Widths
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE, SpatialEncoding
from csgaussian_ns.entropy.factorised import FactorisedEncoding
from csgaussian_ns.entropy.hashgrid import HashgridEncoding
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.inr import InrEncoding
from csgaussian_ns.entropy.neighbours import Neighbours
from csgaussian_ns.entropy.triplane import TriplaneEncoding
from csgaussian_ns.format.attributes import ChannelLayout

SIZES = (8, 19)
"""Sizes of learned encodings: 256 to half a million anchors."""


def _behind(
    encoding: type[SpatialEncoding],
    layout: ChannelLayout,
    widths: Widths,
    size: int,
    model: type[HyperCarm] = HyperCarm,
) -> HyperCarm:
    return model(layout, widths, encoding(size))


MODELS: dict[str, Callable[[ChannelLayout, Widths, int], EntropyModel]] = {
    "inr": partial(_behind, InrEncoding),
    "triplane": partial(_behind, TriplaneEncoding),
    "hashgrid": partial(_behind, HashgridEncoding),
    "factorised": partial(_behind, FactorisedEncoding),
    "neighbours": partial(_behind, InrEncoding, model=Neighbours),
    "neighbours_triplane": partial(_behind, TriplaneEncoding, model=Neighbours),
    "neighbours_hashgrid": partial(_behind, HashgridEncoding, model=Neighbours),
}
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
