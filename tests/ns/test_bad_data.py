"""Scene folders that cannot be trained on are refused with what is wrong, where, and what to do."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from PIL import Image

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.ns.datamanager import CSGaussianDataManager, CSGaussianDataManagerConfig

Edit = Callable[[Path, dict], None]
PLY = "ply\nformat ascii 1.0\nelement vertex {}\nproperty float x\nproperty float y\nproperty float z\nend_header\n{}"


def write_scene(folder: Path, views: int = 9, size: tuple[int, int] = (24, 16)) -> dict:
    """A folder of grey photos on a circle; returns its transforms for editing."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for number in range(views):
        Image.new("RGB", size, (number * 7 % 256, 90, 120)).save(folder / "images" / f"{number:04d}.png")
        pose = np.eye(4)
        pose[:3, 3] = [np.cos(number), np.sin(number), 0.5]
        frames.append({"file_path": f"images/{number:04d}.png", "transform_matrix": pose.tolist()})
    return {"fl_x": 20.0, "fl_y": 20.0, "cx": 12.0, "cy": 8.0, "w": size[0], "h": size[1], "frames": frames}


def load(folder: Path, **parser: object) -> CSGaussianDataManager:
    config = CSGaussianDataManagerConfig(
        data=folder,
        dataparser=NerfstudioDataParserConfig(load_3D_points=True, eval_mode="interval", **parser),  # type: ignore
    )
    manager = config.setup(device="cpu", test_mode="val", world_size=1, local_rank=0)
    assert isinstance(manager, CSGaussianDataManager)
    return manager


def no_photo(folder: Path, _: dict) -> None:
    (folder / "images" / "0003.png").unlink()


def broken_photo(folder: Path, _: dict) -> None:
    (folder / "images" / "0003.png").write_bytes(b"\x89PNG but no more")


def cut_photo(folder: Path, _: dict) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(noise).save(folder / "images" / "0003.png")
    file = folder / "images" / "0003.png"
    file.write_bytes(file.read_bytes()[:500])


def not_an_object(folder: Path, transforms: dict) -> None:
    transforms["frames"] = [[]] * 3


def zero_focal_length(_: Path, transforms: dict) -> None:
    transforms["fl_x"] = 0


def text_focal_length(_: Path, transforms: dict) -> None:
    transforms["fl_x"] = "300"


def cut_cloud(folder: Path, transforms: dict) -> None:
    transforms["ply_file_path"] = "sparse_pc.ply"
    header = PLY.format(100, "").replace("ascii", "binary_little_endian") + "\n"
    (folder / "sparse_pc.ply").write_bytes(header.encode() + bytes(100 * 12 // 2))


def other_size(folder: Path, _: dict) -> None:
    Image.new("RGB", (48, 32)).save(folder / "images" / "0003.png")


def turned_photo(folder: Path, transforms: dict) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 24)).save(folder / "images" / "0003.jpg", exif=exif)
    transforms["frames"][3]["file_path"] = "images/0003.jpg"


def no_colours(folder: Path, transforms: dict) -> None:
    Image.fromarray(np.ones((16, 24), np.float32)).save(folder / "images" / "0003.tif")
    transforms["frames"][3]["file_path"] = "images/0003.tif"


def some_masks(folder: Path, transforms: dict) -> None:
    transforms["frames"][3]["mask_path"] = "images/0003.png"


def mask_of_another_shape(folder: Path, transforms: dict) -> None:
    Image.new("L", (8, 16)).save(folder / "mask.png")
    for frame in transforms["frames"]:
        frame["mask_path"] = "mask.png"


def unknown_model(_: Path, transforms: dict) -> None:
    transforms["camera_model"] = "PINHOLEISH"


def mixed_lenses(_: Path, transforms: dict) -> None:
    transforms["frames"][2]["distortion_params"] = [0.0] * 12


def no_first_photo(folder: Path, _: dict) -> None:
    (folder / "images" / "0000.png").write_bytes(b"no picture")


def wrong_list(_: Path, transforms: dict) -> None:
    transforms["test_filenames"] = ["images/0077.png"]


def panorama(_: Path, transforms: dict) -> None:
    transforms["camera_model"] = "EQUIRECTANGULAR"


def no_focal_length(_: Path, transforms: dict) -> None:
    del transforms["fl_x"], transforms["cy"]


def nan_intrinsics(_: Path, transforms: dict) -> None:
    transforms["fl_y"] = float("nan")


def nan_pose(_: Path, transforms: dict) -> None:
    transforms["frames"][2]["transform_matrix"][0][3] = float("nan")


def no_pose(_: Path, transforms: dict) -> None:
    del transforms["frames"][2]["transform_matrix"]


def no_frames(_: Path, transforms: dict) -> None:
    transforms["frames"] = []


def one_frame(_: Path, transforms: dict) -> None:
    del transforms["frames"][1:]


def one_place(_: Path, transforms: dict) -> None:
    for frame in transforms["frames"]:
        frame["transform_matrix"] = np.eye(4).tolist()


def absent_cloud(_: Path, transforms: dict) -> None:
    transforms["ply_file_path"] = "sparse_pc.ply"


