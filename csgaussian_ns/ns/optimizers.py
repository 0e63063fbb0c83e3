"""nerfstudio's optimisers, a group each, whose steps are taken together."""

from typing import Any

import torch
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.utils import writer
from torch.cuda.amp.grad_scaler import GradScaler

from csgaussian_ns.scene.optimizer_step import step_together


class JointOptimizers(Optimizers):
    """See the module. Learning rates are logged as often as losses are, not in each step."""

    def __init__(self, config: dict[str, Any], param_groups: dict[str, list[torch.nn.Parameter]], every: int) -> None:
        """Build the optimiser and the scheduler of each group; every so many steps log learning rates."""
        super().__init__(config, param_groups)
        self._every = every

    def optimizer_scaler_step_some(self, grad_scaler: GradScaler, param_groups: list[str]) -> None:
        """Step these groups. With mixed precision, which scales gradients, each steps by itself as in nerfstudio."""
        if grad_scaler.is_enabled():
            super().optimizer_scaler_step_some(grad_scaler, param_groups)
            return
        for name in param_groups:
            limit = self.config[name]["optimizer"].max_norm
            if limit is not None:
                torch.nn.utils.clip_grad_norm_(self.parameters[name], limit)
        step_together(self.optimizers[name] for name in param_groups)

    def scheduler_step_all(self, step: int) -> None:
        """Step the schedulers."""
        for name, scheduler in self.schedulers.items():
            scheduler.step()
            if step % self._every == 0:
                writer.put_scalar(name=f"learning_rate/{name}", scalar=scheduler.get_last_lr()[0], step=step)
