"""Training reads a capture as a receiver does: nerfstudio's numbers where nerfstudio is right, ours where it is not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from PIL import Image

from csgaussian_ns.capture.photos import photo_of_size
from csgaussian_ns.capture.poses import cameras
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.ns.datamanager import CSGaussianDataManager, CSGaussianDataManagerConfig
from csgaussian_ns.ns.parser import CaptureParser

SIZE = (24, 16)
OPTICS = {"fl_x": 20.0, "fl_y": 21.0, "cx": 12.5, "cy": 8.0, "w": 24, "h": 16}
UTM = np.array([512_345.678, 5_412_345.678, 321.5])


def looking_in(number: int, middle: np.ndarray) -> list[list[float]]:
    """Camera-to-world of one of nine cameras on a rising circle around ``middle``."""
    angle = 0.7 * number
    eye = np.array([2 * np.cos(angle), 2 * np.sin(angle), 0.5 + 0.1 * number])
    back = eye / np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    matrix = np.eye(4)
    matrix[:3] = np.stack([right, np.cross(back, right), back, eye + middle], axis=1)
    return matrix.tolist()


def points_around(middle: np.ndarray) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 3)) * 0.5 + middle


def write_ply(file: Path, points: np.ndarray, kind: str = "double") -> None:
    header = f"ply\nformat binary_little_endian 1.0\nelement vertex {len(points)}\n"
    header += "".join(f"property {kind} {axis}\n" for axis in "xyz")
    header += "".join(f"property uchar {name}\n" for name in ("red", "green", "blue")) + "end_header\n"
    rows = np.zeros(len(points), [("place", "<f8" if kind == "double" else "<f4", 3), ("colour", "u1", 3)])
    rows["place"], rows["colour"] = points, np.arange(len(points))[:, None]
    file.write_bytes(header.encode() + rows.tobytes())


def write_scene(folder: Path, middle: np.ndarray | None = None, **extra: object) -> Path:
    """Nine grey photos of different brightness and a cloud of 40 points."""
    middle = np.zeros(3) if middle is None else middle
    (folder / "images").mkdir(parents=True)
    frames = []
    for number in range(9):
        Image.new("RGB", SIZE, (number * 20,) * 3).save(folder / "images" / f"{number}.png")
        frames.append({"file_path": f"images/{number}.png", "transform_matrix": looking_in(number, middle)})
    write_ply(folder / "points.ply", points_around(middle))
    content = {**OPTICS, "ply_file_path": "points.ply", "frames": frames, **extra}
    (folder / "transforms.json").write_text(json.dumps(content))
    return folder


def changed(folder: Path, **extra: object) -> Path:
    path = folder / "transforms.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | extra))
    return folder


def load(folder: Path, test_mode: str = "val", **options: object) -> CSGaussianDataManager:
    options = {"load_3D_points": True, "eval_mode": "interval", **options}
    config = CSGaussianDataManagerConfig(data=folder, dataparser=NerfstudioDataParserConfig(**options))  # type: ignore[arg-type]
    manager = config.setup(device="cpu", test_mode=test_mode, world_size=1, local_rank=0)
    assert isinstance(manager, CSGaussianDataManager) and isinstance(manager.dataparser, CaptureParser)
    return manager


@pytest.mark.parametrize(
    ("extra", "options"),
    [
        ({}, {}),
        ({"applied_transform": [[0, 1, 0, 0.5], [1, 0, 0, 0], [0, 0, -1, 2]], "applied_scale": 0.5}, {}),
        (
            {"k1": 0.1, "p2": 0.01, "camera_model": "OPENCV"},
            {"orientation_method": "vertical", "eval_mode": "fraction", "train_split_fraction": 0.7},
        ),
        ({}, {"center_method": "focus", "scale_factor": 2.0}),
        ({}, {"orientation_method": "none", "center_method": "none", "auto_scale_poses": False, "eval_mode": "all"}),
        ({"orientation_override": "none"}, {"center_method": "none", "scene_scale": 3.0}),
        (
            {"train_filenames": ["images/1.png", "images/2.png"], "val_filenames": ["images/3.png"]}
            | {"test_filenames": ["images/4.png"]},
            {},
        ),
    ],
)
def test_a_plain_capture_is_read_as_by_nerfstudio(tmp_path: Path, extra: dict, options: dict):
    folder = write_scene(tmp_path / "scene", **extra)
    manager = load(folder, **options)
    options = {"load_3D_points": True, "eval_mode": "interval", **options}
    theirs = NerfstudioDataParserConfig(data=folder, **options).setup()
    for split in ("train", "val", "test"):
        ours, expected = manager.dataparser.get_dataparser_outputs(split), theirs.get_dataparser_outputs(split)
        assert ours.image_filenames == expected.image_filenames and ours.mask_filenames is None
        assert ours.dataparser_scale == pytest.approx(expected.dataparser_scale, rel=1e-5)
        assert torch.allclose(ours.dataparser_transform.float(), expected.dataparser_transform, atol=1e-5)
        assert torch.equal(ours.scene_box.aabb, expected.scene_box.aabb)
        for name in ("camera_to_worlds", "fx", "fy", "cx", "cy", "width", "height", "distortion_params", "camera_type"):
            one, other = getattr(ours.cameras, name), getattr(expected.cameras, name)
            assert one.shape == other.shape and one.dtype == other.dtype, name
            assert torch.allclose(one, other, atol=1e-5), name
        if split == "train":
            for name in ("points3D_xyz", "points3D_rgb"):
                assert ours.metadata[name].dtype == expected.metadata[name].dtype
                assert torch.allclose(ours.metadata[name], expected.metadata[name], atol=1e-5)


def test_principal_axes_turn_all_cameras_alike(tmp_path: Path):
    """nerfstudio itself mirrors the second and third camera where it turns the axes round; its transform is right."""
    folder = write_scene(tmp_path / "scene")
    options = {"orientation_method": "pca", "eval_mode": "all"}
    ours = load(folder, **options).train_dataparser_outputs
    expected = NerfstudioDataParserConfig(data=folder, **options).setup().get_dataparser_outputs("train")  # type: ignore[arg-type]
    assert torch.equal(ours.dataparser_transform.float(), expected.dataparser_transform)
    poses = torch.tensor([looking_in(number, np.zeros(3)) for number in range(9)])
    turned = ours.dataparser_transform.float() @ poses
    turned[..., 3] *= ours.dataparser_scale
    assert torch.allclose(ours.cameras.camera_to_worlds, turned, atol=1e-6)


def test_coordinates_far_from_the_origin_train_as_near_ones(tmp_path: Path):
    near = load(write_scene(tmp_path / "near")).train_dataparser_outputs
    manager = load(write_scene(tmp_path / "far", UTM))
    far = manager.train_dataparser_outputs
    assert torch.allclose(far.cameras.camera_to_worlds, near.cameras.camera_to_worlds, atol=1e-6)
    assert torch.allclose(far.metadata["points3D_xyz"], near.metadata["points3D_xyz"], atol=1e-6)
    assert far.dataparser_scale == pytest.approx(near.dataparser_scale, rel=1e-6)
    back = far.transform_poses_to_original_space(far.cameras.camera_to_worlds, "opengl")[0, :, 3]
    expected = np.array(looking_in(1, UTM))[:3, 3]
    assert np.allclose(back, expected, atol=1e-5, rtol=0), "what nerfstudio exports is back in the capture's world"
    assert manager.capture is not None
    transform = far.dataparser_transform.flatten().tolist()
    received = cameras(manager.capture, transform, far.dataparser_scale)
    for number, pose in enumerate(far.cameras.camera_to_worlds, 1):  # the first is held out
        assert np.allclose(received[number].position, pose[:, 3], atol=1e-6), "a receiver's cameras are there, too"


def test_an_origin_that_shall_stay_far_away_is_refused(tmp_path: Path):
    folder = write_scene(tmp_path / "far", UTM)
    with pytest.raises(
        DataError, match=r"spread over 1\.99\d* around \(512346, 5412346, 32\d\).*Subtract \(512346, 5412346"
    ):
        load(folder, center_method="none")
    write_ply(folder / "points.ply", points_around(UTM), "float")
    with pytest.raises(DataError, match=r"points.ply holds coordinates in single precision, 0.5 apart"):
        load(folder)


def test_what_a_frame_says_of_itself_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = write_scene(tmp_path / "scene")
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    for frame in frames:
        frame |= {"fl_x": 33.0, "cy": 7.5}
    frames[2]["k1"] = 0.1
    manager = load(changed(folder, frames=frames, k1=0.0))
    views = manager.train_dataset.cameras
    assert set(views.fx.flatten().tolist()) == {33.0} and set(views.cy.flatten().tolist()) == {7.5}
    assert views.distortion_params is not None and views.distortion_params[:, 0].tolist()[:3] == pytest.approx(
        [0, 0.1, 0]
    )
    said = " ".join(capsys.readouterr().out.split())
    assert "fl_x, cy, k1 of 9 of 9 frames differ from what the file says of all frames" in said


@pytest.mark.parametrize("key", ["val_filenames", "test_filenames"])
def test_one_list_of_held_out_views_is_enough(tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str):
    lists = {"train_filenames": ["images/1.png", "images/2.png"], key: ["images/5.png", "images/0.png"]}
    folder = changed(write_scene(tmp_path / "scene"), **lists)
    for test_mode in ("val", "test"):
        manager = load(folder, test_mode)
        assert [path.name for path in manager.train_dataset.image_filenames] == ["1.png", "2.png"]
        assert [path.name for path in manager.eval_dataset.image_filenames] == ["0.png", "5.png"]
        assert f"{key} stands for both" in " ".join(capsys.readouterr().out.split())
    names = {"held_out": ["images/0.png", "images/5.png"]}
    assert manager.held_out_names() == names | {"left_out": [f"images/{n}.png" for n in (3, 4, 6, 7, 8)]}


def test_a_mode_that_names_do_not_fit_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="--eval-mode filename: "):
        load(write_scene(tmp_path / "scene"), eval_mode="filename")


def test_photos_and_masks_of_any_kind_train_as_a_receiver_sees_them(tmp_path: Path):
    """Palette, 16 bits, grey with alpha, CMYK; masks in colour; paths as Windows writes them."""
    folder = write_scene(tmp_path / "scene")
    frames = json.loads((folder / "transforms.json").read_text())["frames"]
    pattern = np.random.default_rng(1).integers(0, 256, (16, 24, 3), np.uint8)
    made = {
        "1.png": Image.fromarray(pattern).quantize(16),
        "2.png": Image.fromarray(pattern[..., 0].astype(np.uint16) * np.uint16(257)),
        "3.png": Image.merge("LA", [Image.fromarray(pattern[..., channel]) for channel in (0, 1)]),
        "4.tif": Image.fromarray(pattern).convert("CMYK"),
    }
    for number, (name, picture) in enumerate(made.items(), 1):
        picture.save(folder / "images" / name)
        frames[number]["file_path"] = f"images\\{name}"
    seen = np.zeros((16, 24, 3), np.uint8)
    seen[:, 8:] = (0, 90, 0)
    Image.fromarray(seen).save(folder / "mask.png")
    for frame in frames:
        frame["mask_path"] = ".\\mask.png"
    manager = load(changed(folder, frames=frames))
    batches = dict(
        zip((path.name for path in manager.train_dataset.image_filenames), manager.cached_train, strict=True)
    )
    grey = torch.tensor([0.3, 0.5, 0.7])
    for name in made:
        image = batches[name]["image"]
        if image.shape[-1] == 4:
            image = image[..., :3] * image[..., 3:] + grey * (1 - image[..., 3:])
        received = photo_of_size(folder / "images" / name, SIZE, grey.tolist())
        assert torch.allclose(image, torch.from_numpy(received), atol=1e-6), name
        assert torch.equal(batches[name]["mask"][..., 0], torch.from_numpy(seen[..., 1] > 0))
    assert torch.allclose(batches["2.png"]["image"], torch.from_numpy(pattern[..., :1] / 255).float(), atol=1e-6)
    assert batches["3.png"]["image"].shape == (16, 24, 4)
    assert manager.held_out_names() == {"held_out": ["images/0.png", "images/8.png"]}


def test_smaller_copies_are_used_and_named_as_the_file_names_them(tmp_path: Path):
    folder = write_scene(tmp_path / "scene")
    (folder / "images_2").mkdir()
    for number in range(9):
        Image.new("RGB", (12, 9 if number == 1 else 8), (number * 20,) * 3).save(folder / "images_2" / f"{number}.png")
        (folder / "images" / f"{number}.png").unlink()
    manager = load(folder, downscale_factor=2)
    assert manager.train_dataset.image_filenames[0] == folder / "images_2" / "1.png"
    assert {tuple(batch["image"].shape) for batch in manager.cached_train} == {(8, 12, 3)}, "one was rounded up"
    assert manager.held_out_names() == {"held_out": ["images/0.png", "images/8.png"]}


def test_points_of_an_old_folder_come_from_its_colmap_model(tmp_path: Path):
    folder = write_scene(tmp_path / "scene", ply_file_path=None)
    model = folder / "colmap" / "sparse" / "0"
    model.mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds neither points3D\.bin nor points3D\.txt"):
        load(folder)
    points = points_around(np.zeros(3))
    implied = np.array([[0.0, 1, 0], [1, 0, 0], [0, 0, -1]])  # COLMAP's world is turned before it is saved
    rows = [f"{i} {x} {y} {z} {i} {i} {i} 0.5 1 2" for i, (x, y, z) in enumerate(points @ implied)]
    (model / "points3D.txt").write_text("# header\n" + "\n".join(rows) + "\n")
    found = load(folder).train_dataparser_outputs.metadata
    expected = load(write_scene(tmp_path / "other")).train_dataparser_outputs.metadata
    assert torch.allclose(found["points3D_xyz"], expected["points3D_xyz"], atol=1e-6)
    assert torch.equal(found["points3D_rgb"], expected["points3D_rgb"])


def test_a_capture_without_points_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    manager = load(write_scene(tmp_path / "scene", ply_file_path=None))
    assert "points3D_xyz" not in manager.train_dataset.metadata
    assert "has no point cloud; training starts from random points" in " ".join(capsys.readouterr().out.split())
