"""What the training benchmarks share: a run on a real capture, a stopwatch, and a description of the machine."""

import copy
import fcntl
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csgaussian_ns.ns.trainer import CSGaussianTrainer

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Run:
    """What to train.

    Attributes:
        method: As ``ns-train`` knows it.
        data: Folder of the scenes.
        scene: ``name:scale``.
        steps: Of the whole run.
        lambda_rate: Weight of the rate.
        max_anchors: Limit of growth; the method's own if ``None``.
        seed: Of everything random; the method's own if ``None``.
        settings: Values by name that replace those of ``CSGaussianModelConfig``, or else of ``SceneSettings``.
        load: Folder of checkpoints to go on from.
        masks: Option of the data manager.
        semantic_steps: Of stages 2 and 3; 0 trains colour alone.
        semantic: Values by name that replace those of ``SemanticSettings``.
    """

    method: str
    data: Path
    scene: str
    steps: int
    lambda_rate: float
    max_anchors: int | None = None
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    load: Path | None = None
    masks: str = "auto"
    semantic_steps: int = 0
    semantic: Mapping[str, Any] = field(default_factory=dict)


def trainer_for(run: Run, folder: Path) -> "CSGaussianTrainer":
    """A trainer that is ready to run, its photos loaded; outputs go to ``folder``."""
    import torch
    from nerfstudio.configs.method_configs import all_methods

    from csgaussian_ns.ns.model import CSGaussianModelConfig

    name, scale = run.scene.split(":")
    config = copy.deepcopy(all_methods[run.method])
    model = config.pipeline.model
    assert isinstance(model, CSGaussianModelConfig)
    model.lambda_rate, model.semantic_steps = run.lambda_rate, run.semantic_steps
    if run.max_anchors is not None:
        model.scene.growth.max_anchors = run.max_anchors
    if run.seed is not None:
        config.machine.seed = model.scene.seed = run.seed
    for key, value in run.settings.items():
        owner = model if hasattr(model, key) else model.scene
        assert hasattr(owner, key), f"neither the model's config nor SceneSettings has {key!r}"
        setattr(owner, key, value)
    for key, value in run.semantic.items():
        assert hasattr(model.semantic, key), f"SemanticSettings has no {key!r}"
        setattr(model.semantic, key, value)
    config.load_dir = run.load
    config.pipeline.datamanager.masks = run.masks  # type: ignore[attr-defined]
    config.pipeline.datamanager.data = run.data / name
    config.pipeline.datamanager.camera_res_scale_factor = float(scale)  # type: ignore[attr-defined]
    config.max_num_iterations, config.vis, config.output_dir = run.steps, "tensorboard", folder
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
    """A stopwatch that can pause. Beside wall time it counts CPU time of all threads: other programs disturb it less.

    Attributes:
        seconds: Wall time so far.
        cpu_seconds: CPU time of this process so far.
    """

    def __init__(self, seconds: float = 0.0, cpu_seconds: float = 0.0) -> None:
        """Stopped at the given times."""
        self.seconds, self.cpu_seconds = seconds, cpu_seconds
        self._since, self._cpu_since = 0.0, 0.0

    def start(self) -> None:
        """Go on counting."""
        self._since, self._cpu_since = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Pause."""
        self.seconds += time.perf_counter() - self._since
        self.cpu_seconds += time.process_time() - self._cpu_since


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


def read_runs(file: Path) -> list[dict[str, Any]]:
    """The records that ``add_run`` has collected in ``file``; none if it is not there yet."""
    return json.loads(file.read_text())["runs"] if file.exists() else []


def add_run(file: Path, record: dict[str, Any], method: str) -> list[dict[str, Any]]:
    """Add a record to ``file``, whole or not at all, also while other processes add theirs.

    Returns:
        All records.
    """
    file.parent.mkdir(exist_ok=True)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        runs = [*read_runs(file), record]
        report = {"runs": runs, "date": time.strftime("%Y-%m-%d"), "machine": machine(), "method": method}
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(report, indent=1) + "\n")
        partial.replace(file)
    finally:
        os.close(folder)
    return runs
