"""How likely latents are: a hyper-latent tells means and spreads, and every second place sees the four around it.

All is in steps: a latent is coded after it was multiplied by the gain of its level and channel, with a step of 1. Three
small networks become integer ones for files (``freeze``), so they see numbers that those can have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from csgaussian_ns.core.arrays import like, namespace
from csgaussian_ns.core.shapes import Float, Shaped
from csgaussian_ns.feedforward.layers import Chain, Conv, Needed, Parameters
from csgaussian_ns.feedforward.operations import neighbourhood, positive, spread
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.format.latents.meta import HYPER_CELLS
from csgaussian_ns.format.latents.model import INPUT_BITS, TOLD_BITS, even_places
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT
from csgaussian_ns.format.streams.symbol_tables import SMALLEST_OCTAVE, STEPS_PER_OCTAVE, TABLES_PER_FAMILY

LARGEST_SEEN = INPUT_LIMIT / 2**INPUT_BITS
LARGEST_TOLD = INPUT_LIMIT / 2**TOLD_BITS
OCTAVES = (float(SMALLEST_OCTAVE), SMALLEST_OCTAVE + (TABLES_PER_FAMILY - 1) / STEPS_PER_OCTAVE)
"""Range of binary logarithms of spreads that there are tables for."""
GAIN = "likely/gain"
"""Name of the parameter: what is added to the binary logarithm of the gains."""
GAIN_OCTAVES = 0.6
"""Between the gains of two levels, before training."""
_LOWEST_GAIN = -0.5


class Expected(NamedTuple):
    """Of values, in steps: what is expected, and the binary logarithm of their standard deviation, within ``OCTAVES``.

    Whoever uses the logarithm limits it.
    """

    mean: Float[Any, "V C H W"]
    log_scale: Float[Any, "V C H W"]


class Walked(NamedTuple):
    """Hyper-latent and latent as a decoder gets them, and what was expected of them just before."""

    hyper_values: Float[Any, "V Z a b"]
    hyper: Expected
    values: Float[Any, "V L h w"]
    latent: Expected


Rounding = Callable[[Any, Any], Any]
"""From values and their means to what a decoder gets; its symbol is the difference in steps."""


def crossed(values: Shaped[Any, "V C H W"]) -> Shaped[Any, "V CX H W"]:
    """Of each place what is above, left, right and below; channel by channel."""
    views, channels, height, width = values.shape
    around = neighbourhood(values, 3).reshape(views, channels, 9, height, width)
    return around[:, :, [1, 3, 5, 7]].reshape(views, 4 * channels, height, width)


@dataclass(frozen=True)
class LatentModel:
    """The networks that tell how likely latents are, and the gains.

    Attributes:
        settings: Sizes.
    """

    settings: Settings

    @cached_property
    def hyper_analysis(self) -> Chain:
        """Latent in steps to hyper-latent."""
        sizes = self.settings
        first = Conv("likely/analysis/first", sizes.latent, sizes.hidden, stride=2)
        return Chain((first, Conv("likely/analysis/last", sizes.hidden, sizes.hyper, stride=2)))

    @property
    def told(self) -> int:
        """Channels that the hyper-latent tells each place of the latent."""
        return max(1, self.settings.hidden // 2)

    @cached_property
    def networks(self) -> dict[str, tuple[Conv, Conv]]:
        """The ones that become integer: ``hyper``, ``first`` and ``second``. All kernels are 1."""
        sizes, told = self.settings, self.told
        inputs = {
            "hyper": (9 * sizes.hyper, HYPER_CELLS**2 * told),
            "first": (told, 2 * sizes.latent),
            "second": (told + 4 * sizes.latent, 2 * sizes.latent),
        }
        return {
            name: (
                Conv(f"likely/{name}/first", count + sizes.levels, sizes.hidden, 1),
                Conv(f"likely/{name}/last", sizes.hidden, outputs, 1, start=0.3),
            )
            for name, (count, outputs) in inputs.items()
        }

    def needed(self) -> Iterator[Needed]:
        """Its parameters."""
        sizes = self.settings
        yield from self.hyper_analysis.needed()
        for layers in self.networks.values():
            for layer in layers:
                yield from layer.needed()
        yield Needed(GAIN, (sizes.levels, sizes.latent), 0.0)
        yield Needed("likely/mean", (sizes.levels, sizes.hyper), 0.0)
        yield Needed("likely/log_scale", (sizes.levels, sizes.hyper), 0.0)

    def gains(self, parameters: Parameters, level: int) -> Float[Any, "L 1 1"]:
        """Factors of the latent's channels at a level."""
        raw = parameters[GAIN][level][:, None, None]
        return namespace(raw).exp2(raw + (_LOWEST_GAIN + GAIN_OCTAVES * level))

    def walk(self, parameters: Parameters, values: Float[Any, "V L h w"], level: int, rounding: Rounding) -> Walked:
        """What a decoder gets of values in steps, in the order of coding: hyper-latent, even places, odd places."""
        shape = values.shape
        hyper_values = self.hyper_analysis(parameters, values)
        table = (parameters[f"likely/{name}"][level][:, None, None] for name in ("mean", "log_scale"))
        hyper = Expected(*(part + 0 * hyper_values for part in table))
        hyper_values = rounding(hyper_values, hyper.mean)
        told = self._told(parameters, hyper_values, level, shape[2:])
        is_even = like(even_places(*shape[2:]), values)
        first = self._asked(parameters, "first", [told], level)
        known = rounding(values, first.mean) * is_even
        second = self._asked(parameters, "second", [told, crossed(_seen(known))], level)
        latent = Expected(*(a * is_even + b * (1 - is_even) for a, b in zip(first, second, strict=True)))
        found = known + rounding(values, latent.mean) * (1 - is_even)
        return Walked(hyper_values, hyper, found, latent)

    def _told(self, parameters: Parameters, hyper: Any, level: int, size: tuple[int, int]) -> Float[Any, "V T h w"]:
        """What the hyper-latent tells each place; as whole numbers they are limited, so they are here, too."""
        cells = self.evaluated(parameters, "hyper", [neighbourhood(_seen(hyper), 3)], level)
        told = spread(cells, HYPER_CELLS)[:, :, : size[0], : size[1]]
        return namespace(told).clip(told, -LARGEST_TOLD, LARGEST_TOLD)

    def _asked(self, parameters: Parameters, name: str, known: list[Any], level: int) -> Expected:
        out = self.evaluated(parameters, name, known, level)
        return Expected(out[:, : self.settings.latent], out[:, self.settings.latent :])

    def evaluated(self, parameters: Parameters, name: str, known: list[Any], level: int) -> Float[Any, "V O H W"]:
        """One of the networks, which is told the level."""
        library = namespace(known[0])
        which = like(np.eye(self.settings.levels)[level][None, :, None, None], known[0])
        views, _, height, width = known[0].shape
        told = library.broadcast_to(which, (views, self.settings.levels, height, width))
        first, last = self.networks[name]
        return last(parameters, positive(first(parameters, library.concatenate([*known, told], 1))))


def _seen(values: Any) -> Any:
    return namespace(values).clip(values, -LARGEST_SEEN, LARGEST_SEEN)
