"""What quantisation does to values and to gradients: noise while training, rounding while coding.

A value ``a`` with mean ``mu`` and step ``q`` is coded as the symbol ``s = round((a - mu) / q)`` and decoded as
``mu + q * s``. Centring on the mean (instead of ``round(a / q)``) saves 0.5 % of the bits at 2.5 bits per symbol and
11 % at 0.95, and lowers the error, because a value near its mean is then reproduced without any.

``noisy`` sees ``a + q * u`` with a drawn ``u``: gradient 1 to the value and ``u`` to the step. One noisy value serves
distortion and rate. Where only a sample of the anchors enters one of the two, scale that *loss*, never the gradient
that flows into ``step``: a factor there leaked from distortion into rate and drove steps to the lower end of their
range.
"""

from typing import Any

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Float


def unit_noise(values: Float[Tensor, "*shape"], generator: torch.Generator | None = None) -> Float[Tensor, "*shape"]:
    """Noise for ``noisy``, uniform in [-1/2, 1/2), drawn on the device of ``values``; globally without a generator."""
    return torch.rand(values.shape, generator=generator, device=values.device, dtype=values.dtype) - 0.5


def noisy(
    values: Float[Tensor, "*shape"], step: Float[Tensor, "..."] | float, noise: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    """Values with the noise that stands for rounding in training.

    Gradient: 1 to ``values``; the noise itself, in units of the step, to ``step``.

    Args:
        values: Attributes, any unit.
        step: Quantisation step > 0 in the same unit; broadcasts to ``values``.
        noise: See ``unit_noise``.
    """
    return values + step * noise


def straight_through(exact: Float[Tensor, "*shape"], shown: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The value of ``shown`` with the gradient of ``exact``."""
    return exact + (shown - exact).detach()


def clamp_inward(values: Float[Tensor, "*shape"], lowest: float, highest: float) -> Float[Tensor, "*shape"]:
    """Clamp whose gradient still passes where it would bring a value back into the range.

    Beyond the limits ``torch.clamp`` has no gradient at all, so a log sigma that once ran out of its table would
    stay there although the data ask for another one.
    """
    return _ClampInward.apply(values, lowest, highest)  # type: ignore[return-value]


class _ClampInward(torch.autograd.Function):
    """Backward keeps the gradient inside the range and, outside, where a descent step leads inward."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, lowest: float, highest: float) -> Tensor:
        ctx.save_for_backward(values)
        ctx.limits = (lowest, highest)
        return values.clamp(lowest, highest)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (values,) = ctx.saved_tensors
        lowest, highest = ctx.limits
        # Descent moves a value against the sign of its gradient.
        keeps = ((values >= lowest) | (grad < 0)) & ((values <= highest) | (grad > 0))
        return grad * keeps, None, None
