"""Latents at an eighth and a thirty-second of the photos: their grid follows from the weights."""

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.feedforward.batches import Batches, BatchOptions
from csgaussian_ns.feedforward.freeze import Sample, freeze
from csgaussian_ns.feedforward.loop import LoopOptions, Training
from csgaussian_ns.feedforward.many import read_scenes
from csgaussian_ns.feedforward.model import Model, read_model
from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.latents.coding import decode_latents
from csgaussian_ns.format.latents.weights import read_weights
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from tests.feedforward.captures import SIDE, write_folder
from tests.feedforward.models import weights
from tests.feedforward.worlds import SMALL, photos_of, small_network, two_views

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "train_codecsplat.py"


@pytest.fixture(scope="module", params=[8, 32])
def model(request: pytest.FixtureRequest) -> Model:
    views = two_views()
    return read_model(freeze(small_network(latent_cell=request.param), [Sample(photos_of(views, 5), views)]))


@pytest.mark.parametrize("size", [(64, 48), (16, 16), (80, 48)])
def test_scenes_come_back_where_places_reach_over_the_border(model: Model, size: tuple[int, int]):
    cell, views = model.settings.latent_cell, two_views(*size)
    photos = photos_of(views, 3) if min(size) > 16 else np.full((2, 3, 16, 16), 0.4, np.float32)
    encoded = model.encode(photos, views, 2)
    found = decode_latents(read_container(encoded.data), model.coder, DEFAULT_LIMITS)
    assert np.array_equal(found.latents.values, encoded.latents.values)
    assert found.latents.values.shape[2:] == (math.ceil(size[1] / cell), math.ceil(size[0] / cell))
    model.check(found.meta, DEFAULT_LIMITS)
    assert len(model.gaussians(found).means) == found.rows == 2 * size[0] * size[1] // 4


def test_numpy_and_torch_make_the_same_scene(model: Model):
    views = two_views(80, 48)
    latent = model.network.latent(model.parameters, photos_of(views), views)
    by_torch = {name: torch.from_numpy(array) for name, array in model.parameters.items()}
    for ours, theirs in zip(
        model.network.gaussians(model.parameters, latent, views),
        model.network.gaussians(by_torch, torch.from_numpy(latent), views),
        strict=True,
    ):
        assert np.abs(ours - theirs.numpy()).max() < 1e-4 * max(1, np.abs(ours).max())


def test_a_grid_of_other_weights_is_refused(model: Model):
    views = two_views()
    data = model.encode(photos_of(views, 3), views, 0).data
    with pytest.raises(FormatError, match="symbols, META and model need"):
        decode_latents(read_container(data), replace(model.coder, cell=16), DEFAULT_LIMITS)


def test_files_of_sixteen_do_not_say_so():
    assert "latent_cell" not in read_weights(weights()).settings and read_model(weights()).coder.cell == 16
    assert Settings.of_json({**SMALL.to_json(), "latent_cell": 16}) == SMALL
    assert Settings.of_json(replace(SMALL, latent_cell=8).to_json()).latent_cell == 8


def test_a_run_trains_and_learns_of_the_other_grid(tmp_path: Path):
    write_folder(tmp_path / "one")
    (tmp_path / "scenes.json").write_text('{"train": ["one"]}')
    sizes = replace(SMALL, latent_cell=32, refined=False)
    training = Training(
        sizes, LoopOptions(steps=4), Batches(read_scenes(tmp_path).train, BatchOptions(sizes=(SIDE,), levels=3))
    )
    before = training.network.values["synthesis/finer/weight"].detach().clone()
    assert math.isfinite(training.advance().loss)
    assert not torch.equal(training.network.values["synthesis/finer/weight"], before)
    assert read_model(training.weights()).settings == sizes


def test_the_script_trains_what_its_options_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_folder(tmp_path / "one")
    (tmp_path / "scenes.json").write_text('{"train": ["one"]}')
    spec = importlib.util.spec_from_file_location("train_codecsplat", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    found: list[Settings] = []

    def training(sizes: Settings, *_: object) -> None:
        found.append(sizes)
        raise InterruptedError

    monkeypatch.setattr(script, "Training", training)
    for options in ([], ["--latent-cell", "8", "--no-refined"]):
        monkeypatch.setattr(sys, "argv", ["train", "train", str(tmp_path), str(tmp_path / "run"), *options])
        with pytest.raises(InterruptedError):
            script.main()
    assert found == [Settings(), Settings(latent_cell=8, refined=False)]
