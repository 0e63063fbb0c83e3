"""A run over many scenes as nerfstudio's commands make it: trained, resumed, and made to compress a capture."""

import copy
import json
from pathlib import Path

import pytest

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from tests.feedforward.captures import SIDE, write_folder

config = pytest.importorskip("csgaussian_ns.ns.config", reason="needs pip install -e '.[train]'")


def test_a_run_is_trained_resumed_and_exported(tmp_path: Path, capsys):
    from csgaussian_ns.ns.export import ExportCsgBitstream

    write_folder(tmp_path / "one")
    (tmp_path / "scenes.json").write_text('{"train": ["one"]}')
    run = copy.deepcopy(config.codecsplat.config)
    run.output_dir, run.experiment_name, run.timestamp = tmp_path, "many", "t"
    data, model = run.pipeline.datamanager, run.pipeline.model
    data.data, data.sizes, run.max_num_iterations, run.machine.device_type = tmp_path / "scenes.json", (SIDE,), 2, "cpu"
    model.channels, model.latent, model.planes, model.blocks, model.levels = 16, 8, 8, 1, 3
    run.save_config()
    for steps in (2, 3):
        run.max_num_iterations = steps
        trainer = run.setup(local_rank=0, world_size=1)
        trainer.setup()
        trainer.train()
        run.load_dir = run.get_checkpoint_dir()
    assert "at step 2" in capsys.readouterr().out
    assert [path.name for path in run.load_dir.iterdir()] == ["step-000000003.ckpt"]
    config_file, out = run.get_base_dir() / "config.yml", tmp_path / "out"
    ExportCsgBitstream(config_file, out, data=tmp_path / "one", level=1).main()
    report = json.loads((out / "scene.json").read_text())
    plain = (out / "scene.csg").read_bytes()
    assert report["level"] == 1 and report["bytes"] == len(plain)
    ExportCsgBitstream(config_file, out, data=tmp_path / "one", level=1, refine=3).main()
    report = json.loads((out / "scene.json").read_text())
    assert report["bytes"] == (out / "scene.csg").stat().st_size and (out / "scene.csg").read_bytes() != plain
    with pytest.raises(SystemExit, match="-1 steps of refining; expected at least 1"):
        ExportCsgBitstream(config_file, out, data=tmp_path / "one", refine=-1).main()
    with pytest.raises(SystemExit, match="--data: expected a capture"):
        ExportCsgBitstream(config_file, out).main()
    with pytest.raises(ConfigError, match="is no scene but makes scenes of photos"):
        run.pipeline.setup(device="cpu")
    run.load_dir = tmp_path
    with pytest.raises(CheckpointError, match="holds no step-"):
        run.setup(local_rank=0, world_size=1).setup()
