"""nerfstudio's trainer with safe checkpoints, a total step count, our progress line and a closing summary."""

import errno
import shutil
import time
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackLocation
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.utils.decorators import check_main_thread
from nerfstudio.utils.rich_utils import CONSOLE

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.core.files import make_folder, replacing
from csgaussian_ns.ns.compat import hint_wait_policy, silence_frozen_groups, usable_device
from csgaussian_ns.ns.given import folder_of
from csgaussian_ns.ns.optimizers import JointOptimizers
from csgaussian_ns.ns.pipeline import CSGaussianPipeline, CSGaussianPipelineConfig
from csgaussian_ns.ns.progress import FIGURES, TrainingProgress
from csgaussian_ns.ns.schedulers import LogLinearSchedulerConfig
from csgaussian_ns.stages.schedule import PLANS

SEMANTIC_GROUPS = ("semantic", "semantic_entropy")
"""Parameter groups that are trained after the colour plan."""
SPARE_BYTES = 1 << 20
"""A disk with less than this left is called full."""


@dataclass
class CSGaussianTrainerConfig(TrainerConfig):
    """A run. ``max_num_iterations`` is the length of the colour plan, also for a run that is resumed.

    Where the capture has masks, the model's ``semantic_steps`` follow.
    """

    _target: type = field(default_factory=lambda: CSGaussianTrainer)
    pipeline: CSGaussianPipelineConfig = field(default_factory=CSGaussianPipelineConfig)

    def get_base_dir(self) -> Path:
        """Folder of the run: that which a command was given, else as the configuration names it."""
        return folder_of(self) or super().get_base_dir()

    def link(self) -> None:
        """Carry the run's length into the parts that are planned over it, and refuse what cannot work.

        Raises:
            ConfigError: More than one device or machine.
        """
        if self.machine.num_devices * self.machine.num_machines != 1:
            raise ConfigError(
                f"--machine.num-devices {self.machine.num_devices} --machine.num-machines {self.machine.num_machines}: "
                "csgaussian trains on one device. Adding and removing anchors replaces parameters, which distributed "
                "data parallel does not follow: the copies would drift apart"
            )
        model, colour = self.pipeline.model, self.max_num_iterations
        model.plan_steps = colour
        for name, group in self.optimizers.items():
            scheduler = group.get("scheduler")
            if isinstance(scheduler, LogLinearSchedulerConfig):
                semantic = name in SEMANTIC_GROUPS
                scheduler.max_steps = scheduler.max_steps or (colour + model.semantic_steps if semantic else colour)
                if scheduler.start_step < 0:
                    scheduler.start_step = colour if semantic else PLANS[model.plan].scaled_to(colour).rate_from

    def save_config(self) -> None:
        """Write ``config.yml``. nerfstudio calls this before it starts workers, so options are checked here."""
        self.link()
        try:
            super().save_config()
        except OSError as error:
            raise ConfigError(
                f"--output-dir {self.output_dir}: nothing can be written there ({error.strerror}). Give another folder"
            ) from error

    def setup(self, **kwargs: object) -> "CSGaussianTrainer":
        """Build the trainer, on the CPU where the wanted GPU is absent."""
        self.link()
        self.machine.device_type = usable_device(self.machine.device_type)  # type: ignore[assignment]
        hint_wait_policy(self.machine.device_type)
        silence_frozen_groups()
        return super().setup(**kwargs)


