"""Training in nerfstudio: it learns, it resumes exactly, and what it wrote can be loaded."""

import math
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest
import torch

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.ns.run import load_run
from csgaussian_ns.ns.trainer import CSGaussianTrainer


def evaluated(trainer) -> float:
    return trainer.pipeline.get_average_eval_image_metrics()["psnr"]


STEPS = 250


@dataclass(frozen=True)
class WholeRun:
    """A run of ``STEPS`` steps from start to end: what it began with, said, and ended with."""

    trainer: CSGaussianTrainer
    psnr_before: float
    anchors_before: int
    printed: str
    state: dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def whole(lite_config_in, started, tmp_path_factory: pytest.TempPathFactory) -> WholeRun:
    trainer = started(lite_config_in(tmp_path_factory.mktemp("whole"), STEPS))
    psnr, anchors = evaluated(trainer), len(trainer.pipeline.model.scene.anchors)
    with redirect_stdout(StringIO()) as printed:
        trainer.train()
    state = {name: value.clone() for name, value in state_of(trainer).items()}
    return WholeRun(trainer, psnr, anchors, printed.getvalue(), state)


def test_a_short_run_learns_and_its_config_reproduces_it(whole: WholeRun):
    trainer, before = whole.trainer, whole.psnr_before
    after = evaluated(trainer)
    assert after > before + 3, f"{before:.2f} -> {after:.2f} dB"  # 3.9 on one machine, above 4 on others

    printed = " ".join(whole.printed.split())
    assert "step 250/250 rounding" in printed and "attributes 0." in printed
    assert f"PSNR {after:.2f} dB" in printed.split("Training Finished")[1]

    anchors = len(trainer.pipeline.model.scene.anchors)
    assert anchors != whole.anchors_before, "growth and pruning changed nothing"
    config_file = trainer.base_dir / "config.yml"
    pipeline = load_run(config_file)
    assert pipeline.model.scene.step == 249 and (trainer.checkpoint_dir / "step-000000249.ckpt").is_file()
    assert len(pipeline.model.scene.anchors) == anchors
    again = pipeline.get_average_eval_image_metrics() or {}
    assert again["psnr"] == pytest.approx(after, abs=1e-4)


def state_of(trainer) -> dict[str, torch.Tensor]:
    """Everything that training goes on from, flat."""
    state = dict(trainer.pipeline.state_dict())
    for group, optimizer in trainer.optimizers.optimizers.items():
        for number, moments in optimizer.state_dict()["state"].items():
            state |= {f"{group}.{number}.{key}": torch.as_tensor(value) for key, value in moments.items()}
        state[f"{group}.lr"] = torch.tensor(optimizer.param_groups[0]["lr"])
    return state


def test_a_resumed_run_continues_exactly(whole: WholeRun, lite_config, started):
    stop = 60  # growth runs from 25 to 90 and rate sets in at 100: the stop lies between edits
    first = started(lite_config(STEPS, "first"))
    first.config.max_num_iterations = stop  # the plan stays the plan of 250 steps
    first.train()
    second_config = lite_config(STEPS, "second")
    second_config.load_dir = first.checkpoint_dir
    second = started(second_config)
    assert second._start_step == stop
    second.train()

    assert second.step == whole.trainer.step == STEPS - 1
    expected, resumed = whole.state, state_of(second)
    assert expected.keys() == resumed.keys()
    different = [name for name in expected if not torch.equal(expected[name], resumed[name])]
    assert different == []
    edited = len(first.pipeline.state_dict()["_model.scene.anchors.grid"])
    assert len(expected["_model.scene.anchors.grid"]) != edited, "no edit after the stop: growth was not resumed"


def test_a_finished_run_says_that_nothing_is_left(lite_config, started, capsys):
    first = started(lite_config(20, "first"))
    first.train()
    config = lite_config(20, "again")
    config.load_dir = first.checkpoint_dir
    again = started(config)
    assert again.config.max_num_iterations == 0
    again.train()
    assert [path.name for path in again.checkpoint_dir.iterdir()] == ["step-000000019.ckpt"]
    assert "nothing is left to train" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_damaged_or_absent_checkpoint_is_named(lite_config, started, tmp_path: Path, content):
    folder = tmp_path / "nerfstudio_models"
    folder.mkdir()
    if content is not None:
        (folder / "step-000000010.ckpt").write_bytes(content)
    config = lite_config(20)
    config.load_dir = folder
    with pytest.raises(CheckpointError, match=r"step-000000010\.ckpt cannot be read|holds no step"):
        started(config)


def test_a_checkpoint_of_another_size_is_refused(lite_config, started):
    first = started(lite_config(5, "first"))
    first.train()
    config = lite_config(5, "second")
    config.pipeline.model.feature_dim = 8
    config.load_dir = first.checkpoint_dir
    with pytest.raises(CheckpointError, match="feature_dim=8"):
        started(config)


def test_no_point_cloud_starts_from_random_points(lite_config, started, capsys):
    config = lite_config(30)
    config.pipeline.datamanager.dataparser.load_3D_points = False
    config.pipeline.model.random_init_points = 3000
    trainer = started(config)
    assert "starting from 3000 random points" in " ".join(capsys.readouterr().out.split())
    trainer.train()
    assert math.isfinite(evaluated(trainer))


def test_cuda_without_a_gpu_falls_back_with_one_line(lite_config, monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    config = lite_config(5)
    config.machine.device_type = "cuda"
    trainer = config.setup(local_rank=0, world_size=1)
    assert trainer.device == "cpu"
    assert "No CUDA GPU" in capsys.readouterr().out


def test_a_limit_of_growth_below_the_first_anchors_is_refused(lite_config, started):
    config = lite_config(5)
    config.pipeline.model.scene.growth.max_anchors = 100
    with pytest.raises(ConfigError, match=r"max-anchors 100: training starts from \d+ anchors"):
        started(config)


def test_two_devices_are_refused_before_anything_is_written(lite_config):
    config = lite_config(5)
    config.machine.num_devices = 2
    with pytest.raises(ConfigError, match="trains on one device"):
        config.save_config()
    assert not config.get_base_dir().exists()


def test_the_plan_follows_the_number_of_iterations(lite_config):
    config = lite_config(600, semantic_steps=90)
    config.link()
    assert config.pipeline.model.plan_steps == 600
    colour = {name: group["scheduler"] for name, group in config.optimizers.items() if group["scheduler"]}
    meaning = [colour.pop(name) for name in ("semantic", "semantic_entropy")]
    assert colour and all(scheduler.max_steps == 600 for scheduler in colour.values())
    assert [(scheduler.start_step, scheduler.max_steps) for scheduler in meaning] == [(600, 690)] * 2
