"""``ns-export csg-bitstream`` to a size, to a PSNR, by a step scale."""

import json
import re
import shutil
from pathlib import Path

import pytest

import csgaussian_ns
from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.ns.coarser import asked_for, coded
from csgaussian_ns.ns.export import ExportCsgBitstream
from csgaussian_ns.ns.pipeline import CSGaussianPipeline
from csgaussian_ns.ns.run import load_run
from csgaussian_ns.tools import cli
from tests.ns.commands import Forked, TypedRun


@pytest.fixture(scope="module")
def loaded(typed_run: TypedRun) -> tuple[CSGaussianPipeline, TrainedScene]:
    """The run, and what the codec gets of it without its objects."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(typed_run.folder)
        pipeline = load_run(Path(typed_run.config))
    return pipeline, pipeline.trained_scene(semantics=False)


def test_a_file_of_the_size_that_is_typed(run: Forked, typed_run: TypedRun, loaded, capsys: pytest.CaptureFixture[str]):
    """The table, the last line, the report and the file agree; the file says it, and still knows its objects."""
    target = round(0.7 * len(encode(loaded[1]).data) / 1000)
    options = ("--load-config", typed_run.config, "--output-dir", "sized", "--target-size", f"{target}kB")
    done = run("ns-export", "csg-bitstream", *options, cwd=typed_run.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    out = typed_run.folder / "sized"
    report, size = json.loads((out / "scene.json").read_text()), (out / "scene.csg").stat().st_size
    assert 980 * target <= size <= 1000 * target and report["bytes"] == size
    assert 3 <= len(report["tries"]) <= 8 and report["tries"][-1]["bytes"] == size
    lines = done.stdout.splitlines()
    head = next(n for n, line in enumerate(lines) if line.split()[:3] == ["encode", "step", "scale"])
    table = [line.split() for line in lines[head + 1 : head + 1 + len(report["tries"])]]
    assert [row[:3] for row in table] == [
        [str(n), f"{tried['step_scale']:g}", f"{tried['anchors']:,}"] for n, tried in enumerate(report["tries"], 1)
    ]
    last = " ".join(" ".join(lines[head:]).split())
    assert f"step scale {report['step_scale']:g} for --target-size {target}kB, verified" in last
    assert f"{report['before']['psnr']:.2f} -> {report['after']['psnr']:.2f} dB" in last
    scene = csgaussian_ns.load(out / "scene.csg")
    told = {"step_scale": report["step_scale"], "target_bytes": 1000 * target}
    assert scene.meta.extra["coarsened"] == told and len(scene.objects) == report["semantics"]["objects"] > 1
    capsys.readouterr()
    assert cli.main(["info", str(out / "scene.csg")]) == 0
    assert f"'coarsened': {{'step_scale': {report['step_scale']:.4g}, 'target_bytes': {1000 * target}}}" in (
        capsys.readouterr().out
    )


def test_a_quality_is_met_from_above(loaded):
    pipeline, trained = loaded
    wanted = pipeline.quality()["psnr"] - 1.5
    made = coded(pipeline, trained, asked_for(None, wanted, None, True), "rans", True)
    assert made.quality is not None
    found, tried = made.quality["psnr"], [one["psnr"] for one in made.report["tries"]]
    assert wanted <= found == min(psnr for psnr in tried if psnr >= wanted)
    # So small a scene has no file at all between some: the search may use all its encodes, and says so then.
    assert found <= wanted + 0.1 or (len(tried) == 8 and "the nearest of 8 encodes, and beyond it" in made.words)
    assert len(made.encoded.data) < len(encode(trained).data)
    assert all("psnr" in tried for tried in made.report["tries"])


def test_a_scale_that_is_given_is_what_the_search_would_make(loaded):
    pipeline, trained = loaded
    plain, scaled = (
        coded(pipeline, trained, asked_for(None, None, scale, True), "rans", True).encoded for scale in (1.0, 1.6)
    )
    assert plain.data == encode(trained).data and len(scaled.data) < 0.8 * len(plain.data)
    asked = asked_for(str(len(scaled.data)), None, None, False)
    assert asked is not None
    again = coded(pipeline, trained, asked, "rans", False)
    assert again.quality is None and 0.98 <= len(again.encoded.data) / len(scaled.data) <= 1
    assert again.report["step_scale"] == pytest.approx(1.6, abs=0.1)


def export_of(loaded, folder: Path, monkeypatch: pytest.MonkeyPatch, **options) -> None:
    pipeline, trained = loaded
    monkeypatch.setattr("csgaussian_ns.ns.run.load_run", lambda *_, **__: pipeline)
    monkeypatch.setattr(type(pipeline), "trained_scene", lambda *_: trained)
    ExportCsgBitstream(Path("config.yml"), folder, **options).main()


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("target_size", "900B", "the smallest file that this run makes has [0-9,]+ bytes, .* dB .--step-scale 4.[.]"),
        ("target_psnr", 60.0, "the best file that this run makes has [0-9,]+ bytes, .* dB .--step-scale 1.[.] That is"),
    ],
)
def test_what_no_file_keeps_is_refused_and_nothing_is_written(
    loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, value, told: str
):
    with pytest.raises(SystemExit) as ended:
        export_of(loaded, tmp_path, monkeypatch, **{option: value})
    message = str(ended.value)
    assert message.startswith(f"csg-bitstream: --{option.replace('_', '-')} {value}: ") and "\n" not in message
    assert re.search(told, message)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("target_size", "1GB", "step scale 1 for --target-size 1GB, the largest file that this run makes, verified"),
        ("target_psnr", 1.0, "step scale 4 for --target-psnr 1.0, the smallest file that this run makes, verified"),
    ],
)
def test_a_limit_that_all_files_keep_gives_the_nearest_and_says_so(
    loaded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    value,
    told,
):
    monkeypatch.setattr("csgaussian_ns.ns.export.verify_in_fresh_process", lambda _: None)
    export_of(loaded, tmp_path, monkeypatch, **{option: value})
    assert told in " ".join(capsys.readouterr().out.split())
    assert len(csgaussian_ns.load(tmp_path / "scene.csg")) > 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("1MB", 27.0, None, True), "--target-size 1MB and --target-psnr 27.0: .* give one of them"),
        (("1MB", None, 2.0, True), "--target-size 1MB and --step-scale 2.0: .* give one of them"),
        (("1 apple", None, None, True), "--target-size '1 apple': expected a size such as"),
        ((None, 27.0, None, False), "--target-psnr 27.0: it is measured on held-out photos"),
        ((None, float("nan"), None, True), "--target-psnr nan: expected decibels"),
        ((None, None, 0.5, True), "the step scale is 0.5; expected 1"),
        ((None, None, float("inf"), True), "the step scale is inf; expected 1"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_anything_is_loaded(tmp_path: Path, options: tuple, told: str):
    size, psnr, scale, evaluate = options
    export = ExportCsgBitstream(
        Path("missing.yml"), tmp_path / "out", target_size=size, target_psnr=psnr, step_scale=scale, evaluate=evaluate
    )
    with pytest.raises(ConfigError, match=told):
        export.export()
    assert not (tmp_path / "out").exists()
    assert asked_for(None, None, None, evaluate=True) is None


def test_a_quality_without_photos_is_one_clear_line(
    typed_run: TypedRun, scene_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(typed_run.folder, tmp_path / "run")
    shutil.copytree(scene_folder, tmp_path / "scene", ignore=shutil.ignore_patterns("*.png", "*.jpg"))
    config = tmp_path / "run" / typed_run.config
    named = "".join(rf"\n\1- {re.escape(part)}" for part in scene_folder.parts[1:])
    moved = "".join(rf"\n\1- {part}" for part in (*tmp_path.parts[1:], "scene"))
    text, found = re.subn(rf"\n( *)- /{named}", rf"\n\1- /{moved}", config.read_text())
    assert found == 1
    config.write_text(text)
    monkeypatch.chdir(tmp_path / "run")
    with pytest.raises(SystemExit) as ended:
        ExportCsgBitstream(Path(typed_run.config), tmp_path / "out", target_psnr=20.0).main()
    assert str(ended.value).startswith("csg-bitstream: ") and "\n" not in str(ended.value)
    assert "photo" in str(ended.value) or "image" in str(ended.value)
