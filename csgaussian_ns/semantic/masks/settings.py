"""Settings of the makers of masks. Imports nothing heavy: ``csg --help`` reads this file."""

import hashlib
import json
from dataclasses import asdict, dataclass

from csgaussian_ns.core.errors import ConfigError

RECIPE = 1
"""Raised when the same settings begin to give other masks."""
NOT_IN_THE_HASH = ("points_per_batch",)
"""Settings that change memory and time, not masks."""


@dataclass(frozen=True)
class SamSettings:
    """How Segment Anything (Kirillov et al. 2023) looks for all masks of a photo.

    Defaults are LangSplat's (its section 4.1 and code): more masks than segment-anything's own, of lower certainty.
    """

    points_per_side: int = 32
    """Points of the grid that is asked "what is here?", along each side of the photo."""
    pred_iou: float = 0.7
    """Masks that the network itself rates lower are dropped, 0 to 1."""
    stability: float = 0.85
    """Masks that change more than this under another threshold are dropped, 0 to 1."""
    box_nms: float = 0.7
    """Of masks whose boxes overlap more than this, the best is kept, 0 to 1."""
    crop_layers: int = 1
    """The search is repeated on 4 crops of the photo (1), and on 16 more (2); 0 does not."""
    crop_points_downscale: int = 1
    """The grid has this many times fewer points per side in each further layer of crops."""
    min_area: int = 100
    """Islands and holes with fewer pixels are removed."""
    max_height: int = 1080
    """Photos with more rows are reduced to this many first; their masks are enlarged again."""
    points_per_batch: int = 64
    """Points that go through the network at once: more is faster and takes more memory."""

    def check(self) -> None:
        """Raise ConfigError for the first setting that is out of range."""
        for name in ("pred_iou", "stability", "box_nms"):
            _within(name, getattr(self, name), 0.0, 1.0)
        for name, low, high in (
            ("points_per_side", 1, 512),
            ("crop_layers", 0, 4),
            ("crop_points_downscale", 1, 64),
            ("min_area", 0, 10**6),
            ("max_height", 16, 10**5),
            ("points_per_batch", 1, 10**5),
        ):
            _within(name, getattr(self, name), low, high)
        if self.points_per_side < self.crop_points_downscale**self.crop_layers:
            raise ConfigError(
                f"points-per-side {self.points_per_side} leaves no point for {self.crop_layers} layers of crops at "
                f"crop-points-downscale {self.crop_points_downscale}"
            )


@dataclass(frozen=True)
class FallbackSettings:
    """How regions of similar colour are found (Felzenszwalb and Huttenlocher 2004, as in scikit-image)."""

    scale: float = 200.0
    """Larger makes larger regions."""
    lightness: float = 0.5
    """Weight of lightness against hue and saturation (CIE Lab); below 1, shading splits fewer objects."""
    sigma: float = 0.5
    """Smoothing before, in pixels."""
    min_area: float = 0.002
    """Smallest region, as a share of the photo."""
    join: float = 2.0
    """Neighbours whose mean colours differ by less become one region; 2 is about what an eye can tell apart in Lab."""
    max_height: int = 480
    """Photos with more rows are reduced to this many first, since the scale counts in pixels."""

    def check(self) -> None:
        """Raise ConfigError for the first setting that is out of range."""
        for name, low, high in (
            ("scale", 1e-3, 1e9),
            ("lightness", 0, 100),
            ("sigma", 0, 100),
            ("min_area", 0, 1),
            ("join", 0, 1000),
            ("max_height", 16, 10**5),
        ):
            _within(name, getattr(self, name), low, high)


def settings_hash(maker: str, settings: SamSettings | FallbackSettings, weights: str = "") -> str:
    """Twelve hexadecimal digits that change whenever the masks would.

    Args:
        maker: Its name.
        settings: Its settings.
        weights: Hash of the content of its weights, if it has any.
    """
    counted = {name: value for name, value in asdict(settings).items() if name not in NOT_IN_THE_HASH}
    text = json.dumps([RECIPE, maker, weights, counted], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _within(name: str, value: int | float, low: int | float, high: int | float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name.replace('_', '-')} must be {low} to {high}, got {value}")
