"""Entropy models by name: what ``--pipeline.model.scene.hyperprior`` offers."""

from typing import Literal

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.encoding import DEFAULT_SIZE, SpatialEncoding
from csgaussian_ns.entropy.factorised import FactorisedEncoding
from csgaussian_ns.entropy.hashgrid import HashgridEncoding
from csgaussian_ns.entropy.inr import InrEncoding
from csgaussian_ns.entropy.triplane import TriplaneEncoding

HyperpriorName = Literal["inr", "triplane", "hashgrid", "factorised"]

ENCODINGS: dict[str, type[SpatialEncoding]] = {
    "inr": InrEncoding,
    "triplane": TriplaneEncoding,
    "hashgrid": HashgridEncoding,
    "factorised": FactorisedEncoding,
}
SIZES = (8, 19)
"""Sizes of learned encodings: 256 to half a million anchors."""


def new_encoding(name: str, size: int = DEFAULT_SIZE) -> SpatialEncoding:
    """The encoding called ``name``, untrained, what it learns sized for about ``2**size`` anchors.

    Raises:
        ConfigError: There is none of this name, or its size is out of range.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise ConfigError(f"hyperprior_size must lie in {SIZES[0]}..{SIZES[1]} (log2 of the anchors), got {size}")
    if name not in ENCODINGS:
        raise ConfigError(f"hyperprior {name!r} is unknown; choose one of {', '.join(ENCODINGS)}")
    return ENCODINGS[name](size)
