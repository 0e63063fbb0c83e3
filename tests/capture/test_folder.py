"""Scene folders of nerfstudio, Blender and COLMAP: one reader, the same cameras as nerfstudio's parsers."""

import json
import math
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.colmap import LENSES, read_colmap
from csgaussian_ns.capture.folder import find_photos, open_capture
from csgaussian_ns.capture.kinds import is_capture
from csgaussian_ns.capture.lens import lens_of
from csgaussian_ns.capture.optics import intrinsics_of
from csgaussian_ns.capture.poses import cameras, stored_pose
from csgaussian_ns.capture.split import HELD_OUT, by_lists, choose
from csgaussian_ns.capture.transforms import DISTORTION
from csgaussian_ns.core.errors import DataError
from tests.capture.captures import IDENTITY, pose, write

IMAGES = """# Image list with two lines of data per image
2 1 0 0 0 0.5 0 1 7 cam 1/b  c.png
1.5 2.5 -1 3 4 9
1 0.6 0.8 0 0 0 0 2 7 cam 0/a.jpg

"""
CAMERAS = "# Camera list\n7 SIMPLE_RADIAL 40 30 50 20 15 0.1\n"


def colmap(folder: Path, images: str = IMAGES, cameras: str = CAMERAS, model: str = "sparse/0") -> Path:
    """A scene folder with a text model and no photos."""
    (folder / model).mkdir(parents=True)
    (folder / "images").mkdir()
    (folder / model / "images.txt").write_text(images)
    (folder / model / "cameras.txt").write_text(cameras)
    return folder


def binary(folder: Path, number: int = 2, parameters: tuple[float, ...] = (50.0, 20.0, 15.0, 0.1)) -> Path:
    """The same as a binary model, with another camera model perhaps."""
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    (folder / "images").mkdir()
    lens = struct.pack("<QiiQQ", 1, 7, number, 40, 30) + struct.pack(f"<{len(parameters)}d", *parameters)
    (model / "cameras.bin").write_bytes(lens)
    first = struct.pack("<i7di", 2, 1, 0, 0, 0, 0.5, 0, 1, 7) + b"cam 1/b  c.png\0" + struct.pack("<Qddq", 1, 1, 2, -1)
    second = struct.pack("<i7di", 1, 0.6, 0.8, 0, 0, 0, 0, 2, 7) + b"cam 0/a.jpg\0" + struct.pack("<Q", 0)
    (model / "images.bin").write_bytes(struct.pack("<Q", 2) + first + second)
    return folder


