"""``ns-export csg-bitstream`` and the receiver's commands on the file it wrote."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.ns.evaluation import quality_of
from csgaussian_ns.ns.export import ExportCsgBitstream
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.ns.run import load_run, trained_scene
from csgaussian_ns.render.cpu import CpuRasterizer
from csgaussian_ns.semantic.query import rank
from tests.codec.scenes import random_scene
from tests.ns.test_commands import run
from tests.semantic.test_embeddings import MeanColour

RECEIVER = """
import sys
sys.modules.update(dict.fromkeys(("nerfstudio", "gsplat", "viser"), None))  # importing any of them now fails
from csgaussian_ns.tools.cli import main
sys.exit(main(sys.argv[1:]))
"""


def csg(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A ``csg`` command where nerfstudio, gsplat and viser cannot be imported."""
    return subprocess.run(
        [sys.executable, "-c", RECEIVER, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def exported(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folder of a run and of its export, both made by the real commands."""
    folder = tmp_path_factory.mktemp("export")
    options = ("--max-num-iterations", "200", "--vis", "tensorboard", "--timestamp", "run")
    options = (*options, "--pipeline.model.semantic-steps", "60")
    done = run("ns-train", "csgaussian-lite", "--data", str(scene_folder), *options, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    config = "outputs/scene/csgaussian-lite/run/config.yml"
    done = run("ns-export", "csg-bitstream", "--load-config", config, "--output-dir", "out", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "verified by decoding in a fresh process" in " ".join(done.stdout.split())
    return folder, folder / "out"


def test_help_lists_it_beside_nerfstudios_own(tmp_path: Path):
    words = run("ns-export", "--help", cwd=tmp_path).stdout
    for name in ("pointcloud", "tsdf", "poisson", "marching-cubes", "cameras", "gaussian-splat", "csg-bitstream"):
        assert name in words


def test_the_report_adds_up(exported: tuple[Path, Path]):
    report = json.loads((exported[1] / "scene.json").read_text())
    assert sum(report["bytes_by_section"].values()) == report["bytes"] == (exported[1] / "scene.csg").stat().st_size
    assert abs(report["before"]["psnr"] - report["after"]["psnr"]) < 0.2
    assert report["ideal_attribute_bytes"] * 1.01 + 64 > report["bytes_by_section"]["COLR"]
    assert not list(exported[1].glob(".*"))


def test_the_file_names_the_views_that_were_held_out(exported: tuple[Path, Path], scene_folder: Path):
    """And a receiver measures those: the figure is the exporter's own."""
    frames = sorted(
        frame["file_path"] for frame in json.loads((scene_folder / "transforms.json").read_text())["frames"]
    )
    assert csgaussian_ns.load(exported[1] / "scene.csg").meta.extra["held_out"] == frames[::8]
    done = csg("evaluate", "scene.csg", "--data", str(scene_folder), "--json", cwd=exported[1])
    assert done.returncode == 0 and done.stderr == "", done.stderr
    report, written = json.loads(done.stdout), json.loads((exported[1] / "scene.json").read_text())
    assert report["held_out_by"] == "the file" and len(report["colour"]["per_view"]) == 2
    assert report["colour"]["psnr"] == pytest.approx(written["after"]["psnr"], abs=0.01)


def test_the_file_holds_the_objects_of_the_masks(exported: tuple[Path, Path], scene_folder: Path):
    report = json.loads((exported[1] / "scene.json").read_text())["semantics"]
    known = json.loads((scene_folder / "instances.json").read_text())
    assert report["objects"] >= 2 and set(report["names"]) & set(known.values()) - {"background"}
    assert report["anchors_in_objects"] > 0 and 0 < report["share"] < 0.15
    info = json.loads(csg("info", "scene.csg", "--json", cwd=exported[1]).stdout)
    assert [thing["name"] for thing in info["semantics"]["objects"]] == report["names"]
    assert f"{report['objects']} objects" in csg("verify", "scene.csg", cwd=exported[1]).stdout


def test_semantics_can_be_left_out(exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder, out = exported
    monkeypatch.chdir(folder)
    config = Path("outputs/scene/csgaussian-lite/run/config.yml")
    ExportCsgBitstream(config, tmp_path, evaluate=False, semantics=False).main()
    with_, without = (csgaussian_ns.load(place / "scene.csg", semantics=False) for place in (out, tmp_path))
    assert with_.digest() == without.digest()
    assert json.loads((tmp_path / "scene.json").read_text())["semantics"] is None
    assert csgaussian_ns.load(tmp_path / "scene.csg").semantics is None


def test_objects_are_described_for_text(exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.chdir(exported[0])
    monkeypatch.setattr("csgaussian_ns.ns.export.load_openclip", lambda *_: MeanColour())
    config = Path("outputs/scene/csgaussian-lite/run/config.yml")
    ExportCsgBitstream(config, tmp_path, evaluate=False, text_weights=Path("mean.bin")).main()
    layer = csgaussian_ns.load(tmp_path / "scene.csg").semantics
    assert layer is not None and layer.text_encoder == MeanColour.name
    known = [entry for entry in layer.objects if entry.embedding is not None]
    assert known
    for entry in known:
        vector = torch.tensor(entry.embedding)
        assert float(vector.norm()) == pytest.approx(1, abs=0.01)
        best = rank(layer, vector, MeanColour.name)[0]
        assert best.similarity == pytest.approx(1, abs=1e-3)
    assert (tmp_path / "scene.csg").stat().st_size > (exported[1] / "scene.csg").stat().st_size
    assert csg("verify", "scene.csg", cwd=tmp_path).returncode == 0


def test_without_its_masks_a_run_is_not_exported(exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(exported[0])
    pipeline = load_run(Path("outputs/scene/csgaussian-lite/run/config.yml"))
    monkeypatch.setattr(type(pipeline.datamanager), "has_labels", False)
    with pytest.raises(ConfigError, match="masks that the run was trained with"):
        trained_scene(pipeline)
    assert trained_scene(pipeline, semantics=False).semantics is None


def test_the_receiver_needs_no_nerfstudio(exported: tuple[Path, Path], scene_folder: Path):
    out = exported[1]
    info = csg("info", "scene.csg", "--json", cwd=out)
    assert info.returncode == 0, info.stderr
    facts = json.loads(info.stdout)
    assert facts["bytes"] == (out / "scene.csg").stat().st_size and facts["meta"]["name"] == "scene"
    verified = csg("verify", "scene.csg", cwd=out)
    assert verified.returncode == 0 and "whole" in verified.stdout
    rendered = csg(
        "render", "scene.csg", "--camera", str(scene_folder / "transforms.json"), "--output", "views", cwd=out
    )
    assert rendered.returncode == 0, rendered.stderr
    frames = json.loads((scene_folder / "transforms.json").read_text())["frames"]
    errors = []
    for frame in frames:
        photo = np.asarray(Image.open(scene_folder / frame["file_path"]).convert("RGB")).astype(float)
        image = np.asarray(Image.open(out / "views" / f"{Path(frame['file_path']).stem}.png")).astype(float)
        errors.append(np.abs(photo - image).mean() / np.abs(photo - photo.mean()).mean())
    assert np.mean(errors) < 0.8, "the file's frame does not agree with the capture's cameras"
    orbit = csg("render", "scene.csg", "--output", "orbit", "--views", "4", "--width", "80", "--height", "60", cwd=out)
    assert orbit.returncode == 0, orbit.stderr
    for image in (out / "orbit").iterdir():
        assert np.asarray(Image.open(image)).mean() > 30, "an orbit view shows next to nothing"
    decoded = csg("decode", "scene.csg", "--output", "anchors.npz", cwd=out)
    assert decoded.returncode == 0, decoded.stderr
    assert (out / "anchors.npz").stat().st_size > 10_000


def test_a_damaged_file_is_one_clear_line(exported: tuple[Path, Path], tmp_path: Path):
    data = bytearray((exported[1] / "scene.csg").read_bytes())
    data[len(data) // 2] ^= 4
    (tmp_path / "bad.csg").write_bytes(data)
    done = csg("verify", "bad.csg", cwd=tmp_path)
    assert done.returncode == 2 and "damaged" in done.stderr and "Traceback" not in done.stderr


def test_nan_in_a_checkpoint_is_one_clear_line(exported: tuple[Path, Path], tmp_path: Path):
    shutil.copytree(exported[0], tmp_path / "run")
    (checkpoint,) = (tmp_path / "run").rglob("*.ckpt")
    state = torch.load(checkpoint, map_location="cpu")  # noqa: TID251  # our own file, just written
    (name,) = (name for name in state["pipeline"] if name.endswith("anchors.mask_logit"))
    state["pipeline"][name][7, 1] = float("nan")
    torch.save(state, checkpoint)
    config = "outputs/scene/csgaussian-lite/run/config.yml"
    done = run("ns-export", "csg-bitstream", "--load-config", config, "--output-dir", "new", cwd=tmp_path / "run")
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    assert "csg-bitstream: anchors.mask_logit holds 1 values that are NaN" in " ".join(done.stderr.split())
    assert not list((tmp_path / "run" / "new").iterdir())


def test_an_existing_file_survives_a_failed_export(exported: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch):
    folder, out = exported
    before = (out / "scene.csg").read_bytes()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(
        "csgaussian_ns.ns.export.verify_in_fresh_process", lambda path: (_ for _ in ()).throw(ConfigError("no"))
    )
    export = ExportCsgBitstream(Path("outputs/scene/csgaussian-lite/run/config.yml"), out, evaluate=False)
    with pytest.raises(ConfigError):
        export.export()
    assert (out / "scene.csg").read_bytes() == before
    assert not list(out.glob(".*"))


def test_a_run_without_rate_is_refused(lite_config, started):
    config = lite_config(5)
    config.pipeline.model.lambda_rate = 0.0
    trainer = started(config)
    trainer.train()
    with pytest.raises(ConfigError, match="not been trained for compression"):
        trained_scene(load_run(trainer.base_dir / "config.yml"))


def test_what_a_file_holds_is_drawn_on_the_cpu(lite_config, started, monkeypatch: pytest.MonkeyPatch):
    """Its anchors are decoded there, and the renderer of a run on a GPU takes none from the CPU."""
    trainer = started(lite_config(5))
    model = model_of(trainer.pipeline).eval()

    class OnlyCuda(CpuRasterizer):
        def __call__(self, *args, **kwargs):
            raise ConfigError("renders CUDA tensors only")

    monkeypatch.setattr(model, "rasterizer", OnlyCuda())
    with pytest.raises(ConfigError):
        quality_of(trainer.pipeline, None)
    assert 0 < quality_of(trainer.pipeline, decode(encode(random_scene(60)).data))["psnr"] < 40
