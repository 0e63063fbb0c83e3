"""Keeps an optimiser in step when the rows of a parameter change."""

import torch
from torch import Tensor, nn

from csgaussian_ns.core.shapes import Bool


def move_state(
    optimizer: torch.optim.Optimizer, old: nn.Parameter, new: nn.Parameter, keep: Bool[Tensor, " A"]
) -> None:
    """Replace ``old`` by ``new`` in ``optimizer``: kept rows keep their moments, appended rows start at zero.

    Args:
        optimizer: Holds ``old`` in one of its groups.
        old: Parameter with one row per former anchor.
        new: The kept rows of ``old`` followed by any number of new ones.
        keep: Which rows of ``old`` are at the front of ``new``.

    Raises:
        ValueError: ``old`` is not in the optimiser.
    """
    for group in optimizer.param_groups:
        for position, parameter in enumerate(group["params"]):
            if parameter is old:
                group["params"][position] = new
                state = optimizer.state.pop(old, None)
                if state is not None:
                    optimizer.state[new] = {key: _moved(value, old, new, keep) for key, value in state.items()}
                return
    raise ValueError(f"the parameter of shape {tuple(old.shape)} is not in this optimiser: its rows cannot be moved")


def _moved(value: object, old: nn.Parameter, new: nn.Parameter, keep: Bool[Tensor, " A"]) -> object:
    if not isinstance(value, Tensor) or value.shape != old.shape:
        return value  # the step counter
    kept = value[keep]
    return torch.cat([kept, kept.new_zeros(len(new) - len(kept), *kept.shape[1:])])
