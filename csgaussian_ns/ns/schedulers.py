"""Learning-rate schedules in plain Python numbers, so that checkpoints hold nothing but tensors and floats."""

import math
from dataclasses import dataclass, field

import torch
from nerfstudio.engine.schedulers import Scheduler, SchedulerConfig


@dataclass
class LogLinearSchedulerConfig(SchedulerConfig):
    """Decay from the optimiser's ``lr`` to ``lr_final``, linear in the logarithm (3D Gaussian Splatting)."""

    _target: type = field(default_factory=lambda: LogLinearScheduler)
    lr_final: float = 1e-5
    """Learning rate at the last step."""
    max_steps: int = 0
    """Step at which it is reached; 0 means the end of colour (--max-num-iterations), or of the run for groups that are
    trained after colour."""
    start_step: int = 0
    """First step of the decay; -1 means where the plan begins to pay for bits, or the end of colour for groups that are
    trained after it."""


class LogLinearScheduler(Scheduler):
    """See the config."""

    config: LogLinearSchedulerConfig

    def get_scheduler(self, optimizer: torch.optim.Optimizer, lr_init: float) -> torch.optim.lr_scheduler.LRScheduler:
        """Build the torch scheduler for one group that starts at ``lr_init`` (> 0)."""
        ratio, start = self.config.lr_final / lr_init, max(self.config.start_step, 0)
        steps = max(self.config.max_steps - start, 1)

        def factor(step: int) -> float:
            return math.exp(math.log(ratio) * min(max(step - start, 0) / steps, 1.0))

        return torch.optim.lr_scheduler.LambdaLR(optimizer, lr_lambda=factor)
