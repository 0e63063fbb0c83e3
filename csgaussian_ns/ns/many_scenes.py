"""``ns-train codecsplat``: a network that is trained on many scenes, and makes a scene of a few photos.

nerfstudio's trainer is of one scene, whose photos its datasets hold. The loop is ``feedforward.loop``; its command,
configuration, folders and resuming are nerfstudio's.
"""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.configs.base_config import InstantiateConfig
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.pipelines.base_pipeline import Pipeline
from nerfstudio.utils.rich_utils import CONSOLE
from rich.markup import escape

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.feedforward.batches import Batch, Batches, BatchOptions
from csgaussian_ns.feedforward.loop import LoopOptions, Training
from csgaussian_ns.feedforward.many import read_scenes
from csgaussian_ns.feedforward.model import read_model
from csgaussian_ns.feedforward.run import WEIGHTS, RunOptions, carry_out, newest
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.ns.compat import usable_device
from csgaussian_ns.ns.given import folder_given, folder_of

METHOD = "codecsplat"
HOW_TO_USE = (
    "a run of codecsplat is no scene but makes scenes of photos: ns-viewer shows those of its list; of another one, "
    "ns-export csg-bitstream --load-config ... --data SCENE, then csg view, csg render or csg evaluate"
)


@dataclass
class ManyScenesDataManagerConfig(InstantiateConfig):
    """Scenes, and what a step gets of one of them."""

    _target: type = field(default_factory=lambda: ManyScenesDataManager)
    data: Path | None = None
    """scenes.json, which lists folders for 'train' and 'held_out'; or chunks of RealEstate10K or DL3DV."""
    views_given: tuple[int, ...] = (2,)
    """Numbers of photos that the network is given, 2 to 12; each step takes one of them."""
    targets: int = 2
    """Photos of the scene that it has to foresee in each step."""
    sizes: tuple[int, ...] = (128,)
    """Sides of the square photos in pixels, multiples of 16; each step takes one of them."""
    varied: bool = True
    """Mirror scenes, and exchange their colours, by chance."""


class ManyScenesDataManager:
    """Photos given, and photos to be foreseen, of one of many scenes for each step.

    Attributes:
        train: Steps of scenes to train on.
        held_out: Those of others; ``None`` where there are none.
    """

    def __init__(self, config: ManyScenesDataManagerConfig, levels: int, seed: int) -> None:
        """Read which scenes there are.

        Raises:
            ConfigError, DataError: There is none, or options cannot work.
        """
        if config.data is None:
            raise ConfigError("--data: expected a scenes.json, or a folder of chunks of RealEstate10K or DL3DV")
        scenes = read_scenes(config.data)
        options = BatchOptions(config.views_given, config.targets, config.sizes, levels, config.varied, seed)
        self.train = Batches(scenes.train, options)
        calm = BatchOptions(config.views_given[:1], config.targets, config.sizes[:1], levels, False, 0)
        self.held_out = Batches(scenes.held_out, calm) if scenes.held_out else None

    def next_train(self, step: int) -> Batch:
        """What a step gets, always the same for one number."""
        return self.train.at(step)


@dataclass
class CodecSplatModelConfig:
    """The network, and how it is trained."""

    channels: int = 64
    """Of the feature at a quarter of the photos' resolution; even."""
    latent: int = 48
    """Channels that are coded."""
    latent_cell: int = 16
    """Pixels of a photo along one side of a place of what is coded: 8, 16 or 32."""
    planes: int = 32
    """Depths that are tried between near and far."""
    blocks: int = 2
    """Residual blocks of each part."""
    upsampling: int = 2
    """Gaussians along one side of a place of the feature: 1, 2 or 4."""
    levels: int = 6
    """Rates of one set of weights."""
    refined: bool = True
    """Refine features by what other views have at their depth, before coding and after."""
    learning_rate: float = 4e-4
    """At its highest; it falls to 0 in half a cosine."""
    warm_steps: int = 500
    """Steps in which it rises."""
    rate_weight: float = 0.05
    """Of a bit per pixel at level 0; at the highest of six it is a 64th of that."""
    half: bool = False
    """Compute convolutions in bfloat16: in two thirds of the time, where processors can."""

    def network(self) -> Settings:
        """Its sizes.

        Raises:
            ConfigError: There is no such network.
        """
        own = {part.name for part in fields(self)}
        return Settings(**{part.name: getattr(self, part.name) for part in fields(Settings) if part.name in own})


@dataclass
class ManyScenesPipelineConfig(InstantiateConfig):
    """Scenes and a network."""

    _target: type = field(default_factory=lambda: ScenesPipeline)
    datamanager: ManyScenesDataManagerConfig = field(default_factory=ManyScenesDataManagerConfig)
    model: CodecSplatModelConfig = field(default_factory=CodecSplatModelConfig)


