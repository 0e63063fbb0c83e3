"""``ns-viewer`` of a run over many scenes: the command as it is, up to where it waits for a browser."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from nerfstudio.scripts.viewer import run_viewer
from nerfstudio.viewer.utils import parse_object
from nerfstudio.viewer.viewer import Viewer
from nerfstudio.viewer.viewer_elements import ViewerElement

from csgaussian_ns.core.errors import CheckpointError, ConfigError
from csgaussian_ns.feedforward.evaluation import decoded
from csgaussian_ns.feedforward.model import read_model
from csgaussian_ns.ns import config
from csgaussian_ns.ns.given import given_run, looking
from csgaussian_ns.ns.many_scenes import CodecSplatTrainerConfig
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.ns.scene_shown import SceneShown
from csgaussian_ns.render.draw import draw
from tests.feedforward.captures import SIDE, write_folder
from tests.ns.test_viewer_controls import press

PORT = 7345


class Waiting(Exception):
    """The viewer is up, and waits."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> CodecSplatTrainerConfig:
    """A run of one step, and its list of three scenes; the photos of one show nothing of each other."""
    place = tmp_path_factory.mktemp("shown")
    for name, count, turn in (("one", 3, 0.02), ("two", 4, 0.02), ("apart", 3, 1.5)):
        write_folder(place / name, count, turn=turn)
    (place / "scenes.json").write_text(json.dumps({"train": ["one"], "held_out": ["two", "apart"]}))
    run = copy.deepcopy(config.codecsplat.config)
    assert isinstance(run, CodecSplatTrainerConfig)
    run.output_dir, run.experiment_name, run.timestamp = place, "many", "t"
    data, model = run.pipeline.datamanager, run.pipeline.model
    data.data, data.sizes, run.max_num_iterations, run.machine.device_type = place / "scenes.json", (SIDE,), 1, "cpu"
    model.channels, model.latent, model.planes, model.blocks, model.levels = 16, 8, 8, 1, 3
    run.steps_per_eval_all_images, run.vis = 0, "wandb"
    run.save_config()
    trainer = run.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.train()
    return run


@pytest.fixture(scope="module")
def viewer(run: CodecSplatTrainerConfig) -> Iterator[Viewer]:
    started: list[Viewer] = []

    def remember(*args, **kwargs) -> Viewer:
        started.append(Viewer(*args, **kwargs))
        return started[-1]

    def wait(_: float) -> None:
        raise Waiting

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_viewer, "ViewerState", remember)
        patch.setattr(run_viewer, "time", SimpleNamespace(sleep=wait))
        command = run_viewer.RunViewer(load_config=run.get_base_dir() / "config.yml")
        command.viewer.websocket_port = PORT
        with pytest.raises(Waiting):
            looking(command).main()
    yield started[0]
    started[0].viser_server.stop()


def shown_by(viewer: Viewer) -> SceneShown:
    scene = viewer.pipeline.model
    assert isinstance(scene, SceneShown)
    return scene


def test_it_shows_what_a_file_of_the_first_scene_held_out_shows(viewer: Viewer, run: CodecSplatTrainerConfig):
    scene = shown_by(viewer)
    names = [element.name for _, element in parse_object(viewer.pipeline, ViewerElement, "model")]
    assert names == ["", "Scene", "Photos", "Level"]
    assert scene.row_b.options == ["two, held out", "apart, held out", "one, trained on"]
    assert len(viewer.camera_handles) == 2 and "2 photos of 32 x 32, 512 Gaussians" in scene.row_a.content
    model = read_model((run.get_base_dir() / "weights.csgw").read_bytes())
    assert scene._known is not None
    _, seen = scene._known
    data = model.encode(seen.colours, seen.views, 2).data
    assert f"**{len(data):,} bytes** at level 2" in scene.row_a.content
    camera = scene.photos.cameras[0:1]
    pinhole = to_camera(camera)
    pinhole = replace(pinhole, world_to_camera=np.asarray(pinhole.world_to_camera))
    expected = draw(decoded(data, model), pinhole, np.zeros(3, np.float32)).image
    outputs = scene.get_outputs_for_camera(camera)
    assert np.abs(outputs["rgb"].numpy() - expected).max() < 2e-3 and expected.std() > 0.01
    assert outputs["depth"].shape == outputs["accumulation"].shape == (SIDE, SIDE, 1)


def test_the_panel_chooses_scene_photos_and_level(viewer: Viewer):
    scene = shown_by(viewer)
    press(scene.row_d, 0)
    assert "at level 0" in scene.row_a.content
    press(scene.row_c, 3)
    assert "3 photos" in scene.row_a.content and len(viewer.camera_handles) == 3
    press(scene.row_b, "apart, held out")
    assert "**Not possible:** view " in scene.row_a.content and len(viewer.camera_handles) == 3
    press(scene.row_b, "one, trained on")
    assert "3 photos" in scene.row_a.content
    press(scene.row_b, "two, held out")
    press(scene.row_c, 2)


def test_what_is_no_viewer_is_told_what_to_do(run: CodecSplatTrainerConfig, viewer: Viewer, tmp_path: Path):
    with pytest.raises(ConfigError, match="ns-viewer shows those of its list"):
        viewer.pipeline.get_average_eval_image_metrics()
    with pytest.raises(ConfigError, match="ns-viewer shows those of its list"):
        run.pipeline.setup(device="cpu", test_mode="inference")
    with pytest.raises(ConfigError, match="no folder of a run is known"):
        run.pipeline.setup(device="cpu", test_mode="test")
    with given_run(tmp_path / "config.yml"), pytest.raises(CheckpointError, match=r"weights\.csgw does not exist"):
        run.pipeline.setup(device="cpu", test_mode="test")
