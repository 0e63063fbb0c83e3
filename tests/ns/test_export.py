"""``ns-export csg-bitstream`` and the receiver's commands on the file it wrote."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.ns.export import ExportCsgBitstream
from csgaussian_ns.ns.run import load_run
from csgaussian_ns.render.cpu import CpuRasterizer
from csgaussian_ns.semantic.query import rank
from tests.codec.scenes import random_scene
from tests.ns.commands import Forked, TypedRun
from tests.semantic.test_embeddings import MeanColour

WITHOUT_NERFSTUDIO = """
import sys
sys.modules.update(dict.fromkeys(("nerfstudio", "gsplat", "viser"), None))  # importing any of them now fails
import csgaussian_ns.codec.decode, csgaussian_ns.tools.cli
"""


@pytest.fixture(scope="module")
def receive() -> Iterator[Forked]:
    """A function that runs ``csg`` where nerfstudio, gsplat and viser cannot be imported."""
    forked = Forked(WITHOUT_NERFSTUDIO)
    yield forked
    forked.close()


@pytest.fixture(scope="module")
def exported(run: Forked, typed_run: TypedRun) -> Path:
    """Folder of the exported file and its report, written by the real command."""
    done = run(
        "ns-export", "csg-bitstream", "--load-config", typed_run.config, "--output-dir", "out", cwd=typed_run.folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified by decoding in a fresh process" in " ".join(done.stdout.split())
    return typed_run.folder / "out"


def test_help_lists_it_beside_nerfstudios_own(run: Forked, tmp_path: Path):
    words = run("ns-export", "--help", cwd=tmp_path).stdout
    for name in ("pointcloud", "tsdf", "poisson", "marching-cubes", "cameras", "gaussian-splat", "csg-bitstream"):
        assert name in words


def test_nerfstudios_exporters_on_a_run_of_ours(run: Forked, receive: Forked, lite_config, started, tmp_path: Path):
    """Gaussians as ``csg export`` makes them of the file, cameras, and one line where rays would be cast.

    Of a run whose folder is elsewhere: its config.yml names another one, which has no checkpoint any more.
    """
    trainer = started(lite_config(20))
    trainer.train()
    config = shutil.copytree(trainer.base_dir, tmp_path / "moved") / "config.yml"
    shutil.rmtree(trainer.checkpoint_dir)
    (tmp_path / "scene.csg").write_bytes(encode(load_run(config).trained_scene(semantics=False)).data)
    given = ("--load-config", str(config), "--output-dir", "plain")
    done = run("ns-export", "gaussian-splat", *given, "--steps", "4", "--views", "8", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "dB PSNR against the scene's own pictures" in done.stdout
    options = ("--steps", "4", "--views", "8", "--frame", "normalised")
    received = receive("csg", "export", "scene.csg", "scene.ply", *options, cwd=tmp_path)
    assert received.returncode == 0, received.stderr
    ours, file = (csgaussian_ns.load(path) for path in (tmp_path / "plain" / "splat.ply", tmp_path / "scene.ply"))
    assert len(ours) == pytest.approx(len(file), rel=0.04)  # rounding takes some over the threshold of opacity
    cameras = csgaussian_ns.load(tmp_path / "scene.csg").orbit(3, 160, 90).values()
    assert likeness(ours, file, cameras) > 35

    done = run("ns-export", "cameras", *given, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(json.loads((tmp_path / "plain" / "transforms_eval.json").read_text())) == 2

    refused = run("ns-export", "pointcloud", *given, cwd=tmp_path)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert refused.stderr.strip().splitlines()[-1].startswith("pointcloud: it casts rays")


def test_the_report_adds_up(exported: Path):
    report = json.loads((exported / "scene.json").read_text())
    assert sum(report["bytes_by_section"].values()) == report["bytes"] == (exported / "scene.csg").stat().st_size
    assert abs(report["before"]["psnr"] - report["after"]["psnr"]) < 0.2
    assert report["ideal_attribute_bytes"] * 1.01 + 64 > report["bytes_by_section"]["COLR"]
    assert not list(exported.glob(".*"))


def test_the_file_names_the_views_that_were_held_out(receive: Forked, exported: Path, scene_folder: Path):
    """And a receiver measures those: the figure is the exporter's own."""
    frames = sorted(
        frame["file_path"] for frame in json.loads((scene_folder / "transforms.json").read_text())["frames"]
    )
    assert csgaussian_ns.load(exported / "scene.csg").meta.extra["held_out"] == frames[::8]
    done = receive("csg", "evaluate", "scene.csg", "--data", str(scene_folder), "--json", cwd=exported)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    report, written = json.loads(done.stdout), json.loads((exported / "scene.json").read_text())
    assert report["held_out_by"] == "the file" and len(report["colour"]["per_view"]) == 2
    assert report["colour"]["psnr"] == pytest.approx(written["after"]["psnr"], abs=0.01)


