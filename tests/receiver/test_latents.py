"""Files of latents as every tool opens them, with the weights that they name."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import csgaussian_ns
from csgaussian_ns.core.edits import Crop
from csgaussian_ns.core.errors import CheckpointError, ConfigError, FormatError, LimitExceeded
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.found import SUFFIX, VARIABLE
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.kinds import info_of
from csgaussian_ns.format.latents.coding import decode_latents
from csgaussian_ns.format.latents.meta import latent_meta_of
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.tools import cli
from tests.feedforward.models import model, scene, weights, with_sections
from tests.feedforward.worlds import two_views
from tests.import_blocker import import_without


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the weights."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / f"{model().digest}{SUFFIX}").write_bytes(weights())
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def test_a_scene_of_photos_is_drawn(known: Path):
    loaded = csgaussian_ns.load(scene())
    assert repr(loaded).startswith("<LoadedScene of 1,536 Gaussians, ")
    assert len(loaded) == 2 * 32 * 24 and loaded.semantics is None
    [camera] = loaded.orbit(1, 48, 36).values()
    assert loaded.render(camera).shape == (36, 48, 3)


def test_torch_makes_the_same_gaussians(known: Path):
    """Within 1e-4 of the largest number of each kind; the sums run in another order."""
    coded = decode_latents(read_container(scene()), model().coder, DEFAULT_LIMITS)
    parameters = {name: torch.from_numpy(array) for name, array in model().parameters.items()}
    gains = model().likely.gains(parameters, coded.meta.level)
    latent = torch.from_numpy((coded.latents.values / 65536).astype(np.float32)) / gains
    views = Views.of_numbers(coded.cameras, coded.meta)
    expected = model().network.gaussians(parameters, latent, views)
    for name, ours, theirs in zip(expected._fields, model().gaussians(coded), expected, strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-4 * max(1, np.abs(ours).max()), name


def test_the_commands_open_it(known: Path, tmp_path: Path, capsys):
    file = tmp_path / "photos.csg"
    file.write_bytes(scene())
    assert cli.main(["info", str(file)]) == 0
    told = capsys.readouterr().out
    assert model().digest in told and "LATN" in told and "1,536" in told
    assert cli.main(["verify", str(file)]) == 0
    assert "whole, 1,536 Gaussians" in capsys.readouterr().out
    assert cli.main(["render", str(file), "-o", str(tmp_path / "out"), "--views", "1"]) == 0
    crop = with_edits(read_container(scene()), (Crop((-0.5, -5.0, -5.0), (5.0, 5.0, 5.0)),))
    before, after = csgaussian_ns.load(scene()), csgaussian_ns.load(crop)
    inside = (before.position >= (-0.5, -5, -5)).all(axis=1) & (before.position <= 5).all(axis=1)
    assert 0 < inside.sum() < len(before) and np.array_equal(after.hidden, ~inside)
    edited, plain = tmp_path / "edited.csg", tmp_path / "photos.ply"
    assert cli.main(["edit", str(file), "-o", str(edited), "--crop", "-0.5,-5,-5,5,5,5"]) == 0
    assert np.array_equal(csgaussian_ns.load(edited).hidden, ~inside)
    assert cli.main(["export", str(file), str(plain), "--steps", "0"]) == 0
    assert len(csgaussian_ns.load(plain)) > 0
    assert cli.main(["decode", str(file), "-o", str(tmp_path / "photos.npz")]) == 0
    assert cli.main(["merge", str(file), str(file), "-o", str(tmp_path / "two.csg")]) == 0
    assert len(csgaussian_ns.load(tmp_path / "two.csg")) == 2 * len(before)


def test_without_its_weights_nothing_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    file = tmp_path / "photos.csg"
    file.write_bytes(scene())
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(CheckpointError, match=f"decoded by the weights {model().digest}.*CSG_WEIGHTS"):
        csgaussian_ns.load(scene())
    assert cli.main(["info", str(file)]) == 0
    other = tmp_path / "other.csgw"
    other.write_bytes(weights(1))
    monkeypatch.setenv(VARIABLE, str(other))
    with pytest.raises(CheckpointError, match=f"{model().digest}, CSG_WEIGHTS names .* with {model(1).digest}"):
        csgaussian_ns.load(scene())
    other.write_bytes(b"no weights")
    with pytest.raises(FormatError, match="this is no such file"):
        csgaussian_ns.load(scene())
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(CheckpointError, match="cannot be read"):
        csgaussian_ns.load(scene())


def test_what_it_asks_for_is_bounded(known: Path):
    for name, bound in {"max_rows": 1000, "max_memory_bytes": 1 << 18, "max_network_operations": 1 << 20}.items():
        with pytest.raises(LimitExceeded, match=name):
            csgaussian_ns.load(scene(), DecodeLimits(**{name: bound}))
    with pytest.raises(ConfigError, match="read whole"):
        csgaussian_ns.load(scene(), chunks=[0])
    with pytest.raises(FormatError, match="the file promises 1535 Gaussians, its latents make 1536"):
        csgaussian_ns.load(with_sections(read_container(scene()), rows=1535))


def test_memory_stays_below_what_is_checked():
    data = scene(1, 256, 128)
    coded = decode_latents(read_container(data), model().coder, DEFAULT_LIMITS)
    tracemalloc.start()
    model().gaussians(coded)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    with pytest.raises(LimitExceeded):
        model().check(coded.meta, DecodeLimits(max_memory_bytes=peak))


def test_no_torch_is_needed(known: Path, tmp_path: Path):
    (tmp_path / "photos.csg").write_bytes(scene())
    then = f"import csgaussian_ns; print(csgaussian_ns.load({str(tmp_path / 'photos.csg')!r}).digest())"
    lines, loaded = import_without(["csgaussian_ns.feedforward.found"], ["torch", "scipy"], then=then)
    assert lines[-1] == csgaussian_ns.load(scene()).digest() and "torch" not in loaded


@pytest.mark.parametrize("near", [1e-37, 1.0])
@pytest.mark.parametrize("far", [1.5, 9e29])
def test_cameras_that_make_no_sense_make_no_trouble(known: Path, near: float, far: float):
    container = read_container(scene())
    numbers = two_views(64, 48).numbers
    numbers[0, 3:6], numbers[1, 6:8], numbers[1, 8] = 9e14, 1e-30, -9e14
    meta = packed_section("META", write_facts(replace(latent_meta_of(container), near=near, far=far)))
    data = with_sections(container, META=meta, VIEW=Section(info_of("VIEW"), numbers.tobytes()))
    loaded = csgaussian_ns.load(data)
    assert len(loaded) == 1536
    camera = Camera(np.eye(4, dtype=np.float32), 30.0, 30.0, 20.0, 15.0, 40, 30)
    assert np.isfinite(loaded.render(camera)).all()
