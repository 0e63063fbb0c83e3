"""Cameras of a capture, where nerfstudio's parser put them when the scene was trained, in double precision."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.lens import lens_of
from csgaussian_ns.capture.optics import distortion_of, intrinsics_of
from csgaussian_ns.capture.poses import applied, cameras, stored_pose
from csgaussian_ns.capture.transforms import read_capture
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import APPLIED, IDENTITY, pose, write


@pytest.mark.parametrize("extra", [{}, {"applied_transform": APPLIED}, {"applied_scale": 0.25}])
def test_the_cameras_are_where_nerfstudios_parser_puts_them(tmp_path: Path, extra: dict):
    dataparser = pytest.importorskip("nerfstudio.data.dataparsers.nerfstudio_dataparser")
    path = write(tmp_path / "scene", **extra)
    (path.parent / "images").mkdir()
    for name in "abc":
        Image.new("RGB", (40, 30)).save(path.parent / "images" / f"{name}.png")
    config = dataparser.NerfstudioDataParserConfig(data=path.parent, eval_mode="all")
    outputs = config.setup().get_dataparser_outputs(split="train")
    capture = read_capture(path)
    assert capture.photos == [Path(file) for file in outputs.image_filenames]
    transform = outputs.dataparser_transform[:3, :4].flatten().tolist()
    for camera, c2w in zip(
        cameras(capture, transform, outputs.dataparser_scale), outputs.cameras.camera_to_worlds, strict=True
    ):
        assert camera.world_to_camera.dtype == np.float32
        assert np.allclose(camera.position, c2w[:, 3], atol=1e-5)
        assert np.allclose(camera.world_to_camera[2, :3], -c2w[:, 2], atol=1e-5)


def test_colmaps_folder_implies_its_transform(tmp_path: Path):
    path = write(tmp_path / "scene")
    (path.parent / "colmap" / "sparse" / "0").mkdir(parents=True)
    swapped = (0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    plain = np.array(json.loads(path.read_text())["frames"][1]["transform_matrix"])
    capture = read_capture(path)
    assert capture.frames[0].name == "a"
    assert np.allclose(cameras(capture, swapped, 1.0)[0].position, plain[:3, 3], atol=1e-6)
    stated, scale = applied(read_capture(write(tmp_path / "other", applied_transform=APPLIED, applied_scale=2)))
    assert np.array_equal(stated, [*APPLIED, [0, 0, 0, 1]]) and scale == 2.0


def test_coordinates_far_from_the_origin_keep_their_millimetres(tmp_path: Path):
    """UTM: single precision has steps of half a metre there."""
    middle = np.array([512_345.678, 5_412_345.678, 321.5])
    near = np.array([[0.25, 1.5, -0.125], [0.251, 1.5, -0.125]])
    frames = [
        {"file_path": f"{i}.png", "transform_matrix": pose(0.3, tuple(middle + place))} for i, place in enumerate(near)
    ]
    capture = read_capture(write(tmp_path, frames=frames))
    transform = np.concatenate([np.eye(3), -middle[:, None]], axis=1)
    for camera, place in zip(cameras(capture, transform.flatten().tolist(), 1.0), near, strict=True):
        assert np.allclose(camera.position, place, atol=1e-6)


def test_what_a_frame_says_of_itself_goes_before_what_is_said_of_all(tmp_path: Path):
    own = {"fl_x": 80.0, "w": 20, "k1": 0.25, "camera_model": "OPENCV_FISHEYE"}
    frames = [
        {"file_path": "0.png", "transform_matrix": pose(0.1, (0, 0, 1)), **own},
        {"file_path": "1.png", "transform_matrix": pose(0.2, (0, 0, 2)), "fl_x": 50.0},
    ]
    capture = read_capture(write(tmp_path, frames=frames, k2=0.5, distortion_params=[0.0] * 6))
    first, second = capture.frames
    assert intrinsics_of(first) == (80.0, 50.0, 20.0, 15.0, 20, 30) and intrinsics_of(second)[0] == 50.0
    assert distortion_of(first) == (0.25, 0.5, 0.0, 0.0, 0.0, 0.0) and distortion_of(second) == (0.0,) * 6
    assert cameras(capture, IDENTITY, 1.0)[1].fx == 50.0
    assert lens_of(first) == (True, (0.25, 0.5, 0.0, 0.0, 0.0, 0.0)) and lens_of(second) is None
    [note] = capture.notes
    assert "fl_x, w, camera_model of 1 of 2 frames differ" in note and "what a frame says of itself counts" in note


@pytest.mark.parametrize(
    ("extra", "pinhole"),
    [
        ({}, True),
        ({"k1": 0.0}, True),
        ({"k1": -0.1}, False),
        ({"distortion_params": [0, 0, 0, 0, 0, 1e-3]}, False),
        ({"camera_model": "OPENCV_FISHEYE"}, False),
    ],
)
def test_distorted_photos_are_known(tmp_path: Path, extra: dict, pinhole: bool):
    capture = read_capture(write(tmp_path / "scene", **extra))
    assert capture.notes == () and {lens_of(frame) is None for frame in capture.frames} == {pinhole}


SINGULAR = [[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]
FLAT = {"file_path": "left/a.png", "transform_matrix": [[0.0] * 4] * 4}


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"applied_transform": SINGULAR}, r"transforms.json: 'applied_transform' cannot be inverted"),
        ({"applied_transform": [[1.0, 0.0], [0.0, 1.0]]}, r"'applied_transform' must be a matrix of 4x4 numbers"),
        ({"applied_scale": 0}, r"'applied_scale' is 0; expected a positive number"),
        ({"applied_scale": 10**400}, r"'applied_scale' is 1000"),
        ({"frames": [FLAT]}, r"frame 0 \(left/a.png\): 'transform_matrix' cannot be inverted"),
        ({"frames": [{**FLAT, "transform_matrix": "no"}]}, r"must be a matrix of 4x4 numbers; got no"),
        ({"frames": [{**FLAT, "transform_matrix": [[1.0], [2.0, 3.0]]}]}, r"must be a matrix of 4x4 numbers"),
        ({"frames": [{**FLAT, "transform_matrix": [[float("nan")] * 4] * 4}]}, r"16 values that are NaN or infinite"),
        ({"frames": [{**FLAT, "transform_matrix": [[10**400] * 4] * 4}]}, r"must be a matrix of 4x4 numbers"),
        ({"frames": [{**FLAT, "transform_matrix": pose(0.0, (1e16, 0, 0))}]}, r"farther away than 1e\+15"),
        ({"frames": [{"file_path": "a.png"}]}, r"'transform_matrix' must be a matrix of 4x4 numbers; got None"),
        ({"w": float("inf")}, r"intrinsics must be finite.*w=inf"),
        ({"w": 10**400}, r"intrinsics must be finite"),
        ({"w": 0}, r"size above 0.*w=0"),
        ({"h": 1e9}, r"fewer than 2\^28 pixels"),
        ({"fl_x": 0}, r"focal lengths and size above 0.*fl_x=0"),
        ({"fl_x": "300"}, r"fl_x='300'"),
        ({"fl_x": None, "cy": None}, r"the intrinsics fl_x, cy are given neither for the frame nor for the scene"),
    ],
)
def test_frames_without_sense_are_refused(tmp_path: Path, extra: dict, message: str):
    with pytest.raises(DataError, match=message):
        cameras(read_capture(write(tmp_path / "scene", **extra)), IDENTITY, 1.0)


def test_a_lens_of_words_is_refused(tmp_path: Path):
    for extra in ({"k1": "much"}, {"distortion_params": 3}, {"distortion_params": [float("nan")]}):
        with pytest.raises(DataError, match="must be finite numbers"):
            lens_of(read_capture(write(tmp_path / "scene", **extra)).frames[0])


def test_poses_are_read_in_double_precision(tmp_path: Path):
    frames = [{"file_path": "a.png", "transform_matrix": pose(0.0, (5e6 + 0.001, 0, 0))}]
    assert stored_pose(read_capture(write(tmp_path, frames=frames)).frames[0])[0, 3] == 5e6 + 0.001
