"""Layers as data: what parameters they have, and what they do with them. The parameters are a mapping of names."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.feedforward.operations import active, convolved, spread

Parameters = Mapping[str, Any]
"""Arrays of one library by name; the names of a network are parts with strokes between them."""


class Needed(NamedTuple):
    """A parameter: its name, its shape, and how far its values spread before training; 0 for zeros."""

    name: str
    shape: tuple[int, ...]
    spread: float


@runtime_checkable
class Layer(Protocol):
    """A part of the network."""

    def needed(self) -> Iterator[Needed]:
        """Its parameters."""
        ...

    def __call__(self, parameters: Parameters, x: Float[Any, "V C H W"]) -> Float[Any, "V O h w"]:
        """Its result."""
        ...


@dataclass(frozen=True)
class Conv:
    """A convolution.

    Attributes:
        name: Of its parameters.
        inputs: Channels.
        outputs: Channels.
        kernel: Odd.
        stride: Of its places.
        start: Factor of its weights before training.
    """

    name: str
    inputs: int
    outputs: int
    kernel: int = 3
    stride: int = 1
    start: float = 1.0

    def needed(self) -> Iterator[Needed]:
        """As of ``Layer``."""
        fan = self.inputs * self.kernel**2
        shape = (self.outputs, self.inputs, self.kernel, self.kernel)
        yield Needed(f"{self.name}/weight", shape, self.start * math.sqrt(2 / fan))
        yield Needed(f"{self.name}/bias", (self.outputs,), 0.0)

    def __call__(self, parameters: Parameters, x: Float[Any, "V C H W"]) -> Float[Any, "V O h w"]:
        """As of ``Layer``."""
        return convolved(x, parameters[f"{self.name}/weight"], parameters[f"{self.name}/bias"], self.stride)


@dataclass(frozen=True)
class Block:
    """Two convolutions beside the input itself."""

    name: str
    channels: int

    @property
    def _parts(self) -> tuple[Conv, Conv]:
        first = Conv(f"{self.name}/first", self.channels, self.channels)
        return first, Conv(f"{self.name}/second", self.channels, self.channels, start=0.2)

    def needed(self) -> Iterator[Needed]:
        """As of ``Layer``."""
        for part in self._parts:
            yield from part.needed()

    def __call__(self, parameters: Parameters, x: Float[Any, "V C H W"]) -> Float[Any, "V C H W"]:
        """As of ``Layer``."""
        first, second = self._parts
        return x + second(parameters, active(first(parameters, active(x))))


@dataclass(frozen=True)
class Finer:
    """A convolution whose channels become places, twice as many along each side."""

    name: str
    inputs: int
    outputs: int

    @property
    def _part(self) -> Conv:
        return Conv(self.name, self.inputs, 4 * self.outputs)

    def needed(self) -> Iterator[Needed]:
        """As of ``Layer``."""
        yield from self._part.needed()

    def __call__(self, parameters: Parameters, x: Float[Any, "V C H W"]) -> Float[Any, "V O h w"]:
        """As of ``Layer``."""
        return spread(self._part(parameters, x), 2)


@dataclass(frozen=True)
class Chain:
    """Layers one after the other, each but the first behind the activation; blocks bring their own."""

    layers: tuple[Layer, ...]

    def needed(self) -> Iterator[Needed]:
        """As of ``Layer``."""
        for layer in self.layers:
            yield from layer.needed()

    def __call__(self, parameters: Parameters, x: Float[Any, "V C H W"]) -> Float[Any, "V O h w"]:
        """As of ``Layer``."""
        for number, layer in enumerate(self.layers):
            x = layer(parameters, x if number == 0 or isinstance(layer, Block) else active(x))
        return x


def blocks(name: str, channels: int, count: int) -> tuple[Block, ...]:
    """Some blocks; ``name`` and their numbers name them."""
    return tuple(Block(f"{name}{number}", channels) for number in range(count))
