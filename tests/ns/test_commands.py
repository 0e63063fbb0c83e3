"""The commands of the README, typed as a user would: train, evaluate, render; and what they say when they cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPTS = Path(sys.executable).parent


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "COLUMNS": "200"}
    return subprocess.run(
        [str(SCRIPTS / command[0]), *command[1:]],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )


@pytest.fixture(scope="module")
def trained(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder and printed lines of ``ns-train csgaussian-lite --data …``, shortened, no other option."""
    folder = tmp_path_factory.mktemp("commands")
    shorter = ("--max-num-iterations", "120", "--pipeline.model.semantic-steps", "60")
    done = run("ns-train", "csgaussian-lite", "--data", str(scene_folder), *shorter, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder, done.stdout


@pytest.fixture(scope="module")
def config_file(trained: tuple[Path, str]) -> str:
    (found,) = trained[0].glob("outputs/scene/csgaussian-lite/*/config.yml")
    return str(found.relative_to(trained[0]))


def test_help_lists_both_methods(tmp_path: Path):
    words = " ".join(run("ns-train", "--help", cwd=tmp_path).stdout.split())
    assert "csgaussian " in words and "csgaussian-lite" in words
    assert "minutes on a CPU" in words


def test_training_needs_no_further_option_and_ends_by_itself(trained: tuple[Path, str], config_file: str):
    printed = " ".join(trained[1].split())
    assert "step 180/180 meaning, rounding" in printed and "ETA" in printed
    summary = printed.split("Training Finished")[1]
    assert "csgaussian-lite · scene" in summary and "held-out views" in summary and config_file in summary


def test_eval_writes_what_training_said(trained: tuple[Path, str], config_file: str):
    folder, printed = trained
    done = run("ns-eval", "--load-config", config_file, "--output-path", "metrics.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    results = json.loads((folder / "metrics.json").read_text())["results"]
    assert f"PSNR {results['psnr']:.2f} dB" in " ".join(printed.split())
    assert 0 < results["ssim"] <= 1


def test_render_writes_every_held_out_view(trained: tuple[Path, str], config_file: str):
    folder, _ = trained
    outputs = ("--rendered-output-names", "rgb", "depth", "gt-rgb", "--image-format", "png")
    done = run("ns-render", "dataset", "--load-config", config_file, *outputs, cwd=folder)
    assert done.returncode == 0, done.stderr
    images = sorted(folder.glob("renders/test/rgb/*.png"))
    assert len(images) == 2  # every 8th of 16 views
    photo = np.asarray(Image.open(folder / "renders/test/gt-rgb" / images[0].name)).astype(float)
    rendered = np.asarray(Image.open(images[0])).astype(float)
    assert rendered.shape == photo.shape
    assert np.abs(rendered - photo).mean() < np.abs(rendered.mean() - photo).mean(), "no better than a grey image"
    assert len(list(folder.glob("renders/test/depth/*.png"))) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--data", "nowhere"), "the scene folder nowhere does not exist"),
        (("--data", "nowhere", "--machine.num-devices", "2"), "csgaussian trains on one device"),
        (("--data", "nowhere", "--pipeline.model.backend", "vulkan"), "vulkan"),
    ],
)
def test_what_cannot_work_is_refused_in_the_last_lines(tmp_path: Path, options: tuple[str, ...], message: str):
    done = run("ns-train", "csgaussian-lite", *options, cwd=tmp_path)
    assert done.returncode != 0
    assert message in " ".join((done.stdout + done.stderr)[-1500:].split())
