"""The arithmetic of a step, as it stands or compiled: entropy model, decoders, and what becomes of their outputs.

Compiled, some hundred small operations become a few kernels, forward and backward. That takes tensors whose sizes stay
(``stages.padding``). Nothing falls back in silence: what cannot be compiled as a whole is an error, and so is a step
that would have to be compiled for the hundredth time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.scene.spawn import Halves, decode_slots, gather_slots
from csgaussian_ns.stages.colour import Rate, quantise_drawn

MOST_COMPILATIONS = 100
"""Of one function. Each stage, number of weight bits and size of a buffer takes one of its own."""


class Parts(NamedTuple):
    """What computes a step.

    Attributes:
        quantise: Does what ``colour.quantise_drawn`` does.
        halves: Of ``spawn``.
    """

    quantise: Callable[..., tuple[Anchors, Rate | None]] = quantise_drawn
    halves: Halves = Halves()


def compiled_parts(device: torch.device, backend: str = "inductor") -> Parts:
    """All of them compiled, at their first calls, which may take a minute each.

    Args:
        device: Where the tensors will be.
        backend: Of ``torch.compile``.

    Raises:
        BackendUnavailable: Nothing can be compiled here.
    """
    import torch._dynamo as dynamo

    def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
        return torch.compile(function, fullgraph=True, dynamic=False, backend=backend)

    dynamo.config.recompile_limit = max(dynamo.config.recompile_limit, MOST_COMPILATIONS)
    try:
        compiled(_probe)(torch.zeros(8, device=device))
    except Exception as error:  # of torch, Triton or a C++ compiler, each with errors of its own
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendUnavailable(
            f"torch.compile does not work on {device} ({reason}). It needs a C++ compiler, on a GPU Triton as well; "
            "choose another way to take a step: --pipeline.model.execution padded, or plain"
        ) from error
    return Parts(compiled(quantise_drawn), Halves(compiled(decode_slots), compiled(gather_slots)))


def _probe(numbers: torch.Tensor) -> torch.Tensor:
    return (numbers + 1).sigmoid()
