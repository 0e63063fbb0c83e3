"""How large the network is, in one record that travels with its weights."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.format.latents.meta import CELL, LATENT_CELLS

FEATURE_CELL = 4
"""Pixels along one side of a place of the feature."""
_LARGEST = {"levels": 16, "planes": 256, "upsampling": 4, "blocks": 16, "partners": 11}
_LARGEST_WIDTH = 512


@dataclass(frozen=True)
class Settings:
    """Sizes of the network. The defaults make about two million parameters.

    Attributes:
        channels: Of the feature at a quarter of the photos' resolution.
        latent: Channels that are coded.
        hyper: Channels of the hyper-latent, at a quarter of the latent's resolution.
        hidden: Units of the networks that say how likely latents are.
        matching: Channels that views are compared by.
        planes: Depths that are tried between near and far, evenly in inverse depth.
        partners: Other views, the nearest ones, that each view is compared with.
        blocks: Residual blocks of each part.
        upsampling: Gaussians along one side of a place of the feature: 1, 2 or 4.
        levels: Rates of one set of weights.
        refined: Whether features are refined by what other views have at their depth, before coding and after.
        latent_cell: Pixels along one side of a place of the latent: 8, 16 or 32.
    """

    channels: int = 64
    latent: int = 48
    hyper: int = 16
    hidden: int = 96
    matching: int = 16
    planes: int = 32
    partners: int = 2
    blocks: int = 2
    upsampling: int = 2
    levels: int = 6
    refined: bool = True
    latent_cell: int = CELL

    def __post_init__(self) -> None:
        _check(asdict(self))

    def to_json(self) -> dict[str, Any]:
        """For ``json.dumps``. A cell of 16 goes without saying, as in files from before there were others."""
        sizes = asdict(self)
        if self.latent_cell == CELL:
            del sizes["latent_cell"]
        return sizes

    @classmethod
    def of_json(cls, values: Mapping[str, Any]) -> "Settings":
        """The inverse of ``to_json``.

        Raises:
            ConfigError: A field is missing or unknown, or out of range.
        """
        names, told = {part.name for part in fields(cls)}, {"latent_cell": CELL, **values}
        if set(told) != names:
            raise ConfigError(f"network: expected the sizes {sorted(names)}, got {sorted(map(str, values))[:20]}")
        _check(told)
        return cls(**told)


def _check(sizes: Mapping[str, Any]) -> None:
    """Refuse sizes of a network that cannot be."""
    for name, value in sizes.items():
        most = _LARGEST.get(name, _LARGEST_WIDTH)
        if name == "refined":
            if not isinstance(value, bool):
                raise ConfigError(f"network: refined must be true or false, got {value!r}")
        elif not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise ConfigError(f"network: {name} must be a whole number in 1..{most}, got {value!r}")
    if sizes["latent_cell"] not in LATENT_CELLS:
        raise ConfigError(f"network: latent_cell must be one of {LATENT_CELLS}, got {sizes['latent_cell']}")
    if sizes["planes"] < 2 or sizes["upsampling"] == 3 or sizes["channels"] % 2:
        raise ConfigError(
            f"network: planes {sizes['planes']}, upsampling {sizes['upsampling']}, channels {sizes['channels']}; "
            "expected at least 2 planes, upsampling 1, 2 or 4, and an even number of channels"
        )