class CSGaussianTrainer(Trainer):
    """See the module."""

    config: CSGaussianTrainerConfig
    pipeline: CSGaussianPipeline

    def setup(self, test_mode: Literal["test", "val", "inference"] = "val") -> None:
        """Build everything, and queue the closing summary behind all other callbacks."""
        super().setup(test_mode)
        self.callbacks.append(TrainingCallback([TrainingCallbackLocation.AFTER_TRAIN], self._summarise))
        self._began = time.monotonic()

    def setup_optimizers(self) -> Optimizers:
        """Optimisers of all groups; where the capture has masks, those of stages 2 and 3 are among them."""
        if self.pipeline.datamanager.has_labels:
            self.pipeline.model.add_semantics()
        every = self.config.logging.steps_per_log
        return JointOptimizers(self.config.optimizers.copy(), self.pipeline.get_param_groups(), every)

    def train(self) -> None:
        """Train to the end of the plan."""
        total = self._start_step + self.config.max_num_iterations
        self._began = time.monotonic()
        with TrainingProgress(total, self._start_step) as self._progress:
            try:
                super().train()
            except KeyboardInterrupt:
                self._progress.stop()
                self._stop_early()

    def _stop_early(self) -> None:
        """Save what there is after Ctrl-C, and say how to go on. The interrupted step counts as not done."""
        if self.step > self._start_step:
            self.step -= 1
            self.save_checkpoint(self.step)
        CONSOLE.print(
            f"[yellow]Stopped after step {self.step}. Go on with the same command and --load-dir {self.checkpoint_dir}"
            "[/yellow]"
        )

    def train_iteration(self, step: int) -> tuple[torch.Tensor, dict, dict]:  # type: ignore[override]
        """One step, reported."""
        loss, losses, metrics = super().train_iteration(step)
        scene = self.pipeline.model.scene
        figures = {name: value for name, value in (losses | metrics).items() if name in FIGURES}
        self._progress.update(step, scene.stage_name, len(scene.anchors), figures)
        return loss, losses, metrics

    def _after_train(self) -> None:
        self._progress.stop()
        super()._after_train()

    def _summarise(self, step: int) -> None:
        """Evaluate every held-out view and say in one line what was made."""
        seconds = time.monotonic() - self._began
        self.pipeline.eval()
        metrics = self.pipeline.quality()  # not all that can be measured: finding objects takes longer
        self.pipeline.train()
        views = len(self.pipeline.datamanager.eval_dataset or ())
        anchors = len(self.pipeline.model.scene.anchors)
        CONSOLE.print(
            f"[bold green]{self.config.method_name} · {self.config.experiment_name}[/bold green]: {anchors:,} anchors, "
            f"PSNR {metrics['psnr']:.2f} dB, SSIM {metrics['ssim']:.3f} over {views} held-out views, "
            f"{int(seconds // 60)}:{seconds % 60:02.0f} min, {self.config.get_base_dir() / 'config.yml'}"
        )

    def continue_from(self, checkpoint: Path) -> None:
        """Go on where a checkpoint stands, as with ``--load-checkpoint``; before training. Errors as there."""
        self.config.load_checkpoint = checkpoint
        self._load_checkpoint()

    def _load_checkpoint(self) -> None:
        """Read what ``--load-dir`` or ``--load-checkpoint`` names; the plan then ends where it would have ended.

        Raises:
            CheckpointError: Nothing to read there, or a file that is damaged.
        """
        path = self._checkpoint_to_load()
        if path is not None and not zipfile.is_zipfile(path):
            raise CheckpointError(
                f"the checkpoint {path} cannot be read: it is not a complete torch file. Name an earlier one with "
                "--load-checkpoint"
            )
        try:
            super()._load_checkpoint()
        except (RuntimeError, KeyError) as error:
            if path is None or isinstance(error, CheckpointError):
                raise
            if error.args[0] in SEMANTIC_GROUPS:
                raise CheckpointError(
                    f"the checkpoint {path} is of a run that learns meaning from masks, and this run has none: name "
                    "them with --pipeline.datamanager.masks, and give --pipeline.model.semantic-steps as it was"
                ) from error
            raise CheckpointError(
                f"the checkpoint {path} cannot be read ({error}). It may be damaged or of another method; name an "
                "earlier one with --load-checkpoint"
            ) from error
        if path is not None:
            self._catch_up()
        planned = self.config.max_num_iterations + self.pipeline.model.scene.semantic_total
        self.config.max_num_iterations = max(planned - self._start_step, 0)
        self.step = self._start_step - 1 if path is not None else 0  # what a run without steps saves itself under
        if path is not None and self.config.max_num_iterations == 0:
            CONSOLE.print(
                f"[yellow]The checkpoint is at step {self._start_step} of {planned}: nothing is left to train. "
                "Give a larger --max-num-iterations to go on.[/yellow]"
            )

    def _catch_up(self) -> None:
        """Bring the schedulers of stages 2 and 3, which a checkpoint of colour knows nothing of, to its step."""
        for name in SEMANTIC_GROUPS:
            scheduler = self.optimizers.schedulers.get(name)
            if scheduler is not None and scheduler.last_epoch != self._start_step:
                scheduler.last_epoch = self._start_step - 1
                scheduler.step()

    def _checkpoint_to_load(self) -> Path | None:
        config = self.config
        if config.load_checkpoint is not None and config.load_dir is None:
            if not config.load_checkpoint.is_file():
                raise CheckpointError(f"--load-checkpoint {config.load_checkpoint}: there is no such file")
            return config.load_checkpoint
        if config.load_dir is None:
            return None
        found = sorted(config.load_dir.glob("step-*.ckpt"))
        if not found:
            raise CheckpointError(
                f"--load-dir {config.load_dir} holds no step-*.ckpt; give the nerfstudio_models folder of a run"
            )
        if config.load_step is None:
            return found[-1]
        wanted = config.load_dir / f"step-{config.load_step:09d}.ckpt"
        if wanted not in found:
            raise CheckpointError(f"{wanted} does not exist; there are {', '.join(path.name for path in found)}")
        return wanted

    @check_main_thread
    def save_checkpoint(self, step: int) -> None:
        """Write a checkpoint so that at every moment a complete one is on disk.

        It is written beside the checkpoint folder, flushed, and only then moved in; older ones are removed last.

        Raises:
            CheckpointError: The last checkpoint of a run could not be written. An earlier failure, such as a full
                disk, is reported and training goes on: space may be free again at the next one.
        """
        final = self.checkpoint_dir / f"step-{step:09d}.ckpt"
        try:
            make_folder(self.checkpoint_dir)
            # Hidden beside the folder: nerfstudio takes every name in it for a step.
            with replacing(final, beside=self.base_dir / final.name) as file:
                torch.save(self.state(step), file)
        except (ConfigError, RuntimeError) as error:
            reason = _reason(error, self.base_dir)
            message = f"the checkpoint of step {step} could not be written to {final}: {reason}"
            if self.training_state == "completed":
                raise CheckpointError(f"{message}. The newest complete one is {self._newest() or 'none'}") from error
            CONSOLE.print(f"[bold red]{message}. Training goes on; the previous checkpoint is kept.[/bold red]")
            return
        if self.config.save_only_latest_checkpoint:
            for older in self.checkpoint_dir.glob("*.ckpt"):
                if older != final:
                    older.unlink()

    def state(self, step: int) -> dict[str, Any]:
        """What a checkpoint of ``step`` holds."""
        return {
            "step": step,
            "pipeline": self.pipeline.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.optimizers.items()},
            "schedulers": {name: scheduler.state_dict() for name, scheduler in self.optimizers.schedulers.items()},
            "scalers": self.grad_scaler.state_dict(),
        }

    def _newest(self) -> Path | None:
        return max(self.checkpoint_dir.glob("step-*.ckpt"), default=None)


def _reason(error: ConfigError | RuntimeError, folder: Path) -> str:
    """Why writing failed. torch replaces the system's error by one about positions, so the disk is asked as well."""
    system = next((link for link in (error.__cause__, error.__context__) if isinstance(link, OSError)), None)
    full = system is not None and system.errno == errno.ENOSPC
    with suppress(OSError):
        full = full or shutil.disk_usage(folder).free < SPARE_BYTES
    if full:
        return "no space is left on the device; free some"
    return str(error).splitlines()[0] if system is None else str(system.strerror)
