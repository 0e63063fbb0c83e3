"""Cameras of a capture, moved to where nerfstudio's parser put them when the scene was trained."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from csgaussian_ns.codec.scene import SceneMeta
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.cameras import cameras_by, frames_of
from csgaussian_ns.tools.orbit import orbit
from tests.semantic.scenes import scene_of_balls

APPLIED = [[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.5], [0.0, -1.0, 0.0, 0.0]]


def pose(angle: float, place: tuple[float, float, float]) -> list[list[float]]:
    c, s = float(torch.tensor(angle).cos()), float(torch.tensor(angle).sin())
    x, y, z = place
    return [[c, 0.0, s, x], [0.0, 1.0, 0.0, y], [-s, 0.0, c, z], [0.0, 0.0, 0.0, 1.0]]


def write(folder: Path, **extra: object) -> Path:
    shared = {"camera_model": "OPENCV", "fl_x": 50.0, "fl_y": 50.0, "cx": 20.0, "cy": 15.0, "w": 40, "h": 30}
    files = ("images/b.png", "images/a.png", "images/c.png")
    frames = [
        {"file_path": file, "transform_matrix": pose(0.7 * i, (i - 1.0, 0.3 * i, 2.0))} for i, file in enumerate(files)
    ]
    folder.mkdir(exist_ok=True)
    path = folder / "transforms.json"
    path.write_text(json.dumps({**shared, "frames": frames, **extra}))
    return path


def meta_of(transform: torch.Tensor, scale: float) -> SceneMeta:
    return SceneMeta(0.1, 4, 3, (1.0, 0.2, 0.2), transform=tuple(transform.flatten().tolist()), scale=scale)


@pytest.mark.parametrize("extra", [{}, {"applied_transform": APPLIED}])
def test_the_frames_are_where_nerfstudios_parser_puts_them(tmp_path: Path, extra: dict):
    dataparser = pytest.importorskip("nerfstudio.data.dataparsers.nerfstudio_dataparser")
    path = write(tmp_path / "scene", **extra)
    (path.parent / "images").mkdir()
    for name in "abc":
        Image.new("RGB", (40, 30)).save(path.parent / "images" / f"{name}.png")
    config = dataparser.NerfstudioDataParserConfig(data=path.parent, eval_mode="all")
    outputs = config.setup().get_dataparser_outputs(split="train")
    frames = frames_of(path, meta_of(outputs.dataparser_transform[:3, :4], outputs.dataparser_scale))
    assert [frame.photo for frame in frames] == [Path(file) for file in outputs.image_filenames]
    for frame, c2w in zip(frames, outputs.cameras.camera_to_worlds, strict=True):
        assert torch.allclose(frame.camera.position, c2w[:, 3], atol=1e-5)
        assert torch.allclose(frame.camera.world_to_camera[2, :3], -c2w[:, 2], atol=1e-5)


def test_colmaps_folder_implies_its_transform(tmp_path: Path):
    path = write(tmp_path / "scene")
    (path.parent / "colmap" / "sparse" / "0").mkdir(parents=True)
    swapped = torch.tensor([[0.0, 1, 0, 0], [1, 0, 0, 0], [0, 0, -1, 0]])
    implied = frames_of(path, meta_of(swapped, 1.0))
    plain = json.loads(path.read_text())["frames"][1]["transform_matrix"]
    assert implied[0].name == "a"
    assert torch.allclose(implied[0].camera.position, torch.tensor(plain)[:3, 3], atol=1e-6)


def test_equal_file_names_in_two_folders_stay_apart(tmp_path: Path):
    frames = [
        {"file_path": f"{folder}/0.png", "transform_matrix": pose(0.1, (0, 0, 1))} for folder in ("left", "right")
    ]
    path = write(tmp_path / "scene", frames=frames)
    assert [frame.name for frame in frames_of(path, meta_of(torch.eye(3, 4), 1.0))] == ["left_0", "right_0"]


@pytest.mark.parametrize(
    ("extra", "pinhole"),
    [({}, True), ({"k1": 0.0}, True), ({"k1": -0.1}, False), ({"camera_model": "OPENCV_FISHEYE"}, False)],
)
def test_distorted_photos_are_known(tmp_path: Path, extra: dict, pinhole: bool):
    path = write(tmp_path / "scene", **extra)
    assert {frame.pinhole for frame in frames_of(path, meta_of(torch.eye(3, 4), 1.0))} == {pinhole}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"frames": [1]}', '{"frames": [{"file_path": "a.png"}]}'])
def test_other_files_are_refused(tmp_path: Path, content: str):
    path = tmp_path / "transforms.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"expected a nerfstudio transforms\.json"):
        frames_of(path, meta_of(torch.eye(3, 4), 1.0))


def test_frames_without_sense_are_refused(tmp_path: Path):
    singular = [[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
    nowhere = [[float("nan")] * 4] * 4
    frame = {"file_path": "a.png", "transform_matrix": [[1.0, 0.0], [0.0, 1.0]]}
    cases: list[dict] = [
        {"applied_transform": singular},
        {"applied_transform": [[1.0, 0.0], [0.0, 1.0]]},
        {"applied_scale": 0},
        {"applied_scale": 10**400},
        {"frames": [frame]},
        {"frames": [{**frame, "transform_matrix": nowhere}]},
        {"frames": [{**frame, "transform_matrix": [[10**400] * 4] * 4}]},
        {"frames": []},
        {"w": float("inf")},
        {"w": 10**400},
        {"w": 0},
        {"h": 1e9},
        {"fl_x": 0},
    ]
    for extra in cases:
        path = write(tmp_path / "scene", **extra)
        with pytest.raises(ConfigError, match=r"expected a nerfstudio transforms\.json"):
            frames_of(path, meta_of(torch.eye(3, 4), 1.0))


def test_other_files_are_refused_in_short(tmp_path: Path):
    meta, path = meta_of(torch.eye(3, 4), 1.0), tmp_path / "scene.csg"
    path.write_bytes(b"CSG\xff" * 1000)
    with pytest.raises(ConfigError, match="this is not a JSON file") as caught:
        frames_of(path, meta)
    assert len(str(caught.value)) < len(str(path)) + 100
    flat = {"file_path": "left/a.png", "transform_matrix": [[0.0] * 4] * 4}
    told: list[tuple[dict, str]] = [
        ({"frames": None}, "no list 'frames'"),
        ({"frames": [{**flat, "file_path": None}]}, "entry 0 of 'frames' is not an object with a 'file_path'"),
        ({"frames": [flat]}, "frame 'a': transform_matrix cannot be inverted"),
        ({"frames": [{**flat, "transform_matrix": "no"}]}, "frame 'a': transform_matrix must be a matrix"),
        ({"fl_x": None}, "frame 'a': fl_x is missing"),
        ({"w": "wide"}, "frame 'a': w is not a finite number"),
    ]
    for extra, message in told:
        with pytest.raises(ConfigError, match=message):
            frames_of(write(tmp_path / "scene", **extra), meta)


def test_a_folder_stands_for_its_transforms(tmp_path: Path):
    path, scene = write(tmp_path / "scene"), scene_of_balls()
    where = scene.anchors.position, scene.meta
    assert cameras_by(str(path.parent), *where, 1, 8, 8).keys() == cameras_by(str(path), *where, 1, 8, 8).keys()
    with pytest.raises(ConfigError, match=r"the folder holds no transforms\.json"):
        cameras_by(str(tmp_path), *where, 1, 8, 8)


def named(folder: Path, *files: str) -> list[str]:
    frames = [{"file_path": file, "transform_matrix": pose(0.1, (0, 0, 1))} for file in files]
    path = write(folder / "scene", frames=frames)
    return [frame.name for frame in frames_of(path, meta_of(torch.eye(3, 4), 1.0))]


def test_names_of_frames_stay_in_a_folder_and_differ(tmp_path: Path):
    assert named(tmp_path, "/photos/a/1.png", "/photos/b/1.png") == ["photos_a_1", "photos_b_1"]
    assert sorted(named(tmp_path, "../a/1.png", "a/1.png", "../../a/1.png")) == ["a_1", "a_1_2", "a_1_3"]
    assert sorted(named(tmp_path, "/1.png", "1.png", "1.jpg", "1_2.png")) == ["1", "1_2", "1_2_2", "1_3"]
    with pytest.raises(ConfigError, match="control characters"):
        named(tmp_path, "a\0.png")


@pytest.mark.parametrize(
    "told",
    [
        {"radius": 10**400},
        {"radius": 1e300},
        {"radius": -1.0},
        {"focus": [0.0]},
        {"focus": [0.0, float("nan"), 0.0]},
        {"height": None},
        {"height": -1e300},
    ],
)
def test_an_orbit_that_makes_no_sense_is_not_followed(told: dict):
    scene = scene_of_balls()
    guessed = orbit(scene.anchors.position, scene.meta, 2, 40, 30)
    hostile = {"focus": [0.0, 0.0, 0.0], "radius": 1.0, "height": 1.0, **told}
    made = orbit(scene.anchors.position, replace(scene.meta, extra={"orbit": hostile}), 2, 40, 30)
    for name, camera in guessed.items():
        assert np.array_equal(made[name].world_to_camera, camera.world_to_camera)
