"""The commands of the README, typed as a user would: train, evaluate, render; and what they say when they cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.ns.commands import Forked, TypedRun


def test_help_lists_both_methods(run: Forked, tmp_path: Path):
    words = " ".join(run("ns-train", "--help", cwd=tmp_path).stdout.split())
    assert "csgaussian " in words and "csgaussian-lite" in words
    assert "minutes on a CPU" in words


def test_training_needs_no_further_option_and_ends_by_itself(typed_run: TypedRun):
    printed = " ".join(typed_run.printed.split())
    assert "step 520/520 meaning, rounding" in printed and "ETA" in printed
    summary = printed.split("Training Finished")[1]
    assert "csgaussian-lite · scene" in summary and "held-out views" in summary and typed_run.config in summary


def test_eval_writes_what_training_said(run: Forked, typed_run: TypedRun, tmp_path: Path):
    options = ("--load-config", typed_run.config, "--output-path", str(tmp_path / "metrics.json"))
    done = run("ns-eval", *options, cwd=typed_run.folder)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "metrics.json").read_text())["results"]
    assert f"PSNR {results['psnr']:.2f} dB" in " ".join(typed_run.printed.split())
    assert 0 < results["ssim"] <= 1


def test_render_writes_every_held_out_view(run: Forked, typed_run: TypedRun):
    folder = typed_run.folder
    outputs = ("--rendered-output-names", "rgb", "depth", "gt-rgb", "--image-format", "png")
    done = run("ns-render", "dataset", "--load-config", typed_run.config, *outputs, cwd=folder)
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
        (
            ("--data", "nowhere", "--pipeline.model.camera-optimizer.mode", "off"),
            "the scene folder nowhere does not exist",
        ),
        (("--data", "nowhere", "--pipeline.model.camera-optimizer.mode", "SO3xR3"), "off"),
        (("--data", "nowhere", "--machine.num-devices", "2"), "csgaussian trains on one device"),
        (("--data", "nowhere", "--pipeline.model.backend", "vulkan"), "vulkan"),
    ],
)
def test_what_cannot_work_is_refused_in_the_last_lines(
    run: Forked, tmp_path: Path, options: tuple[str, ...], message: str
):
    done = run("ns-train", "csgaussian-lite", *options, cwd=tmp_path)
    assert done.returncode != 0
    assert message in " ".join((done.stdout + done.stderr)[-1500:].split())
