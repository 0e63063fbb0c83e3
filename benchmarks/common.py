"""What the training benchmarks share: a run on a real capture, a stopwatch, and a description of the machine."""

import copy
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from csgaussian_ns.ns.trainer import CSGaussianTrainer

RESULTS = Path(__file__).parent / "results"


def trainer_for(
    method: str, data: Path, scene: str, steps: int, folder: Path, lambda_rate: float, max_anchors: int | None = None
) -> "CSGaussianTrainer":
    """A trainer that is ready to run, its photos loaded; ``scene`` is ``name:scale``, outputs go to ``folder``."""
    import torch
    from nerfstudio.configs.method_configs import all_methods

    from csgaussian_ns.ns.model import CSGaussianModelConfig

    name, scale = scene.split(":")
    config = copy.deepcopy(all_methods[method])
    model = config.pipeline.model
    assert isinstance(model, CSGaussianModelConfig)
    model.lambda_rate = lambda_rate
    if max_anchors is not None:
        model.scene.growth.max_anchors = max_anchors
    config.pipeline.datamanager.data = data / name
    config.pipeline.datamanager.camera_res_scale_factor = float(scale)  # type: ignore[attr-defined]
    config.max_num_iterations, config.vis, config.output_dir = steps, "tensorboard", folder
    config.steps_per_save, config.steps_per_eval_image, config.steps_per_eval_all_images = 10**9, 0, 0
    config.set_timestamp()
    config.save_config()
    torch.manual_seed(config.machine.seed)  # as ns-train does
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    manager = trainer.pipeline.datamanager
    _ = manager.cached_train, manager.cached_eval
    return trainer


class Clock:
    """A stopwatch that can pause."""

    def __init__(self) -> None:
        """Stopped at zero."""
        self.seconds, self._since = 0.0, 0.0

    def start(self) -> None:
        """Go on counting."""
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Pause."""
        self.seconds += time.perf_counter() - self._since


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    import numba
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "gpu": gpu,
        "load_at_end": os.getloadavg()[1],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
    }
