"""Cameras of a capture, moved to where nerfstudio's parser put them when the scene was trained."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from csgaussian_ns.codec.scene import SceneMeta
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.cameras import frames_of

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
