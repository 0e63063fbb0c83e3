"""``csgaussian-hemgs-lite``: one short run, files of two rates, each as the run previewed it."""

import dataclasses
import json
from dataclasses import replace

import pytest

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.format.container import read_container
from csgaussian_ns.ns.config import HEMGS_WEIGHTS, csgaussian_hemgs, csgaussian_hemgs_lite
from csgaussian_ns.ns.export import ExportCsgBitstream


def test_both_methods_are_those_of_the_paper():
    for method, plain in ((csgaussian_hemgs, "csgaussian"), (csgaussian_hemgs_lite, "csgaussian-lite")):
        scene = method.config.pipeline.model.scene  # type: ignore[attr-defined]
        assert (scene.hyperprior, scene.rate_weights) == ("progressive", HEMGS_WEIGHTS) and len(HEMGS_WEIGHTS) == 4
        assert method.config.method_name == plain.replace("csgaussian", "csgaussian-hemgs")


def test_one_run_gives_files_of_two_rates(lite_config, started, tmp_path):
    config = lite_config(200)
    config.method_name = csgaussian_hemgs_lite.config.method_name
    config.pipeline.model.scene = dataclasses.replace(csgaussian_hemgs_lite.config.pipeline.model.scene)  # type: ignore[attr-defined]
    trainer = started(config)
    trainer.train()
    scene, sizes, at_ends = trainer.pipeline.model.eval().scene, {}, {}
    for weight in (0.002, 0.016):
        scene.rates.choose(weight)
        rounded = trainer.pipeline.quality()["psnr"]
        encoded = encode(trainer.pipeline.trained_scene())
        decoded = decode(encoded.data)
        assert decoded.meta.extra["rate_weight"] == weight
        assert read_container(encoded.data).of_kind("NETE")[0].info.codec // 2 == 2
        assert trainer.pipeline.quality(decoded)["psnr"] == pytest.approx(rounded, abs=0.1) and rounded > 12
        sizes[weight], at_ends[weight] = encoded.attribute_bytes, encoded.data
    export = ExportCsgBitstream(trainer.base_dir / "config.yml", tmp_path / "out", evaluate=False, lambda_rate=0.016)
    export.export()
    assert (tmp_path / "out" / "scene.csg").read_bytes() == encoded.data
    assert sizes[0.016] < sizes[0.002]
    target = (len(encoded.data) + len(at_ends[0.002])) // 2
    sized = ExportCsgBitstream(trainer.base_dir / "config.yml", tmp_path / "sized", target_size=f"{target}B")
    sized.export()
    report = json.loads((tmp_path / "sized" / "scene.json").read_text())
    assert 0.98 * target <= report["bytes"] <= target and 0.002 < report["rate_weight"] < 0.016
    assert [tried["rate_weight"] for tried in report["tries"]][:2] == [0.002, 0.016]
    found = csgaussian_ns.load(tmp_path / "sized" / "scene.csg")
    assert (found.meta.extra["rate_weight"], found.meta.extra["target_bytes"]) == (report["rate_weight"], target)
    told = r"smallest file that this run makes has .* .--lambda-rate 0.016.[.] With --lambda-rate given"
    with pytest.raises(ConfigError, match=told):
        replace(sized, target_size=f"{len(encoded.data) // 2}B").export()
    coarser = replace(sized, target_size=f"{len(encoded.data) * 3 // 4}B", lambda_rate=0.016)
    coarser.export()
    report = json.loads((tmp_path / "sized" / "scene.json").read_text())
    assert report["step_scale"] > 1 and report["bytes"] <= len(encoded.data) * 3 // 4
    with pytest.raises(ConfigError, match=r"lambda 0.02 lies outside of 0.002..0.016"):
        scene.rates.choose(0.02)
