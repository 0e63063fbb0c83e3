"""A small scene to train on, and runs of it inside this process."""

import copy
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from tests.made_once import made_once
from tests.ns.commands import Forked, TypedRun
from tests.sampled_types import types_sampled

external_methods = pytest.importorskip(
    "nerfstudio.configs.external_methods", reason="the plugin's tests need nerfstudio: pip install -e '.[train]'"
)
# While it is imported nerfstudio looks 26 times at the whole stack of calls, source included, lest it offers to install
# something: 13 s under pytest. No test lets it offer.
external_methods.ExternalMethodDummyTrainerConfig.__post_init__ = lambda _: None
IMPORTS = """
from nerfstudio.configs.external_methods import ExternalMethodDummyTrainerConfig as Absent
asks, Absent.__post_init__ = Absent.__post_init__, lambda _: None
import nerfstudio.utils.eval_utils
Absent.__post_init__ = asks
"""
"""What every command of nerfstudio imports, and with it us; imported as above."""

if TYPE_CHECKING:
    from csgaussian_ns.ns.trainer import CSGaussianTrainer, CSGaussianTrainerConfig


@pytest.fixture(scope="session")
def run() -> Iterator[Forked]:
    """A function that runs a command of nerfstudio in a process of its own."""
    forked = Forked(IMPORTS)
    yield forked
    forked.close()


@pytest.fixture(scope="session")
def typed_run(run: Forked, scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> TypedRun:
    """``ns-train csgaussian-lite --data …``, shortened, no other option; the run knows objects."""

    def train(folder: Path) -> None:
        shorter = ("--max-num-iterations", "320", "--pipeline.model.semantic-steps", "200")
        coarse = ("--pipeline.model.voxel-size", "0.06")  # steps are cheaper with fewer anchors
        done = run("ns-train", "csgaussian-lite", "--data", str(scene_folder), *shorter, *coarse, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        (folder / "printed").write_text(done.stdout)

    folder = made_once(tmp_path_factory, "typed", train)
    (found,) = folder.glob("outputs/scene/csgaussian-lite/*/config.yml")
    return TypedRun(folder, (folder / "printed").read_text(), str(found.relative_to(folder)))


@pytest.fixture(scope="session")
def lite_config_in(scene_folder: Path) -> "Callable[..., CSGaussianTrainerConfig]":
    """A function that makes the config of a short ``csgaussian-lite`` run with outputs in a folder.

    Without ``semantic_steps`` it trains colour alone, although the scene has masks.
    """
    from csgaussian_ns.ns.config import csgaussian_lite
    from csgaussian_ns.ns.model import CSGaussianModelConfig
    from csgaussian_ns.ns.trainer import CSGaussianTrainerConfig

    def make(folder: Path, steps: int, name: str = "run", semantic_steps: int = 0) -> "CSGaussianTrainerConfig":
        config = copy.deepcopy(csgaussian_lite.config)
        assert isinstance(config, CSGaussianTrainerConfig)
        config.pipeline.datamanager.data = scene_folder
        config.max_num_iterations = steps
        assert isinstance(config.pipeline.model, CSGaussianModelConfig)
        config.pipeline.model.semantic_steps = semantic_steps
        config.pipeline.model.voxel_size = 0.06  # 1800 anchors at the start: steps this cheap can be many
        config.output_dir, config.experiment_name, config.timestamp = folder, "test", name
        config.vis = "tensorboard"
        config.steps_per_eval_image = config.steps_per_eval_all_images = 0
        config.steps_per_save = 10**9
        config.machine.device_type = "cpu"
        return config

    return make


@pytest.fixture
def lite_config(
    lite_config_in: "Callable[..., CSGaussianTrainerConfig]", tmp_path: Path
) -> "Callable[..., CSGaussianTrainerConfig]":
    """``lite_config_in`` with outputs in ``tmp_path``."""
    return partial(lite_config_in, tmp_path)


@pytest.fixture(scope="session")
def started() -> "Callable[[CSGaussianTrainerConfig], CSGaussianTrainer]":
    """A function that builds a trainer and everything it needs, ready for ``train()``.

    Types and shapes are checked in some of its steps: in all of them a run takes a third longer.
    """

    def start(config: "CSGaussianTrainerConfig") -> "CSGaussianTrainer":
        config.save_config()
        torch.manual_seed(config.machine.seed)  # as ns-train does
        trainer = config.setup(local_rank=0, world_size=1)
        trainer.setup()
        step_once = trainer.train_iteration

        def step_sampled(step: int) -> "tuple[torch.Tensor, dict, dict]":
            with types_sampled(step):
                return step_once(step)

        trainer.train_iteration = step_sampled
        return trainer

    return start
