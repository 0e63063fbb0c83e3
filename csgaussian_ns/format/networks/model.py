"""What an entropy model is for coding: one class, which encoder and decoder walk alike, and which knows its bytes.

A model says of groups of values how likely they are, group by group; a ``Coding`` puts their symbols into a stream or
takes them from one. When a group is named, all values of the groups before it are known: other channels of the same
anchors (channel-wise autoregression), or other anchors of the chunk (neighbours, in waves). What else a model knows of
its scene, such as the weight of the rate that it was frozen for, is a field of the class and travels in its bytes.
``models`` lists the classes by their numbers.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Bool, Float, Int, Int64, UInt8
from csgaussian_ns.format.attributes import VALUE_BITS, ChannelLayout
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.steps import MEAN_BITS

SYMBOL_LIMIT = (1 << 24) - 1
"""Largest magnitude of a symbol; with it every decoded integer stays below 2**51."""


class ChannelPrior(NamedTuple):
    """What is known of some values just before their symbols are coded.

    Attributes:
        mean: In 1/256 base step.
        step: In 1/2**16 base step.
        table: Probability table of each symbol.
    """

    mean: Int64[np.ndarray, "*n"]
    step: Int64[np.ndarray, "*n"]
    table: UInt8[np.ndarray, "*n"]

    def symbols(self, values: Float[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """The symbols of real values in base steps. Only an encoder runs this, so it may use floats.

        Raises:
            QuantisationError: A value is not finite or too far from its mean to be coded.
        """
        centred = values.astype(np.float64) * 2**VALUE_BITS - (self.mean << (VALUE_BITS - MEAN_BITS))
        rounded = np.rint(centred / self.step)
        # NaN compares false, so it is caught too; converting it to an integer would give an arbitrary symbol.
        if not (np.abs(rounded) <= SYMBOL_LIMIT).all():
            raise QuantisationError(
                f"a value lies {np.abs(rounded).max():g} steps from its mean; at most {SYMBOL_LIMIT} can be coded: "
                "look for NaN or for a step that is too small"
            )
        return rounded.astype(np.int64)

    def values(self, symbols: Int64[np.ndarray, "*n"]) -> Int64[np.ndarray, "*n"]:
        """Decoded values in 1/2**16 base step."""
        return (self.mean << (VALUE_BITS - MEAN_BITS)) + self.step * symbols.clip(-SYMBOL_LIMIT, SYMBOL_LIMIT)


class Coding(ABC):
    """One walk through the values of some anchors, on their way to a stream or from it.

    Attributes:
        coded: Which values are coded at all. Models need not look: of a group that they name, these are taken.
        values: Those decoded so far, in 1/2**16 base step; 0 where nothing is coded, or not yet.
    """

    coded: Bool[np.ndarray, "A D"]
    values: Int64[np.ndarray, "A D"]

    def __init__(self, coded: Bool[np.ndarray, "A D"]) -> None:
        """Begin with nothing known."""
        self.coded, self.values = coded, np.zeros(coded.shape, np.int64)
        self._left = int(np.count_nonzero(coded))

    def code(
        self, prior: ChannelPrior, channels: slice, rows: slice | Int[np.ndarray, " n"] | Bool[np.ndarray, " A"]
    ) -> None:
        """Code the next group: these rows and channels, anchor by anchor.

        Args:
            prior: Of every value of the group, ``[n, S]``.
            channels: Which.
            rows: Of which anchors.
        """
        chosen = self.coded[rows, channels]
        every = bool(chosen.all())

        def picked(array: np.ndarray) -> np.ndarray:
            return array.reshape(-1) if every else array[chosen]

        known = ChannelPrior(*map(picked, prior))
        decoded = known.values(self.exchange(known, lambda array: picked(array[rows, channels])))
        self._left -= len(decoded)
        if not every:
            decoded, group = np.zeros(chosen.shape, np.int64), decoded
            decoded[chosen] = group
        self.values[rows, channels] = decoded.reshape(chosen.shape)

    def finish(self) -> Int64[np.ndarray, "A D"]:
        """All values, once the walk is over; each must have been coded once."""
        assert self._left == 0, f"the entropy model left {self._left} values"
        return self.values

    @abstractmethod
    def exchange(self, prior: ChannelPrior, picked: Callable[[np.ndarray], np.ndarray]) -> Int64[np.ndarray, " n"]:
        """Write or read the symbols of a group; ``picked`` takes its values out of an array of all ``[A, D]``."""


@dataclass(frozen=True)
class IntegerModel(ABC):
    """An entropy model in integers: the same on any device. ``entropy.base.EntropyModel`` is what it is frozen from.

    Attributes:
        layout: Channels and base steps.
    """

    NUMBER: ClassVar[int]
    """Number of the model in files; never given to another."""

    layout: ChannelLayout

    @property
    @abstractmethod
    def operations(self) -> int:
        """Multiplications per anchor, at most: what a reader bounds before it begins."""

    @abstractmethod
    def known_answer(
        self, grid: Int[np.ndarray, "A 3"], arithmetic: Arithmetic = "auto"
    ) -> Int64[np.ndarray, "A outputs"]:
        """What the networks say of some voxels before any symbol is known: a device that computes wrongly shows."""

    @abstractmethod
    def walk(self, grid: Int[np.ndarray, "A 3"], coding: Coding, arithmetic: Arithmetic = "auto") -> None:
        """Code all values of some anchors.

        Args:
            grid: Their voxels, in the order of the file.
            coding: What writes or reads symbols, and knows the values so far.
            arithmetic: Of the networks; changes nothing but the speed.
        """

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Everything but the layout."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, data: bytes | memoryview, layout: ChannelLayout) -> "IntegerModel":
        """The inverse of ``to_bytes``. The input is not trusted.

        Raises:
            FormatError: Not this model's bytes, or networks that do not fit the layout.
        """