def empty_cloud(folder: Path, transforms: dict) -> None:
    transforms["ply_file_path"] = "sparse_pc.ply"
    (folder / "sparse_pc.ply").write_text(PLY.format(0, ""))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (no_photo, r"frame 3 .*0003.png does not exist. Restore it or remove the frame"),
        (broken_photo, r"0003.png cannot be read"),
        (cut_photo, r"0003.png cannot be read.*Restore it"),
        (not_an_object, r"frame 0 is not an object with a 'file_path'"),
        (zero_focal_length, r"focal lengths and size above 0, fewer than 2\^28 pixels; got fl_x=0"),
        (text_focal_length, r"got fl_x='300'"),
        (cut_cloud, r"sparse_pc.ply is cut.*its 100 points alone need 1200"),
        (other_size, r"0003.png is 48x32 but its camera says 24x16"),
        (panorama, r"0001.png is of type EQUIRECTANGULAR"),
        (no_focal_length, r"intrinsics fl_x, cy are given neither"),
        (nan_intrinsics, r"intrinsics must be finite.*fl_y=nan"),
        (nan_pose, r"frame 2 .*finite 4x4.*1 values that are NaN"),
        (no_pose, r"frame 2 .*must be a matrix of 4x4 numbers"),
        (no_frames, r"no list 'frames', or an empty one"),
        (one_frame, r"'frames' has 1 entry.*at least 2"),
        (turned_photo, r"0003.jpg is 16x24 but its camera says 24x16: width and height are swapped.*orientation is 6"),
        (no_colours, r"0003.tif is a picture of mode F"),
        (some_masks, r"1 of 9 frames have a 'mask_path'"),
        (mask_of_another_shape, r"mask.png is 8x16 but the camera of its photo says 24x16"),
        (unknown_model, r"'camera_model' is 'PINHOLEISH'; expected one of SIMPLE_PINHOLE"),
        (mixed_lenses, r"lenses of different numbers of parameters"),
        (no_first_photo, r"0000.png cannot be read"),
        (wrong_list, r"'test_filenames' names 'images/0077.png', which no frame has"),
        (one_place, r"all 9 cameras are at the same place"),
        (absent_cloud, r"sparse_pc.ply does not exist"),
        (empty_cloud, r"holds 0 points. Re-run structure from motion"),
    ],
)
def test_a_bad_folder_is_refused(tmp_path: Path, edit: Edit, message: str):
    transforms = write_scene(tmp_path)
    edit(tmp_path, transforms)
    (tmp_path / "transforms.json").write_text(json.dumps(transforms))
    with pytest.raises(DataError, match=message):
        manager = load(tmp_path)
        assert manager.cached_train and manager.cached_eval


def test_a_missing_folder_or_file_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="nowhere does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(DataError, match="relative to the folder that training was started in: run this command from"):
        CSGaussianDataManagerConfig(data=tmp_path / "nowhere").setup(device="cpu", test_mode="test")
    with pytest.raises(DataError, match=r"no transforms\.json; make one with ns-process-data"):
        load(tmp_path)
    (tmp_path / "transforms.json").write_text("{ not json")
    with pytest.raises(DataError, match="this is not a JSON file"):
        load(tmp_path)


def test_a_split_without_training_views_is_refused(tmp_path: Path):
    (tmp_path / "transforms.json").write_text(json.dumps(write_scene(tmp_path)))
    with pytest.raises(DataError, match=r"no training view \(9 on the other side\)"):
        load(tmp_path, eval_interval=1)


def test_a_split_without_evaluation_views_is_refused(tmp_path: Path):
    transforms = write_scene(tmp_path)
    names = [frame["file_path"] for frame in transforms["frames"]]
    transforms |= {"train_filenames": names, "val_filenames": [], "test_filenames": []}
    (tmp_path / "transforms.json").write_text(json.dumps(transforms))
    with pytest.raises(DataError, match=r"no evaluation view.*eval-mode"):
        load(tmp_path)


def test_photos_of_declared_mixed_sizes_are_fine(tmp_path: Path):
    transforms = write_scene(tmp_path)
    intrinsics = {key: transforms.pop(key) for key in ("fl_x", "fl_y", "cx", "cy", "w", "h")}
    for number, frame in enumerate(transforms["frames"]):
        frame |= intrinsics
        if number == 3:
            Image.new("RGB", (48, 32)).save(tmp_path / frame["file_path"])
            frame |= {key: value * 2 for key, value in intrinsics.items()}
    (tmp_path / "transforms.json").write_text(json.dumps(transforms))
    shapes = {tuple(view["image"].shape) for view in load(tmp_path).cached_train}
    assert shapes == {(16, 24, 3), (32, 48, 3)}


def test_more_than_500_photos_stay_in_ordinary_memory(tmp_path: Path):
    (tmp_path / "transforms.json").write_text(json.dumps(write_scene(tmp_path, views=580)))
    manager = load(tmp_path)
    assert len(manager.train_dataset) > 500
    assert len(manager.cached_train) == len(manager.train_dataset)
    _, batch = manager.next_train(0)
    assert batch["image"].shape == (16, 24, 3)


def test_the_order_of_views_is_a_function_of_the_step(tmp_path: Path):
    (tmp_path / "transforms.json").write_text(json.dumps(write_scene(tmp_path, views=9)))
    manager, other = load(tmp_path), load(tmp_path)

    def view(manager: CSGaussianDataManager, step: int) -> int:
        return manager.next_train(step)[1]["image_idx"]

    views = [view(manager, step) for step in range(14)]
    assert sorted(views[:7]) == sorted(views[7:]) == list(range(7))
    assert views[:7] != views[7:]
    assert [view(other, step) for step in (11, 3, 7)] == [views[11], views[3], views[7]]
