"""The part of a run that all weights of the rate and all entropy models share, trained once and branched from.

Until the rate is paid for, the entropy model is not used, and the random numbers of training depend on seed and step
alone: a branch continues bit for bit as the whole run would have.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from common import Clock
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackLocation

import csgaussian_ns
from csgaussian_ns.ns.model import CSGaussianModelConfig

if TYPE_CHECKING:
    from csgaussian_ns.ns.trainer import CSGaussianTrainer

ENTROPY = "_model.scene.entropy."
"""Prefix of the entropy model's tensors in a checkpoint."""
ENTROPY_GROUPS = {"entropy", "entropy_tables"}
"""Its groups of parameters."""
SOURCES = ("core", "quant", "scene", "render", "stages", "ns")
"""Packages whose text decides what a stem looks like."""


def branch(trainer: "CSGaussianTrainer", folder: Path) -> Clock:
    """Bring ``trainer`` to the step at which the rate is first paid for, if ``folder`` holds its stem.

    Otherwise the trainer leaves its stem there when it comes by.

    Args:
        trainer: Set up, not yet trained.
        folder: Where stems are kept; made if needed.

    Returns:
        A stopped clock that shows what training took up to the trainer's step.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{_name(trainer)}.ckpt"
    if not path.exists():
        _save_on_the_way(trainer, path)
        return Clock()
    stem, fresh = torch.load(path, map_location="cpu"), trainer.state(0)  # noqa: TID251  # our own file
    own = {name: value for name, value in fresh["pipeline"].items() if name.startswith(ENTROPY)}
    others = {name: value for name, value in stem["pipeline"].items() if not name.startswith(ENTROPY)}
    stem["pipeline"] = others | own
    for part in ("optimizers", "schedulers"):  # another entropy model may have other groups
        kept = {name: state for name, state in stem[part].items() if name not in ENTROPY_GROUPS}
        stem[part] = kept | {name: fresh[part][name] for name in ENTROPY_GROUPS if name in fresh[part]}
    for name in ENTROPY_GROUPS & stem["schedulers"].keys():  # schedulers step with all others, used or not
        stem["schedulers"][name] |= {"last_epoch": stem["step"] + 1, "_step_count": stem["step"] + 2}
    grafted = path.with_suffix(f".{os.getpid()}")
    torch.save(stem, grafted)
    trainer.continue_from(grafted)
    grafted.unlink()
    return Clock(stem["seconds"], stem["cpu_seconds"])


def _save_on_the_way(trainer: "CSGaussianTrainer", path: Path) -> None:
    clock, last = Clock(), trainer.pipeline.model.scene.plan.rate_from - 1
    clock.start()

    def save(step: int) -> None:
        if step == last:
            partial = path.with_suffix(".partial")
            clock.stop()
            spent = {"seconds": clock.seconds, "cpu_seconds": clock.cpu_seconds}
            torch.save(trainer.state(step) | spent, partial)
            partial.rename(path)

    trainer.callbacks.append(TrainingCallback([TrainingCallbackLocation.AFTER_TRAIN_ITERATION], save))


def _name(trainer: "CSGaussianTrainer") -> str:
    """Scene, and a hash of everything that a stem depends on."""
    config = trainer.config
    model, manager = config.pipeline.model, config.pipeline.datamanager
    assert isinstance(model, CSGaussianModelConfig)
    scene = model.scene
    parts = [str(manager), str(config.optimizers), str(trainer.pipeline.model.scene.plan), str(config.machine.seed)]
    parts += [str((model.feature_dim, model.num_offsets, model.voxel_size, model.background, model.backend))]
    parts += [str((scene.hidden_dim, scene.feature_step, scene.scaling_step, scene.offset_step, scene.growth))]
    parts += [str((scene.seed, torch.get_num_threads(), torch.__version__))]
    root = Path(csgaussian_ns.__file__).parent
    parts += [file.read_text() for name in SOURCES for file in sorted((root / name).rglob("*.py"))]
    return f"{Path(str(manager.data)).name}_{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"
