"""Captures as people have them: training and receivers look at the same photos from the same places."""

import copy
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from nerfstudio.cameras.camera_paths import get_path_from_json
from nerfstudio.data.dataparsers.base_dataparser import DataParserConfig
from nerfstudio.data.dataparsers.blender_dataparser import BlenderDataParserConfig
from nerfstudio.data.dataparsers.colmap_dataparser import ColmapDataParserConfig

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.ns.config import csgaussian_lite
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.dataset import BEHIND
from csgaussian_ns.ns.given import looking
from csgaussian_ns.ns.pinhole import check_perspective
from csgaussian_ns.ns.quality import compared
from csgaussian_ns.tools.views import open_views
from tests.capture.captures import pose, write
from tests.capture.test_folder import colmap


def manager_of(data: Path, parser: DataParserConfig | None = None) -> CSGaussianDataManager:
    """Of a run that is measured, as ``ns-eval`` makes it."""
    config: Any = copy.deepcopy(csgaussian_lite.config.pipeline.datamanager)
    config.data = data
    config.dataparser = config.dataparser if parser is None else parser
    return config.setup(device="cpu", test_mode="test", world_size=1, local_rank=0)


FAULTS: dict[str, tuple[str, DataParserConfig | None, int]] = {
    "a phone's lens": ("fox", None, 7),
    "a fisheye": ("faults/14_fisheye/fisheye", None, 2),
    "COLMAP, names with spaces": ("faults/09_colmap_text/colmap", ColmapDataParserConfig(), 2),
    "Blender": ("faults/08_blender/blender", BlenderDataParserConfig(), 3),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_receiver_sees_what_training_saw(shared_data: Path, kind: str):
    name, parser, count = FAULTS[kind]
    manager = manager_of(shared_data / name, copy.deepcopy(parser))
    batches, trained = manager.cached_eval, manager.eval_dataset.cameras
    outputs, behind = manager.train_dataparser_outputs, manager.eval_dataset.metadata.get(BEHIND, torch.zeros(3))
    meta: Any = SimpleNamespace(
        transform=outputs.dataparser_transform[:3, :4].flatten().tolist(),
        scale=float(outputs.dataparser_scale),
        background=tuple(behind.tolist()),
        extra=manager.held_out_names(),
    )
    views = open_views(shared_data / name, meta, "eval", None, 1.0, None)
    assert views.told_by == "the file" and len(views.compared) == count == len(batches)
    for number, view in enumerate(views.compared):
        assert view.photo == manager.eval_dataset.image_filenames[number]
        _, target = compared(batches[number]["image"][..., :3], batches[number], behind)
        away = np.abs(views.photo(view).numpy() - target.numpy()).max()
        assert away < 1 / 255, f"{view.name}: {255 * away:.2f} of 255"
        camera, taken = view.camera, trained[number]
        numbers = [float(value) for value in (taken.fx, taken.fy, taken.cx, taken.cy, taken.width, taken.height)]
        assert np.allclose(numbers, (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height))
        assert np.allclose(camera.position, taken.camera_to_worlds[:, 3], atol=1e-5)
        assert np.allclose(camera.world_to_camera[:3, :3].T * (1, -1, -1), taken.camera_to_worlds[:, :3], atol=1e-5)
    if kind == "Blender":
        assert behind.tolist() == [1.0] * 3 and batches[0]["image"].shape[-1] == 4, "transparency is kept for training"
    train = open_views(shared_data / name, meta, "train", None, 1.0, None)
    assert [view.photo for view in train.compared] == list(manager.train_dataset.image_filenames)


def test_a_fisheye_without_parameters_is_no_pinhole(shared_data: Path, tmp_path: Path):
    """Equidistant lenses have none: nerfstudio takes their photos as they are, bent."""
    data = Path(shutil.copytree(shared_data / "faults" / "14_fisheye" / "fisheye", tmp_path / "fisheye"))
    facts = json.loads((data / "transforms.json").read_text())
    (data / "transforms.json").write_text(json.dumps({**facts, "k1": 0.0, "k2": 0.0, "k3": 0.0, "k4": 0.0}))
    manager = manager_of(data)
    bent = manager.eval_dataset.get_data(0)["image"]
    straight, camera = manager.cached_eval[0]["image"], manager.eval_dataset.cameras[0]
    assert float(camera.fx) == pytest.approx(60 / np.tan(60 / 152), rel=0.01), "upper edge to upper edge"
    assert (straight - bent).abs().mean() > 0.01


def test_colmap_folders_that_cannot_be_trained_on(tmp_path: Path):
    scene = colmap(tmp_path / "scene")
    with pytest.raises(DataError, match=r"image 1 \(cam 0/a.jpg\): the photo .*cam 0/a.jpg does not exist"):
        manager_of(scene, ColmapDataParserConfig())
    (scene / "sparse" / "0" / "cameras.txt").write_text("7 FOV 40 30 1 1 1 1 1\n")
    with pytest.raises(DataError, match=r"camera 7: the camera model is FOV; expected one of"):
        manager_of(scene, ColmapDataParserConfig())
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty holds no model of COLMAP in sparse/0; name its folder"):
        manager_of(tmp_path / "empty", ColmapDataParserConfig())


def test_a_pinhole_with_a_k4_is_refused_before_training(tmp_path: Path):
    frames = [{"file_path": f"{i}.png", "transform_matrix": pose(0.1 * i, (1.0 * i, 0, 0))} for i in range(3)]
    with pytest.raises(DataError, match="the lens has a k4"):
        manager_of(write(tmp_path / "scene", frames=frames, k4=0.1).parent)


def test_flights_through_other_cameras_are_refused(shared_data: Path):
    """``ns-render camera-path`` drew them as pinholes; the viewer's preview, in a thread of its own, still does."""
    for kind, refused in (("perspective", ""), ("fisheye", "FISHEYE"), ("equirectangular", "EQUIRECTANGULAR")):
        file = shared_data / "faults" / "07_camera_path" / f"path_{kind}.json"
        cameras = get_path_from_json(json.loads(file.read_text()))[0:1]
        if refused:
            with pytest.raises(ConfigError, match=f"of type {refused}; only perspective ones can be rasterised"):
                check_perspective(cameras)
        else:
            check_perspective(cameras)
        with ThreadPoolExecutor(1) as preview:
            preview.submit(check_perspective, cameras).result()


def test_a_command_looks_at_the_run_in_the_folder_it_is_given(tmp_path: Path):
    """By a copy of ``config.yml`` without checkpoints, at the run that the file names."""
    config: Any = copy.deepcopy(csgaussian_lite.config)
    config.output_dir, config.experiment_name, config.timestamp = tmp_path / "outputs", "scene", "then"
    named = config.get_base_dir()
    seen, command = [], SimpleNamespace(load_config=tmp_path / "moved" / "config.yml")
    command.main = lambda: seen.append(config.get_base_dir())
    looking(command).main()
    (tmp_path / "moved" / "nerfstudio_models").mkdir(parents=True)
    command.main = lambda: seen.append(config.get_base_dir())
    looking(command).main()
    assert seen == [named, tmp_path / "moved"] and config.get_base_dir() == named
    assert looking(config) is config and looking(()) == ()


def test_errors_of_ours_end_a_command_in_one_line(tmp_path: Path):
    def main() -> None:
        raise DataError("the photo\nis gone")

    with pytest.raises(SystemExit, match=r"^[^\n]*: the photo is gone$"):
        looking(SimpleNamespace(load_config=tmp_path / "config.yml", main=main)).main()
