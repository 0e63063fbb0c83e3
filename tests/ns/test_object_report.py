"""``ns-eval`` says how well objects are found, and says the same as ``csg evaluate`` on the exported file."""

import json
import shutil
from pathlib import Path

import pytest
from nerfstudio.scripts.eval import ComputePSNR

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.ns.run import load_run
from csgaussian_ns.tools import cli
from tests.ns.commands import TypedRun


@pytest.mark.slow
def test_ns_eval_says_what_csg_evaluate_says_of_the_file(
    typed_run: TypedRun, scene_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.chdir(typed_run.folder)
    config = Path(typed_run.config)
    pipeline = load_run(config)
    ComputePSNR(config, tmp_path / "eval.json").main()
    results = json.loads((tmp_path / "eval.json").read_text())["results"]
    (tmp_path / "scene.csg").write_bytes(encode(pipeline.trained_scene()).data)
    capsys.readouterr()
    assert cli.main(["evaluate", str(tmp_path / "scene.csg"), "--data", str(scene_folder), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    ours, theirs = results["semantics"], report["semantics"]
    assert ours.keys() == theirs.keys() and ours["views"] == theirs["views"] and ours["objects"] == theirs["objects"]
    assert ours["layout"] == theirs["layout"] and ours["objects_in_file"] == theirs["objects_in_file"] > 0
    for measure in ("selection_3d", "rendered_2d", "whole_3d"):
        for key in ("per_object", "per_view"):
            assert ours[measure][key] == pytest.approx(theirs[measure][key], abs=0.03), measure
        assert ours[measure]["miou"] == pytest.approx(theirs[measure]["miou"], abs=0.01)
        assert ours[measure]["pairs"] == theirs[measure]["pairs"] > 5
    means = {"miou_3d": "selection_3d", "miou_2d": "rendered_2d", "miou_whole_3d": "whole_3d"}
    assert all(results[name] == ours[measure]["miou"] for name, measure in means.items())
    assert results["acc_3d_0.25"] == ours["selection_3d"]["acc_0.25"] and "acc_3d_0.5" in results
    assert results["miou_2d"] > 0.1, results
    assert results["psnr"] == pytest.approx(report["colour"]["psnr"], abs=0.3)
    in_training = pipeline.get_average_eval_image_metrics(step=pipeline.model.scene.step)
    assert "miou_3d" in in_training and all(isinstance(value, float | int) for value in in_training.values())


def test_colour_alone_has_no_object_figures(lite_config, started):
    trainer = started(lite_config(5, "colour"))
    trainer.train()
    metrics = trainer.pipeline.get_average_eval_image_metrics()
    assert "psnr" in metrics and "miou_3d" not in metrics


def test_masks_that_cannot_be_read_cost_the_object_figures_alone(
    lite_config, started, scene_folder: Path, tmp_path: Path, capsys
):
    data, masks = tmp_path / "data", tmp_path / "masks"
    shutil.copytree(scene_folder, data)
    frames = json.loads((data / "transforms.json").read_text())["frames"]
    masks.mkdir()
    for frame in frames:
        shutil.copy(data / frame["instance_mask_path"], masks / f"{Path(frame['file_path']).stem}.png")
    config = lite_config(10, "lost", 5)
    config.pipeline.datamanager.data, config.pipeline.datamanager.masks = data, masks
    trainer = started(config)
    trainer.train()
    held_out = trainer.pipeline.datamanager.eval_dataset.image_filenames[0].stem
    [damaged] = [data / frame["instance_mask_path"] for frame in frames if Path(frame["file_path"]).stem == held_out]
    whole = damaged.read_bytes()

    def measured(pipeline) -> str:
        capsys.readouterr()
        metrics = pipeline.get_average_eval_image_metrics()
        assert metrics["psnr"] > 5 and "semantics" not in metrics and "miou_3d" not in metrics
        return " ".join(capsys.readouterr().out.split())

    damaged.write_bytes(whole[: len(whole) // 2])
    said = measured(trainer.pipeline)
    assert "Objects are not measured: the label map" in said and "cannot be read" in said
    damaged.write_bytes(whole)
    shutil.rmtree(masks)
    said = measured(load_run(config.get_base_dir() / "config.yml"))
    assert "Objects are not measured: objects cannot be told from background without the masks" in said