class ScenesPipeline(Pipeline):
    """What commands of nerfstudio that look at one scene get of such a run: one of its list; see ``ns.scene_shown``."""

    def __init__(
        self, config: ManyScenesPipelineConfig, device: torch.device | str, test_mode: str = "val", **_: Any
    ) -> None:
        """Make the scene by the weights of the run.

        Raises:
            ConfigError: Something else is wanted than to view it.
            CheckpointError: The run has no weights yet.
            DataError: The scenes cannot be read.
        """
        if test_mode != "test" or config.datamanager.data is None:
            raise ConfigError(HOW_TO_USE)
        from csgaussian_ns.ns.scene_shown import ViewedScenes, of_run

        super().__init__()
        model, data = read_model(weights_of(folder_given()).read_bytes()), config.datamanager.data
        self._model = of_run(model, read_scenes(data), config.datamanager, device)  # type: ignore[assignment]
        self.datamanager = ViewedScenes(data, self._model)  # type: ignore[assignment]

    def get_average_eval_image_metrics(self, *_: Any, **__: Any) -> Any:
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(HOW_TO_USE)


def weights_of(run: Path) -> Path:
    """The file of weights of a run.

    Raises:
        CheckpointError: It has none yet.
    """
    found = run / WEIGHTS
    if not found.is_file():
        raise CheckpointError(f"{found} does not exist; the run writes it with its first checkpoint: train longer")
    return found


@dataclass
class CodecSplatTrainerConfig(TrainerConfig):
    """A run over many scenes. ``max_num_iterations`` is its length, also where it is resumed."""

    _target: type = field(default_factory=lambda: CodecSplatTrainer)
    pipeline: ManyScenesPipelineConfig = field(default_factory=ManyScenesPipelineConfig)  # type: ignore[assignment]
    measured_scenes: int = 8
    """Steps of held-out scenes that are measured every steps_per_eval_all_images steps."""

    def get_base_dir(self) -> Path:
        """Folder of the run: that which a command was given, else as the configuration names it."""
        return folder_of(self) or super().get_base_dir()

    def save_config(self) -> None:
        """Write ``config.yml``; options are checked before.

        Raises:
            ConfigError: One cannot work.
        """
        if self.machine.num_devices * self.machine.num_machines != 1:
            raise ConfigError(f"--machine.num-devices {self.machine.num_devices}: {METHOD} trains on one device")
        self.pipeline.model.network()
        self.loop().check()
        super().save_config()

    def loop(self) -> LoopOptions:
        """How it is trained."""
        model = self.pipeline.model
        return LoopOptions(
            steps=self.max_num_iterations,
            rate=model.learning_rate,
            warm_steps=model.warm_steps,
            rate_weight=model.rate_weight,
            seed=self.machine.seed,
            half=model.half,
        )


class CodecSplatTrainer:
    """Trains; see the module."""

    def __init__(self, config: CodecSplatTrainerConfig, local_rank: int = 0, world_size: int = 1) -> None:
        """Nothing is read yet."""
        self.config = config

    def setup(self, test_mode: Literal["test", "val", "inference"] = "val") -> None:
        """Find the scenes, build the network, go on where a run was left.

        Raises:
            CsgError: Something cannot work.
        """
        config, network = self.config, self.config.pipeline.model.network()
        self.datamanager = ManyScenesDataManager(config.pipeline.datamanager, network.levels, config.machine.seed)
        device = usable_device(config.machine.device_type)
        self.training = Training(network, config.loop(), self.datamanager.train, device)
        checkpoint = self._checkpoint()
        if checkpoint is not None:
            self.training.resume(checkpoint)
            CONSOLE.print(f"Resumed from {escape(str(checkpoint))} at step {self.training.step}")
        held_out = self.datamanager.held_out
        CONSOLE.print(
            f"{len(self.datamanager.train)} scenes to train on, {len(held_out) if held_out else 0} held out; "
            f"{sum(part.numel() for part in self.training.network.parameters()):,} parameters on {device}, torch "
            f"{torch.__version__}"
        )

    def train(self) -> None:
        """To the end; a checkpoint and a file of weights now and then, and at the end."""
        config = self.config
        options = RunOptions(
            folder=config.get_base_dir(),
            save_every=config.steps_per_save,
            measure_every=config.steps_per_eval_all_images,
            measured=config.measured_scenes,
            curves=config.is_tensorboard_enabled(),
            checkpoints=str(config.relative_model_dir),
        )
        carry_out(self.training, self.datamanager.held_out, options, lambda line: CONSOLE.print(escape(line)))

    def _checkpoint(self) -> Path | None:
        if self.config.load_checkpoint is not None:
            return self.config.load_checkpoint
        folder = self.config.load_dir
        if folder is None:
            return None
        found = newest(folder)
        if found is None:
            raise CheckpointError(f"--load-dir {folder} holds no step-*.ckpt; give the nerfstudio_models of a run")
        return found
