"""How likely latents are, in integers: the same on any device. FORMAT.md, section 18.2.

Numbers: values in 1/2**16 step, means in 1/256 step, logarithms of spreads in 1/256 octave. Networks see values in 1/8
step, up to 511, what the hyper-latent tells as it comes, up to 511, and the level as 511 at its place among zeros.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.shapes import Bool, Int, Int64, Shaped
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.latents.meta import CELL, HYPER_CELLS, LEVELS
from csgaussian_ns.format.networks.fixed_point import Arithmetic, IntegerNetwork, evaluate
from csgaussian_ns.format.networks.hyperprior import pack_blocks
from csgaussian_ns.format.networks.model import ChannelPrior
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT, requantise
from csgaussian_ns.format.networks.steps import scale_rows
from csgaussian_ns.format.streams.symbol_tables import GAUSSIAN

INPUT_BITS = 3
"""Fractional bits of values as networks see them."""
TOLD_BITS = 6
"""Fractional bits of what the hyper-latent tells places."""
MOST_CHANNELS = 512
_HEAD = struct.Struct("<BHHH")
_AROUND = ((0, 1), (1, 0), (1, 2), (2, 1))
"""Above, left, right, below, in an array with a border."""
_LARGEST_ENTRY = 1 << 20


class Latents(NamedTuple):
    """Decoded integers, in 1/2**16 step."""

    hyper: Int64[np.ndarray, "V Z a b"]
    values: Int64[np.ndarray, "V L h w"]


@runtime_checkable
class Exchange(Protocol):
    """Writes or reads the symbols of a group."""

    def __call__(self, group: int, prior: ChannelPrior) -> Int64[np.ndarray, "n C"]:
        """Values of a group in 1/2**16 step.

        Args:
            group: 0 for the hyper-latent, 1 for the even places of the latent, 2 for the odd ones.
            prior: Of each value: place by place, channel by channel.
        """
        ...


def even_places(height: int, width: int) -> Bool[np.ndarray, "H W"]:
    """Which come first: row and column add up to an even number."""
    return np.add.outer(np.arange(height), np.arange(width)) % 2 == 0


def rows_of(x: Shaped[np.ndarray, "V C H W"]) -> Shaped[np.ndarray, "N C"]:
    """Place by place: view, row, column."""
    return x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def _placed(rows: Int[np.ndarray, "N C"], views: int, height: int, width: int) -> Int[np.ndarray, "V C H W"]:
    return np.ascontiguousarray(rows.reshape(views, height, width, -1).transpose(0, 3, 1, 2))


def _around(x: Int[np.ndarray, "V C H W"], places: Sequence[tuple[int, int]]) -> Int[np.ndarray, "V CP H W"]:
    """Of each place those at some offsets; 0 beyond the border. Channel by channel."""
    views, channels, height, width = x.shape
    wide = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    parts = [wide[:, :, row : row + height, column : column + width] for row, column in places]
    return np.stack(parts, axis=2).reshape(views, channels * len(places), height, width)


@dataclass(frozen=True)
class IntegerLatentModel:
    """All that a coder and a decoder of latents share.

    Attributes:
        mean: Of the hyper-latent at each level.
        log_scale: Likewise.
        hyper: The hyper-latent around one of its places to what it tells the 16 places of the latent in it.
        first: What a place is told to mean and log scale, for even places.
        second: The same for odd places, which also see the four around them.
        cell: Pixels along one side of a place of the latent; not in its bytes, as the settings of the weights say it.

    Raises:
        FormatError: Inputs and outputs of the networks do not fit each other.
    """

    mean: Int64[np.ndarray, "G Z"]
    log_scale: Int64[np.ndarray, "G Z"]
    hyper: IntegerNetwork
    first: IntegerNetwork
    second: IntegerNetwork
    cell: int = CELL

    def __post_init__(self) -> None:
        cells, told, channels = HYPER_CELLS**2, self.told, self.channels
        inputs = (9 * self.hyper_channels, told, told + 4 * channels)
        outputs = (cells * told, 2 * channels, 2 * channels)
        networks = (self.hyper, self.first, self.second)
        found = [(network.num_inputs, network.num_outputs) for network in networks]
        expected = [(count + self.levels, out) for count, out in zip(inputs, outputs, strict=True)]
        limits = {network.input_limit for network in networks}
        if found != expected or min(limits) < INPUT_LIMIT or min(told, channels) < 1:
            raise FormatError(
                f"latent model: inputs and outputs {found} for inputs up to {limits}; {self.levels} levels and "
                f"{self.hyper_channels} channels need {expected} for up to {INPUT_LIMIT}"
            )

    @property
    def levels(self) -> int:
        """Number of levels."""
        return self.mean.shape[0]

    @property
    def hyper_channels(self) -> int:
        """Of the hyper-latent."""
        return self.mean.shape[1]

    @property
    def channels(self) -> int:
        """Of the latent."""
        return self.first.num_outputs // 2

    @property
    def told(self) -> int:
        """Numbers that the hyper-latent tells each place of the latent."""
        return self.hyper.num_outputs // HYPER_CELLS**2

    def operations(self, places: int, hyper_places: int) -> int:
        """Multiplications for so many places of the latent and of the hyper-latent."""
        return hyper_places * self.hyper.operations + places * max(self.first.operations, self.second.operations)

    def memory(self, places: int, hyper_places: int) -> int:
        """Bytes that a walk takes at most, estimated."""
        columns = self.told + 12 * self.channels + 2 * max(self.second.num_inputs, self.second.num_outputs)
        return 8 * (places * columns + 2 * hyper_places * (self.hyper.num_inputs + self.hyper.num_outputs))

    def walk(
        self, views: int, size: tuple[int, int], level: int, exchange: Exchange, arithmetic: Arithmetic = "auto"
    ) -> Latents:
        """Code all values, group by group.

        Args:
            views: How many.
            size: Rows and columns of the latent of each.
            level: Of the rate.
            exchange: Writes or reads.
            arithmetic: Of the networks; changes nothing but the speed.
        """
        coarse = (-(-size[0] // HYPER_CELLS), -(-size[1] // HYPER_CELLS))
        count = views * coarse[0] * coarse[1]
        shape = (count, self.hyper_channels)
        prior = _prior(*(np.broadcast_to(part[level], shape) for part in (self.mean, self.log_scale)))
        hyper = _placed(exchange(0, prior), views, *coarse)
        told = self._told(hyper, size, level, arithmetic)
        values = np.zeros((views, self.channels, *size), np.int64)
        even = even_places(*size)
        for group, chosen in ((1, even), (2, ~even)):
            known = told if group == 1 else np.concatenate([told, _around(_seen(values), _AROUND)], axis=1)
            rows = rows_of(known).reshape(views, -1, known.shape[1])[:, chosen.reshape(-1)]
            network = self.first if group == 1 else self.second
            out = self._evaluated(network, rows.reshape(-1, known.shape[1]), level, arithmetic)
            found = exchange(group, _prior(*np.split(out, 2, axis=1)))
            values[:, :, chosen] = found.reshape(views, -1, self.channels).transpose(0, 2, 1)
        return Latents(hyper, values)

    def _told(
        self, hyper: Int64[np.ndarray, "V Z a b"], size: tuple[int, int], level: int, arithmetic: Arithmetic
    ) -> Int64[np.ndarray, "V T h w"]:
        views, _, rows, columns = hyper.shape
        square = [(row, column) for row in range(3) for column in range(3)]
        out = self._evaluated(self.hyper, rows_of(_around(_seen(hyper), square)), level, arithmetic)
        cells = out.clip(-INPUT_LIMIT, INPUT_LIMIT).reshape(views, rows, columns, -1, HYPER_CELLS, HYPER_CELLS)
        wide = cells.transpose(0, 3, 1, 4, 2, 5).reshape(views, -1, rows * HYPER_CELLS, columns * HYPER_CELLS)
        return wide[:, :, : size[0], : size[1]]

    def _evaluated(
        self, network: IntegerNetwork, rows: Int64[np.ndarray, "N I"], level: int, arithmetic: Arithmetic
    ) -> Int64[np.ndarray, "N O"]:
        """A network, which is told the level behind its other inputs."""
        which = np.zeros((len(rows), self.levels), np.int64)
        which[:, level] = INPUT_LIMIT
        return evaluate(network, np.concatenate([rows, which], axis=1), arithmetic)

    def to_bytes(self) -> bytes:
        """Little endian: u8 levels, u16 channels of the hyper-latent, i32 means, i32 log scales, level by level.

        Then the three networks (``networks.network_bytes``), each behind its length as u32.
        """
        head = _HEAD.pack(self.levels, self.hyper_channels, self.channels, self.told)
        tables = [part.astype("<i4").tobytes() for part in (self.mean, self.log_scale)]
        return head + b"".join(tables) + pack_blocks(list(map(to_bytes, (self.hyper, self.first, self.second))))

    @classmethod
    def from_bytes(cls, data: bytes | memoryview, cell: int = CELL) -> "IntegerLatentModel":
        """The inverse of ``to_bytes``. The input is not trusted.

        Raises:
            FormatError: Not this layout, or networks that do not fit.
        """
        reader = ByteReader(data, "latent model")
        levels, hyper, channels, told = reader.unpack(_HEAD)
        if not 1 <= levels <= len(LEVELS) or not all(1 <= count <= MOST_CHANNELS for count in (hyper, channels, told)):
            raise FormatError(f"latent model: {levels} levels or {hyper}, {channels}, {told} channels are out of range")
        tables = reader.array("<i4", 2 * levels * hyper).astype(np.int64)
        mean, log_scale = tables.reshape(2, levels, hyper)
        if np.abs(tables).max() > _LARGEST_ENTRY:
            raise FormatError(f"latent model: means and log scales of the hyper-latent exceed {_LARGEST_ENTRY}")
        networks = [from_bytes(reader.block()) for _ in range(3)]
        reader.end()
        model = cls(mean, log_scale, *networks, cell=cell)
        if (model.channels, model.told) != (channels, told):
            raise FormatError(f"latent model: {channels} and {told} channels, its networks have others")
        return model


def _prior(mean: Int64[np.ndarray, "n C"], log_scale: Int64[np.ndarray, "n C"]) -> ChannelPrior:
    step = np.broadcast_to(np.int64(1 << VALUE_BITS), mean.shape)
    return ChannelPrior(mean, step, (scale_rows(log_scale) + GAUSSIAN).astype(np.uint8))


def _seen(values: Int64[np.ndarray, "V C H W"]) -> Int64[np.ndarray, "V C H W"]:
    """As networks see them."""
    shape = values.shape
    return requantise(values.reshape(-1, shape[-1]), 1, VALUE_BITS - INPUT_BITS).reshape(shape)
