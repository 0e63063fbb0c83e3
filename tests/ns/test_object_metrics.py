"""``ns-eval`` says how well objects are found, and says the same as ``csg evaluate`` on the exported file."""

import json
from pathlib import Path

import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.ns.run import trained_scene
from csgaussian_ns.tools import cli


@pytest.fixture
def trained(lite_config, started):
    trainer = started(lite_config(250, "meaning", 200))
    trainer.train()
    trainer.pipeline.eval()
    return trainer


@pytest.mark.slow
def test_the_same_figures_as_for_the_file(trained, scene_folder: Path, tmp_path: Path, capsys):
    metrics = trained.pipeline.get_average_eval_image_metrics(get_std=True)
    assert {"psnr", "psnr_std", "miou_3d", "acc_3d_0.25", "acc_3d_0.5", "miou_2d"} <= metrics.keys()
    (tmp_path / "scene.csg").write_bytes(encode(trained_scene(trained.pipeline)).data)
    capsys.readouterr()
    assert cli.main(["evaluate", str(tmp_path / "scene.csg"), "--data", str(scene_folder), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["semantics"]["selection_3d"]["pairs"] > 5
    assert metrics["miou_3d"] == pytest.approx(report["semantics"]["selection_3d"]["miou"], abs=0.01)
    assert metrics["miou_2d"] == pytest.approx(report["semantics"]["rendered_2d"]["miou"], abs=0.01)
    assert metrics["miou_2d"] > 0.1, metrics
    assert metrics["psnr"] == pytest.approx(report["colour"]["psnr"], abs=0.3)


def test_colour_alone_has_no_object_figures(lite_config, started):
    trainer = started(lite_config(20, "colour"))
    trainer.train()
    metrics = trainer.pipeline.get_average_eval_image_metrics()
    assert "psnr" in metrics and "miou_3d" not in metrics