def test_the_file_holds_the_objects_of_the_masks(receive: Forked, exported: Path, scene_folder: Path):
    report = json.loads((exported / "scene.json").read_text())["semantics"]
    known = json.loads((scene_folder / "instances.json").read_text())
    assert report["objects"] >= 2 and set(report["names"]) & set(known.values()) - {"background"}
    assert report["anchors_in_objects"] > 0 and 0 < report["share"] < 0.15
    info = json.loads(receive("csg", "info", "scene.csg", "--json", cwd=exported).stdout)
    assert [thing["name"] for thing in info["semantics"]["objects"]] == report["names"]
    assert f"{report['objects']} objects" in receive("csg", "verify", "scene.csg", cwd=exported).stdout


def test_semantics_can_be_left_out(
    typed_run: TypedRun, exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(typed_run.folder)
    ExportCsgBitstream(Path(typed_run.config), tmp_path, evaluate=False, semantics=False).main()
    with_, without = (csgaussian_ns.load(place / "scene.csg", semantics=False) for place in (exported, tmp_path))
    assert with_.digest() == without.digest()
    assert json.loads((tmp_path / "scene.json").read_text())["semantics"] is None
    assert csgaussian_ns.load(tmp_path / "scene.csg").semantics is None


def test_objects_are_described_for_text(
    receive: Forked, typed_run: TypedRun, exported: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.chdir(typed_run.folder)
    monkeypatch.setattr("csgaussian_ns.ns.export.load_openclip", lambda *_: MeanColour())
    ExportCsgBitstream(Path(typed_run.config), tmp_path, evaluate=False, text_weights=Path("mean.bin")).main()
    layer = csgaussian_ns.load(tmp_path / "scene.csg").semantics
    assert layer is not None and layer.text_encoder == MeanColour.name
    known = [entry for entry in layer.objects if entry.embedding is not None]
    assert known
    for entry in known:
        vector = torch.tensor(entry.embedding)
        assert float(vector.norm()) == pytest.approx(1, abs=0.01)
        best = rank(layer, vector, MeanColour.name)[0]
        assert best.similarity == pytest.approx(1, abs=1e-3)
    assert (tmp_path / "scene.csg").stat().st_size > (exported / "scene.csg").stat().st_size
    assert receive("csg", "verify", "scene.csg", cwd=tmp_path).returncode == 0


def test_without_its_masks_a_run_is_not_exported(typed_run: TypedRun, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(typed_run.folder)
    pipeline = load_run(Path(typed_run.config))
    monkeypatch.setattr(type(pipeline.datamanager), "has_labels", False)
    with pytest.raises(ConfigError, match="masks that the run was trained with"):
        pipeline.trained_scene()
    assert pipeline.trained_scene(semantics=False).semantics is None


def test_the_receiver_needs_no_nerfstudio(receive: Forked, exported: Path, scene_folder: Path):
    out = exported
    info = receive("csg", "info", "scene.csg", "--json", cwd=out)
    assert info.returncode == 0, info.stderr
    facts = json.loads(info.stdout)
    assert facts["bytes"] == (out / "scene.csg").stat().st_size and facts["meta"]["name"] == "scene"
    verified = receive("csg", "verify", "scene.csg", cwd=out)
    assert verified.returncode == 0 and "whole" in verified.stdout
    rendered = receive(
        "csg", "render", "scene.csg", "--camera", str(scene_folder / "transforms.json"), "--output", "views", cwd=out
    )
    assert rendered.returncode == 0, rendered.stderr
    frames = json.loads((scene_folder / "transforms.json").read_text())["frames"]
    errors = []
    for frame in frames:
        photo = np.asarray(Image.open(scene_folder / frame["file_path"]).convert("RGB")).astype(float)
        image = np.asarray(Image.open(out / "views" / f"{Path(frame['file_path']).stem}.png")).astype(float)
        errors.append(np.abs(photo - image).mean() / np.abs(photo - photo.mean()).mean())
    assert np.mean(errors) < 0.8, "the file's frame does not agree with the capture's cameras"
    orbit = receive(
        "csg", "render", "scene.csg", "--output", "orbit", "--views", "4", "--width", "80", "--height", "60", cwd=out
    )
    assert orbit.returncode == 0, orbit.stderr
    for image in (out / "orbit").iterdir():
        assert np.asarray(Image.open(image)).mean() > 30, "an orbit view shows next to nothing"
    decoded = receive("csg", "decode", "scene.csg", "--output", "anchors.npz", cwd=out)
    assert decoded.returncode == 0, decoded.stderr
    assert (out / "anchors.npz").stat().st_size > 10_000


def test_a_damaged_file_is_one_clear_line(receive: Forked, exported: Path, tmp_path: Path):
    data = bytearray((exported / "scene.csg").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.csg").write_bytes(data)
    done = receive("csg", "verify", "bad.csg", cwd=tmp_path)
    assert done.returncode == 2 and "damaged" in done.stderr and "Traceback" not in done.stderr


def test_nan_in_a_checkpoint_is_one_clear_line(run: Forked, typed_run: TypedRun, tmp_path: Path):
    shutil.copytree(typed_run.folder, tmp_path / "run")
    (checkpoint,) = (tmp_path / "run").rglob("*.ckpt")
    state = torch.load(checkpoint, map_location="cpu")  # noqa: TID251  # our own file, just written
    (name,) = (name for name in state["pipeline"] if name.endswith("anchors.mask_logit"))
    state["pipeline"][name][7, 1] = float("nan")
    torch.save(state, checkpoint)
    options = ("--load-config", typed_run.config, "--output-dir", "new")
    done = run("ns-export", "csg-bitstream", *options, cwd=tmp_path / "run")
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "csg-bitstream: anchors.mask_logit holds 1 values that are NaN" in " ".join(done.stderr.split())
    assert not list((tmp_path / "run" / "new").iterdir())


def test_an_existing_file_survives_a_failed_export(
    typed_run: TypedRun, exported: Path, monkeypatch: pytest.MonkeyPatch
):
    before = (exported / "scene.csg").read_bytes()
    monkeypatch.chdir(typed_run.folder)
    monkeypatch.setattr(
        "csgaussian_ns.ns.export.verify_in_fresh_process", lambda path: (_ for _ in ()).throw(ConfigError("no"))
    )
    export = ExportCsgBitstream(Path(typed_run.config), exported, evaluate=False)
    with pytest.raises(ConfigError):
        export.export()
    assert (exported / "scene.csg").read_bytes() == before
    assert not list(exported.glob(".*"))


def test_a_run_without_rate_is_refused(lite_config, started):
    config = lite_config(5)
    config.pipeline.model.lambda_rate = 0.0
    trainer = started(config)
    trainer.train()
    with pytest.raises(ConfigError, match="not been trained for compression"):
        load_run(trainer.base_dir / "config.yml").trained_scene()


def test_what_a_file_holds_is_drawn_on_the_cpu(lite_config, started, monkeypatch: pytest.MonkeyPatch):
    """Its anchors are decoded there, and the renderer of a run on a GPU takes none from the CPU."""
    trainer = started(lite_config(5))
    model = trainer.pipeline.model.eval()

    class OnlyCuda(CpuRasterizer):
        def __call__(self, *args, **kwargs):
            raise ConfigError("renders CUDA tensors only")

    monkeypatch.setattr(model, "rasterizer", OnlyCuda())
    with pytest.raises(ConfigError):
        trainer.pipeline.quality()
    assert 0 < trainer.pipeline.quality(decode(encode(random_scene(60)).data))["psnr"] < 40
