"""Rows chosen into buffers of a bounded size, so that the host need not wait to hear how many there are.

A selection whose size depends on values stops the host until the device has computed it, and gives tensors of another
size in each step, which nothing that is compiled or recorded can take. In a buffer the chosen rows stand first, and
whatever stands behind them counts for nothing. How many there were is read when all of the view has been queued, and
a view that did not fit is drawn again, in a larger buffer.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Int

LEAST = 1024
"""Rows of the smallest buffer."""
SPARE = 1.1
"""Buffers are larger than what was needed by this factor, so that the next view fits too."""


class Chosen(NamedTuple):
    """Rows that were chosen.

    Attributes:
        rows: Their indices, ascending, then any others.
        real: Which of them were chosen; all where ``None``.
    """

    rows: Int[Tensor, " B"]
    real: Bool[Tensor, " B"] | None = None


class _Count:
    """A number on its way from a device: read without waiting for what has been queued behind it."""

    def __init__(self, number: Int[Tensor, ""]) -> None:
        self._number, self._arrived = number, None
        if number.is_cuda:
            self._number = torch.empty((), dtype=number.dtype, pin_memory=True)
            self._number.copy_(number, non_blocking=True)
            self._arrived = torch.cuda.Event()
            self._arrived.record()

    def __call__(self) -> int:
        if self._arrived is not None:
            self._arrived.synchronize()
        return int(self._number)


class Buffers:
    """The buffers of a scene, by name. They grow, and never shrink."""

    def __init__(self) -> None:
        """Each begins with ``LEAST`` rows."""
        self._sizes: dict[str, int] = {}
        self._counts: list[tuple[str, int, _Count]] = []

    def choose(self, name: str, mask: Bool[Tensor, " N"]) -> Chosen:
        """The rows where ``mask`` is true, up to the size of the buffer; ask ``outgrown`` before they are relied on.

        Args:
            name: Of the buffer.
            mask: Of one row at least.
        """
        size = self._sizes.get(name, LEAST)
        chosen, count = padded(mask, size)
        self._counts.append((name, size, _Count(count)))
        return chosen

    def outgrown(self) -> bool:
        """Whether anything did not fit that was chosen since this was last asked; its buffer is larger from now on."""
        counts, self._counts = self._counts, []
        needed = {name: (count(), size) for name, size, count in counts}
        beyond = {name: count for name, (count, size) in needed.items() if count > size}
        self._sizes |= {name: size_for(count) for name, count in beyond.items()}
        return bool(beyond)


def size_for(count: int) -> int:
    """Size of a buffer for so many rows: a power of two, or one and a half, with some rows to spare."""
    size = LEAST
    while size < SPARE * count:
        size = size * 3 // 2 if size & (size - 1) == 0 else size // 3 * 4
    return size


def padded(mask: Bool[Tensor, " N"], size: int) -> tuple[Chosen, Int[Tensor, ""]]:
    """The first ``size`` rows where ``mask`` is true, without waiting for a device, and how many there are in all.

    What stands behind them are rows all over the place: gradients of zero that are added to a single one would have
    to wait for each other.
    """
    ends = mask.cumsum(0)
    number = torch.arange(size + 1, device=mask.device)
    target = torch.where(mask, ends - 1, size).clamp(max=size)  # what is not chosen, or does not fit, is cut off
    rows = (number % len(mask)).scatter(0, target, torch.arange(len(mask), device=mask.device))[:size]
    return Chosen(rows, number[:size] < ends[-1]), ends[-1]
