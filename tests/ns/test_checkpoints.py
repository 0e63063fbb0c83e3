"""Checkpoints are complete or absent, whatever happens while they are written."""

import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nerfstudio.engine.trainer import Trainer

from csgaussian_ns.core.errors import CheckpointError
from csgaussian_ns.ns.config import csgaussian_hemgs_lite
from csgaussian_ns.ns.optimizers import JointOptimizers
from csgaussian_ns.ns.trainer import CSGaussianTrainer
from tests.full_disk import full_disk
from tests.ns.commands import SCRIPTS, SECONDS, Forked


def readable(path: Path) -> int:
    """Step of a checkpoint, read the way nerfstudio does."""
    return torch.load(path, map_location="cpu")["step"]  # noqa: TID251  # our own file, just written


def test_a_full_disk_keeps_the_previous_checkpoint(lite_config, started, capsys):
    trainer = started(lite_config(10))
    trainer.save_checkpoint(3)
    with full_disk(after=20_000):
        trainer.save_checkpoint(6)
        trainer.training_state = "completed"
        with pytest.raises(CheckpointError, match=r"step 7 could not be written.*step-000000003.ckpt"):
            trainer.save_checkpoint(7)
    assert "the previous checkpoint is kept" in " ".join(capsys.readouterr().out.split())
    assert [path.name for path in trainer.checkpoint_dir.iterdir()] == ["step-000000003.ckpt"]
    assert readable(trainer.checkpoint_dir / "step-000000003.ckpt") == 3
    assert not list(trainer.base_dir.glob(".*"))


def test_only_the_latest_is_kept(lite_config, started):
    trainer = started(lite_config(10))
    for step in (2, 5):
        trainer.save_checkpoint(step)
    assert [path.name for path in trainer.checkpoint_dir.iterdir()] == ["step-000000005.ckpt"]


def test_a_checkpoint_of_another_method_is_refused(lite_config, started):
    trainer = started(lite_config(10))
    trainer.save_checkpoint(3)
    config = lite_config(10)
    config.pipeline.model.scene = replace(csgaussian_hemgs_lite.config.pipeline.model.scene)  # type: ignore[attr-defined]
    config.load_checkpoint = trainer.checkpoint_dir / "step-000000003.ckpt"
    with pytest.raises(CheckpointError, match=r"does not fit this configuration .*'progressive'.*see its config.yml"):
        started(config)


@pytest.mark.slow
def test_a_killed_run_resumes_from_its_last_checkpoint(run: Forked, scene_folder: Path, tmp_path: Path):
    def command(timestamp: str, *more: str) -> list[str]:
        return [
            *("ns-train", "csgaussian-lite", "--data", str(scene_folder)),
            *("--output-dir", str(tmp_path), "--experiment-name", "kill", "--timestamp", timestamp),
            *("--vis", "tensorboard", "--steps-per-save", "20", "--max-num-iterations", "100", *more),
            *("--pipeline.model.semantic-steps", "0", "--pipeline.model.voxel-size", "0.06"),
        ]

    name, *arguments = command("first")
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    with subprocess.Popen([str(SCRIPTS / name), *arguments], env=environment, stdout=subprocess.DEVNULL) as process:
        folder = tmp_path / "kill" / "csgaussian-lite" / "first" / "nerfstudio_models"
        deadline = time.monotonic() + SECONDS
        try:
            while not list(folder.glob("step-*.ckpt")):
                assert process.poll() is None and time.monotonic() < deadline, "no checkpoint appeared"
                time.sleep(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
    (saved,) = folder.glob("step-*.ckpt")
    step = readable(saved)
    assert step < 99

    resumed = run(*command("second", "--load-dir", str(folder)), cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert "step 100/100" in resumed.stdout
    last = tmp_path / "kill" / "csgaussian-lite" / "second" / "nerfstudio_models" / "step-000000099.ckpt"
    assert readable(last) == 99


def test_a_checkpoint_of_separate_steps_is_continued_exactly(lite_config, started, monkeypatch):
    """Runs of before steps were taken together; growth edits states in between."""

    def trained(name: str, upto: int, load: Path | None = None) -> CSGaussianTrainer:
        config = lite_config(60, name)
        config.load_dir = load
        trainer = started(config)
        trainer.config.max_num_iterations = upto - trainer._start_step
        trainer.train()
        return trainer

    whole = trained("whole", 60)
    assert isinstance(whole.optimizers, JointOptimizers)
    with monkeypatch.context() as before:
        before.setattr(CSGaussianTrainer, "setup_optimizers", Trainer.setup_optimizers)
        first = trained("first", 30)
        assert not isinstance(first.optimizers, JointOptimizers)
    second = trained("second", 60, first.checkpoint_dir)
    assert second._start_step == 30
    expected, found = (run.pipeline.model.scene.state_dict() for run in (whole, second))
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
