"""Facts about a scene of latents: META, its writer and reader. Knows no numpy, so that they are told at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import Facts, parse_facts

LATENTS = "latents"
"""The representation, as META names it."""
CELL = 16
"""Sides of photos are multiples of so many pixels; a place of the latent has as many, unless the weights say others."""
LATENT_CELLS = (8, CELL, 32)
"""Pixels of a photo along one side of a place of the latent that weights may say."""
HYPER_CELLS = 4
"""Places of the latent along one side of one of the hyper-latent."""
VIEWS = range(2, 13)
LEVELS = range(16)
SIZES = range(CELL, 8193)
_ID = 64


@dataclass(frozen=True)
class LatentMeta(Facts):
    """Facts about a scene of latents, stored as JSON.

    Attributes:
        model: SHA-256 of the file with the network's weights, in hexadecimal digits.
        level: Of the rate.
        views: Photos.
        width, height: Of each photo in pixels, multiples of 16.
        near, far: Range of depths.
    """

    WHOLE: ClassVar[Mapping[str, range]] = {"level": LEVELS, "views": VIEWS, "width": SIZES, "height": SIZES}
    POSITIVE: ClassVar[tuple[str, ...]] = ("near", "far", *Facts.POSITIVE)

    TEXTS: ClassVar[tuple[str, ...]] = ("model", *Facts.TEXTS)

    model: str
    level: int
    views: int
    width: int
    height: int
    near: float
    far: float

    def latent_size(self, cell: int) -> tuple[int, int]:
        """Rows and columns of the latent of a view, whose places are so many pixels wide."""
        return -(-self.height // cell), -(-self.width // cell)

    def hyper_size(self, cell: int) -> tuple[int, int]:
        """The same of the hyper-latent."""
        rows, columns = self.latent_size(cell)
        return -(-rows // HYPER_CELLS), -(-columns // HYPER_CELLS)

    def to_json(self) -> dict[str, object]:
        """For ``json.dumps``."""
        return {"representation": LATENTS, **super().to_json()}

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "LatentMeta":
        """As of ``Facts``."""
        found = super().of_json(values)
        if len(found.model) != _ID or not set(found.model) <= set("0123456789abcdef"):
            raise FormatError(f"META: 'model' must be {_ID} hexadecimal digits, got {quoted(found.model)}")
        if found.near >= found.far or found.width % CELL or found.height % CELL:
            raise FormatError(
                f"META: near {found.near:g}, far {found.far:g}, {found.width} x {found.height} pixels; expected near "
                f"below far, and multiples of {CELL}"
            )
        return found


def latent_meta_of(container: Container) -> LatentMeta:
    """The facts of an open file of latents; errors as of ``facts.parse_facts``."""
    return parse_facts(content_of(container, "META"), LatentMeta)
