"""All groups of parameters take their step in one pass: on a GPU what a step costs is what it has to launch."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class _Group(NamedTuple):
    """What ``torch._fused_adam_`` takes of one group."""

    settings: dict[str, Any]
    parameters: list[Tensor]
    gradients: list[Tensor]
    first_moments: list[Tensor]
    second_moments: list[Tensor]
    counters: list[Tensor]


@torch.no_grad()
def step_together(optimizers: Iterable[torch.optim.Optimizer]) -> None:
    """Do what ``step`` of each does, bit for bit, with one call per group and one for all counters.

    States stay where each optimiser has them, so edits of rows, schedulers and checkpoints see nothing of it. An
    optimiser that is not torch's fused Adam, or one with options that it is not used with here, steps by itself. Hooks
    of ``step`` are not called.

    Args:
        optimizers: Of parameters on one device each; those without a gradient are left out.
    """
    groups: list[_Group] = []
    for optimizer in optimizers:
        if _is_plain(optimizer):
            groups += [found for group in optimizer.param_groups if (found := _gathered(optimizer, group)) is not None]
        else:
            optimizer.step()
    for device in {group.counters[0].device for group in groups}:
        there = [one for group in groups for one in group.counters if one.device == device]
        torch._foreach_add_(there, 1)  # type: ignore[reportPrivateImportUsage]
    for settings, parameters, gradients, first, second, counters in groups:
        beta1, beta2 = settings["betas"]
        options = {name: settings[name] for name in ("lr", "weight_decay", "eps", "maximize")}
        options |= {"beta1": beta1, "beta2": beta2, "amsgrad": False}
        torch._fused_adam_(parameters, gradients, first, second, [], counters, **options)  # type: ignore[reportPrivateImportUsage]


def _is_plain(optimizer: torch.optim.Optimizer) -> bool:
    if type(optimizer) is not torch.optim.Adam:
        return False
    others = ("amsgrad", "differentiable", "decoupled_weight_decay")
    return all(
        group["fused"] and not any(group.get(name) for name in others) and not isinstance(group["lr"], Tensor)
        for group in optimizer.param_groups
    )


def _gathered(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> _Group | None:
    """The parameters of a group that have a gradient, with their states, which begin at zero."""
    parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
    if not parameters:
        return None
    for parameter in parameters:
        state = optimizer.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=parameter.device)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    states = [optimizer.state[parameter] for parameter in parameters]
    names = ("exp_avg", "exp_avg_sq", "step")
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    return _Group(group, parameters, gradients, *([state[name] for state in states] for name in names))