def blender(folder: Path, **extra: object) -> Path:
    """Two photos to train on and one to test, 40 x 20, as NeRF's synthetic scenes lie."""
    for side, count in (("train", 2), ("test", 1)):
        frames = [
            {"file_path": f"./{side}/r_{i}", "rotation": 0.1, "transform_matrix": pose(0.3 * i, (0.0, 1.0 * i, 2.0))}
            for i in range(count)
        ]
        (folder / side).mkdir(parents=True)
        for i in range(count):
            Image.new("RGBA", (40, 20)).save(folder / side / f"r_{i}.png")
        told = {"camera_angle_x": 2 * math.atan(0.5), "frames": frames, **extra}
        (folder / f"transforms_{side}.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize("make", [colmap, binary])
def test_a_model_of_colmap(tmp_path: Path, make):
    """By the number of the image; a quaternion of (0.6, 0.8, 0, 0) turns about x by 106.3 degrees."""
    capture = open_capture(make(tmp_path / "scene"))
    assert [frame.file_path for frame in capture.frames] == ["images/cam 0/a.jpg", "images/cam 1/b  c.png"]
    assert [frame.name for frame in capture.frames] == ["a", "b  c"] and capture.folder == tmp_path / "scene"
    assert capture.photos[1] == tmp_path / "scene" / "images" / "cam 1" / "b  c.png"
    assert np.allclose(stored_pose(capture.frames[1]), [[1, 0, 0, -0.5], [0, -1, 0, 0], [0, 0, -1, -1]])
    c, s = -0.28, 0.96
    assert np.allclose(stored_pose(capture.frames[0])[:, :3], [[1, 0, 0], [0, -c, -s], [0, s, -c]])
    assert np.allclose(stored_pose(capture.frames[0])[:, 3], [0, -2 * s, -2 * c])
    assert intrinsics_of(capture.frames[0]) == (50.0, 50.0, 20.0, 15.0, 40, 30)
    assert lens_of(capture.frames[0]) == (False, (0.1, 0.0, 0.0, 0.0, 0.0, 0.0))
    first = cameras(capture, IDENTITY, 2.0)[1]
    assert np.allclose(first.position, (-1, 0, -2)) and np.allclose(first.world_to_camera[:3, :3], np.eye(3))
    assert choose(capture, {HELD_OUT: ["images/cam 1/b  c.png"]}, None).held_out == (1,)


def test_cameras_are_those_of_nerfstudios_parser(shared_data: Path):
    """Of names without spaces, which it reads: the last word of each stands for them."""
    parsers = pytest.importorskip("nerfstudio.data.dataparsers.colmap_dataparser")
    data = shared_data / "faults" / "09_colmap_text" / "colmap"
    capture = open_capture(data)
    assert len(capture.frames) == 12 and all(photo.is_file() for photo in capture.photos)
    parser = parsers.ColmapDataParser(parsers.ColmapDataParserConfig(data=data))
    found = parser._get_all_images_and_cameras(data / "sparse" / "0")
    turn = np.array(found["applied_transform"])
    for frame, told in zip(capture.frames, found["frames"], strict=True):
        turned = turn[:, :3] @ stored_pose(frame)
        assert np.allclose(turned, told["transform_matrix"][:3], atol=1e-12)
        assert intrinsics_of(frame) == tuple(told[key] for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"))


@pytest.mark.parametrize("number", sorted(LENSES))
def test_camera_models_of_colmap(tmp_path: Path, number: int):
    name, keys = LENSES[number][0], LENSES[number][1].split()
    values = {"f": 50.0, "fl_x": 50.0, "fl_y": 45.0, "cx": 20.0, "cy": 15.0, "k1": 0.1, "k2": 0.2, "p1": 0.3, "p2": 0.4}
    parameters = [{**values, "k3": 0.03, "k4": 0.04}[key] for key in keys]
    text = f"7 {name} 40 30 {' '.join(map(str, parameters))}\n"
    first = open_capture(colmap(tmp_path / "text", cameras=text)).frames[0]
    second = open_capture(binary(tmp_path / "binary", number, tuple(parameters))).frames[0]
    assert first.facts == second.facts and intrinsics_of(first)[:2] == (50.0, 45.0 if "fl_y" in keys else 50.0)
    lens = lens_of(first)
    assert (lens is None) == (name in ("SIMPLE_PINHOLE", "PINHOLE"))
    if lens is not None:
        told = dict(zip(keys, parameters, strict=True))
        expected = tuple(told.get(key, 0.0) for key in DISTORTION)
        assert lens == (name.endswith("FISHEYE"), expected)


def test_where_a_model_lies(tmp_path: Path):
    scene = tmp_path
    for number, model in enumerate(("colmap/sparse/0", "sparse/0", "sparse", ".")):
        scene = colmap(tmp_path / f"{number}" / "scene", model=model)
        photos = open_capture(scene).photos
        assert photos[0] == scene / "images" / "cam 0" / "a.jpg"
        assert open_capture(scene / model).photos[0].resolve() == photos[0].resolve()
        assert open_capture(scene / model / "images.txt").photos[0].resolve() == photos[0].resolve()
    write(scene)
    assert open_capture(scene).path.name == "transforms.json", "nerfstudio's file counts before COLMAP's"


def test_lists_of_a_colmap_folder(tmp_path: Path):
    scene = colmap(tmp_path / "scene")
    (scene / "train_list.txt").write_text("cam 0/a.jpg\n")
    (scene / "test_list.txt").write_text("cam 1/b  c.png\n\n")
    split = by_lists(open_capture(scene))
    assert split is not None and (split.train, split.held_out) == ((0,), (1,))
    (scene / "test_list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"test_list.txt cannot be read as a list of photos"):
        open_capture(scene)


@pytest.mark.parametrize(
    ("images", "told", "message"),
    [
        ("", CAMERAS, r"sparse/0 has no images; repeat"),
        ("1 1 0 0\n", CAMERAS, r"images.txt cannot be read as a file of COLMAP"),
        ("1 0 0 0 0 0 0 1 7 a.png\n\n", CAMERAS, r"image 1 \(a.png\): 'transform_matrix' must be a finite"),
        (IMAGES.replace(" 7 cam 0", " 8 cam 0"), CAMERAS, r"image 1 \(cam 0/a.jpg\): there is no camera 8"),
        (
            IMAGES,
            "7 FULL_OPENCV 40 30 1 1 1 1 0 0 0 0 0 0 0 0\n",
            r"the camera model is FULL_OPENCV; expected",
        ),
        (IMAGES, "7 PINHOLE 40 30 1 1 1\n", r"PINHOLE has the parameters fl_x, fl_y, cx, cy; got 3 numbers"),
        (IMAGES, "7 PINHOLE forty 30 1 1 1 1\n", r"cameras.txt cannot be read as a file of COLMAP"),
    ],
)
def test_models_without_sense_are_refused(tmp_path: Path, images: str, told: str, message: str):
    with pytest.raises(DataError, match=message):
        cameras(open_capture(colmap(tmp_path / "scene", images, told)), IDENTITY, 1.0)


def test_damaged_models_are_refused(tmp_path: Path):
    scene = binary(tmp_path / "scene")
    for name in ("images.bin", "cameras.bin"):
        path = scene / "sparse" / "0" / name
        whole = path.read_bytes()
        for content in (whole[:-9], whole[:50], b"", struct.pack("<Q", 1 << 60) + whole[8:]):
            path.write_bytes(content)
            with pytest.raises(DataError, match=rf"{name} cannot be read as a file of COLMAP"):
                open_capture(scene)
        path.write_bytes(whole)
    (scene / "sparse" / "0" / "cameras.bin").write_bytes(whole[:12] + struct.pack("<i", 99) + whole[16:])
    with pytest.raises(DataError, match="a model with the number 99, which is not known"):
        open_capture(scene)
    with pytest.raises(DataError, match="holds no model of COLMAP"):
        read_colmap(tmp_path)


def test_a_folder_of_blender(tmp_path: Path):
    scene = blender(tmp_path / "scene")
    capture = open_capture(scene)
    assert [frame.name for frame in capture.frames] == ["train_r_0", "r_1", "test_r_0"]
    assert capture.photos == [scene / "train" / "r_0.png", scene / "train" / "r_1.png", scene / "test" / "r_0.png"]
    assert intrinsics_of(capture.frames[0]) == pytest.approx((40.0, 40.0, 20.0, 10.0, 40, 20))
    assert np.allclose(cameras(capture, IDENTITY, 1.0)[1].position, (0, 1, 2), atol=1e-6)
    split = by_lists(capture)
    assert split is not None and (split.train, split.held_out) == ((0, 1), (2,))
    assert choose(capture, {HELD_OUT: ["test/r_0.png"]}, None).held_out == (2,)
    alone = open_capture(scene / "transforms_test.json")
    assert [frame.name for frame in alone.frames] == ["r_0"] and by_lists(alone) is None
    shutil.copy(scene / "transforms_test.json", scene / "transforms.json")
    assert [frame.name for frame in open_capture(scene).frames] == ["r_0"], "by what it says, not by its name"


def test_views_that_blender_keeps_from_both_sides_are_not_trained_on(shared_data: Path):
    """``transforms_val.json``: the file, which training wrote, names the views of ``transforms_test.json`` alone."""
    capture = open_capture(shared_data / "faults" / "08_blender" / "blender")
    names = [frame.file_path for frame in capture.frames]
    assert len(names) == 15 and all(photo.is_file() for photo in capture.photos)
    chosen = choose(capture, {HELD_OUT: [f"test/r_{i}.png" for i in range(3)]}, None)
    assert [names[i] for i in chosen.held_out] == [f"test/r_{i}.png" for i in range(3)]
    assert [names[i] for i in chosen.train] == [f"train/r_{i}.png" for i in range(9)]


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"camera_angle_x": "wide"}, r"'camera_angle_x' is wide; expected an angle"),
        ({"camera_angle_x": 4.0}, r"'camera_angle_x' is 4.0"),
        ({"frames": []}, r"no list 'frames', or an empty one"),
    ],
)
def test_blender_files_without_sense_are_refused(tmp_path: Path, extra: dict, message: str):
    with pytest.raises(DataError, match=message):
        open_capture(blender(tmp_path / "scene", **extra))


def test_a_size_that_nobody_knows(tmp_path: Path):
    scene = blender(tmp_path / "scene")
    (scene / "train" / "r_0.png").unlink()
    with pytest.raises(DataError, match=r"the size of its photos is not known, because .*r_0.png"):
        open_capture(scene)
    told = json.loads((scene / "transforms_train.json").read_text()) | {"w": 30, "h": 20}
    (scene / "transforms_train.json").write_text(json.dumps(told))
    assert intrinsics_of(open_capture(scene).frames[0])[4:] == (30, 20)


def test_what_is_no_capture(tmp_path: Path):
    assert not is_capture(tmp_path) and is_capture(blender(tmp_path / "scene"))
    with pytest.raises(DataError, match=r"expected a folder with transforms.json, transforms_train.json"):
        open_capture(tmp_path)
    photos, capture = find_photos(tmp_path / "scene")
    assert len(photos) == 3 and capture is not None
