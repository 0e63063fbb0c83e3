"""Entropy models by name: what ``--pipeline.model.scene.hyperprior`` offers, and what a file may ask for."""

from typing import Literal

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.entropy.encoding import IntegerEncoding, SpatialEncoding
from csgaussian_ns.entropy.factorised import FactorisedEncoding, IntegerFactorised
from csgaussian_ns.entropy.inr import InrEncoding, IntegerInr

HyperpriorName = Literal["inr", "factorised"]

ENCODINGS: dict[str, tuple[type[SpatialEncoding], type[IntegerEncoding]]] = {
    "inr": (InrEncoding, IntegerInr),
    "factorised": (FactorisedEncoding, IntegerFactorised),
}
"""For training, for coding."""


def new_encoding(name: str) -> SpatialEncoding:
    """The encoding called ``name``, untrained.

    Raises:
        ConfigError: There is none of this name.
    """
    if name not in ENCODINGS:
        raise ConfigError(f"hyperprior {name!r} is unknown; choose one of {', '.join(ENCODINGS)}")
    return ENCODINGS[name][0]()


def coded_encoding(kind: int) -> type[IntegerEncoding] | None:
    """The encoding that files number ``kind``; None if there is none."""
    return next((coded for _, coded in ENCODINGS.values() if kind == coded.KIND), None)
