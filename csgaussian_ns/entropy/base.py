"""What an entropy model is for training: one class that costs, previews and freezes. ``registry`` names the classes.

```
Context -- place --> Place -- expect --> Expectation -- bits --> what the loss pays for
   |                                          `------ quantised --> what a decoder will see
   `-- freeze --> format.networks.model.IntegerModel -- walk, bytes --> a file
```
All values are in base steps (``ChannelLayout.base_steps``).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.entropy.rate_steps import RateForm
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.networks.model import IntegerModel


class Context(NamedTuple):
    """What a model may know before it knows the values in question.

    Attributes:
        grid: Voxels of all anchors of the scene, in the order of the file where one is written.
        rate_weight: Weight of the rate against the distortion (lambda of CSGaussian, Eq. 1).
        values_of: Values ``[n, D]`` of any anchors, given their indices: of neighbours, for a model that looks at some.
            They are as trained; what a decoder has of them is what the model itself makes of them.
        index: The anchors in question; all where it is ``None``.
        kept: Which anchors a file will hold; all where it is ``None``. A decoder will see no others.
    """

    grid: Int[Tensor, "A 3"]
    rate_weight: float
    values_of: Callable[[Int[Tensor, " n"]], Float[Tensor, "n D"]]
    index: Int[Tensor, " V"] | None = None
    kept: Bool[Tensor, " A"] | None = None


@runtime_checkable
class Place(Protocol):
    """What a model knows of the anchors in question before its networks are asked, whatever that is."""

    def at(self, rows: Int[Tensor, " n"]) -> "Place":
        """Some of the anchors."""
        ...


class Expectation(ABC):
    """What a model expects of some anchors.

    Attributes:
        steps: Quantisation step of each attribute type.
    """

    steps: Float[Tensor, "V T"]

    @abstractmethod
    def at(self, rows: Int[Tensor, " n"], steps: Float[Tensor, "n T"] | None = None) -> "Expectation":
        """Of some of the anchors; with ``steps`` those, which stay as they are."""

    @abstractmethod
    def bits(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """Code length of quantised (or noisy) values, channel by channel, differentiable."""

    @abstractmethod
    def quantised(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """The values that a decoder will see, up to the rounding of the networks to integers; without gradient."""


class Widths(NamedTuple):
    """Sizes of a model's networks: hidden layers of what every anchor pays for, and of corrections; 0 for none."""

    hidden: int
    correction: int = 0


class EntropyModel(nn.Module, ABC):
    """How likely the attributes of anchors are.

    Attributes:
        layout: Their types and base steps.
        base_step: Base step of each channel.
    """

    base_step: Float[Tensor, " D"]

    def __init__(self, layout: ChannelLayout) -> None:
        """Keep the layout."""
        super().__init__()
        self.layout = layout
        self.register_buffer("base_step", per_channel(layout, torch.tensor(layout.base_steps)), persistent=False)

    def values(self, real: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """Attributes in base steps."""
        return real / self.base_step

    def real(self, values: Float[Tensor, "V D"]) -> Float[Tensor, "V D"]:
        """The inverse of ``values``."""
        return values * self.base_step

    @abstractmethod
    def start(self, grid: Int[Tensor, "A 3"], values: Float[Tensor, "A D"]) -> None:
        """Fit what can be fitted at once to a scene whose rate is about to be paid for."""

    @abstractmethod
    def place(self, context: Context) -> Place:
        """What is known of the anchors in question."""

    @abstractmethod
    def expect(self, place: Place, steps: Float[Tensor, "V T"] | None = None) -> Expectation:
        """What follows from it; with ``steps`` those, which stay as they are."""

    @abstractmethod
    def freeze(self, context: Context, weight_bits: int = 8) -> IntegerModel:
        """The model in integers, calibrated on the anchors that it will code.

        Args:
            context: All of them; on the CPU, as the model has to be.
            weight_bits: Bits per weight of its networks, at most 8.
        """

    def tables(self) -> list[nn.Parameter]:
        """Parameters that are coded one by one and pay for themselves; the others are weights of networks."""
        return []

    def own_bits(self) -> Float[Tensor, ""]:
        """Estimated cost of ``tables`` in bits, differentiable."""
        return self.base_step.new_zeros(())

    def vary_rate(self, weights: tuple[float, ...], form: RateForm) -> None:
        """Let the steps depend on lambda, before training; then any inside the range of ``weights`` may be asked for.

        Raises:
            ConfigError: The model cannot do that.
        """
        raise ConfigError(f"{type(self).__name__} knows no lambda; leave rate_weights empty")

    def resize(self, widths: Widths) -> None:
        """Give the networks other widths in place, before they are trained or a checkpoint is read into them."""

    def resize_for(self, checkpoint: Mapping[str, Tensor]) -> None:
        """Take on the widths of the tensors of another such model, by their names here."""


def per_channel(layout: ChannelLayout, per_type: Float[Tensor, "*batch T"]) -> Float[Tensor, "*batch D"]:
    """Repeat one value per attribute type over the channels of the type."""
    parts = [per_type[..., i : i + 1].expand(*per_type.shape[:-1], size) for i, size in enumerate(layout.sizes)]
    return torch.cat(parts, dim=-1)
