"""``csg batch`` on a small scene with the real commands: training, export, evaluation."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("nerfstudio", reason="needs pip install -e '.[train]'")
SHORT = {"max-num-iterations": 60, "semantic-steps": 0, "voxel-size": 0.08, "steps-per-eval-image": 0}


@pytest.mark.slow
def test_a_scene_from_photos_to_figures(scene_folder: Path, tmp_path: Path):
    row = {"data": str(scene_folder), "name": "room", "options": {**SHORT, "steps-per-eval-all-images": 0}}
    (tmp_path / "scenes.jsonl").write_text(json.dumps(row) + "\n")
    command = [sys.executable, "-m", "csgaussian_ns.tools.cli", "batch", "scenes.jsonl", "-o", "out", "--jobs", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out: 1 of 1 done, mean PSNR ")
    result = json.loads((tmp_path / "out/results.jsonl").read_text())
    folder = tmp_path / "out/room"
    assert result["bytes"] == (folder / "scene.csg").stat().st_size == sum(result["sections"].values())
    assert result["options"]["pipeline.model.voxel-size"] == 0.08 and result["anchors"] > 0
    evaluation = json.loads((folder / "evaluation.json").read_text())
    assert evaluation["colour"]["psnr"] == result["psnr"] > 8 and set(result["seconds"]) == {
        "train",
        "export",
        "evaluate",
    }
    assert not (folder / "run").exists() and "ns-train" in (folder / "task.log").read_text()
