"""One pass over all groups does what each optimiser's own step does, bit for bit."""

import copy
import warnings
from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from csgaussian_ns.scene.optimizer_rows import move_state
from csgaussian_ns.scene.optimizer_step import step_together

SHAPES = {"feature": [(40, 6)], "offset": [(40, 3, 3)], "mlp": [(8, 6), (8,), (4, 8)], "idle": [(3,)]}
RATES = {"feature": 0.01, "offset": 0.03, "mlp": 0.002, "idle": 0.1}


class Run:
    """Groups with an Adam and a schedule each, fed with gradients by the number of the step."""

    def __init__(self, kind: Any = torch.optim.Adam, **options: Any) -> None:
        generator = torch.Generator().manual_seed(3)
        self.groups = {
            name: [nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
            for name, shapes in SHAPES.items()
        }
        options = {"eps": 1e-15, "fused": True} | options
        self.optimizers = {name: kind(group, lr=RATES[name], **options) for name, group in self.groups.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.schedulers = [
                torch.optim.lr_scheduler.LambdaLR(one, lambda step: 0.9**step) for one in self.optimizers.values()
            ]

    def feed(self, step: int) -> None:
        generator = torch.Generator().manual_seed(step)
        for name, group in self.groups.items():
            for parameter in group if name != "idle" else ():
                parameter.grad = torch.randn(parameter.shape, generator=generator) * 10.0 ** (step % 5 - 3)

    def schedule(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for one in self.schedulers:
                one.step()

    def grow(self) -> None:
        """Three rows of the features go, five come."""
        keep = torch.arange(len(self.groups["feature"][0])) >= 3
        (old,) = self.groups["feature"]
        new = nn.Parameter(torch.cat([old.detach()[keep], torch.ones(5, old.shape[1])]))
        move_state(self.optimizers["feature"], old, new, keep)
        self.groups["feature"] = [new]

    def state(self) -> dict[str, Any]:
        return {name: copy.deepcopy(one.state_dict()) for name, one in self.optimizers.items()}

    def tensors(self) -> list[torch.Tensor]:
        states = [value for one in self.optimizers.values() for state in one.state.values() for value in state.values()]
        return [*(parameter for group in self.groups.values() for parameter in group), *states]


def alone(run: Run) -> None:
    for one in run.optimizers.values():
        one.step()


def together(run: Run) -> None:
    step_together(run.optimizers.values())


@pytest.mark.parametrize("kind", ["adam", "weight decay", "not fused", "amsgrad", "another optimiser"])
def test_the_same_numbers_through_growth_schedules_and_a_checkpoint(kind: str):
    makers = {
        "adam": Run,
        "weight decay": lambda: Run(weight_decay=0.1, betas=(0.5, 0.9), maximize=True),
        "not fused": lambda: Run(fused=False),
        "amsgrad": lambda: Run(amsgrad=True),
        "another optimiser": lambda: Run(torch.optim.AdamW),
    }
    expected, found = makers[kind](), makers[kind]()
    for step in range(24):
        if step == 16:  # what was saved by steps taken alone is read
            for name, state in expected.state().items():
                found.optimizers[name].load_state_dict(state)
        for run, take in ((expected, alone), (found, together)):
            run.feed(step)
            take(run)
            run.schedule()
            if step in (6, 11):
                run.grow()
    pairs = list(zip(expected.tensors(), found.tensors(), strict=True))
    assert len(pairs) > 12 and all(torch.equal(a, b) for a, b in pairs)
    assert expected.state().keys() == found.state().keys()
    assert found.optimizers["idle"].state == {}


class Calls(TorchDispatchMode):
    """Counts calls of operators: on a GPU each launches at least one kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def test_one_call_per_group_and_one_for_all_counters():
    counts = []
    for take in (alone, together):
        run = Run()
        run.feed(0)
        take(run)
        run.feed(1)
        with Calls() as calls:
            take(run)
        counts.append({name: count for name, count in calls.found.items() if "record_function" not in name})
    assert counts == [{"_foreach_add_": 3, "_fused_adam_": 3}, {"_foreach_add_": 1, "_fused_adam_": 3}]
