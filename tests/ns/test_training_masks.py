"""Label maps reach the training batch on the very pixels of the image they belong to."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.png import write_png
from csgaussian_ns.ns.datamanager import CSGaussianDataManager, CSGaussianDataManagerConfig
from csgaussian_ns.semantic.masks.label_maps import write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet

WIDTH, HEIGHT = 160, 120
BARREL = {"camera_model": "OPENCV", "k1": -0.35, "k2": 0.12, "p1": 0.012, "p2": -0.009}
PINCUSHION = {"camera_model": "OPENCV", "k1": 0.4, "k2": 0.05, "p1": -0.01, "p2": 0.004}
FISHEYE = {"camera_model": "OPENCV_FISHEYE", "k1": 0.08, "k2": -0.02, "k3": 0.004, "k4": -0.001}


def shapes(width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """Label map of a disc, a bar and a corner patch, with edges all over the picture and a hole at the border."""
    y, x = (np.mgrid[:height, :width] + 0.5) / height
    labels = np.zeros((height, width), np.uint16)
    labels[(x - 0.6) ** 2 + (y - 0.5) ** 2 < 0.09] = 300
    labels[(y > 0.05) & (y < 0.15) & (x > 0.1) & (x < 1.25)] = 2
    labels[(x > 1.05) & (y > 0.6)] = 65535
    return labels


def write_scene(folder: Path, lens: dict | None = None, labels: str | None = "labels", views: int = 12) -> dict:
    """Photos of ``shapes``, white on black, whose label maps (if any) lie in the folder ``labels``."""
    (folder / "images").mkdir(parents=True)
    (folder / "labels").mkdir()
    frames = []
    for number in range(views):
        stem, pose = f"{number:04d}", np.eye(4)
        pose[:3, 3] = [np.cos(number), np.sin(number), 0.5]
        frame = {"file_path": f"images/{stem}.png", "transform_matrix": pose.tolist()}
        white = np.repeat((shapes()[..., None] > 0) * np.uint8(255), 3, axis=-1)
        Image.fromarray(white).save(folder / "images" / f"{stem}.png")
        if labels is not None:
            frame["instance_mask_path"] = f"{labels}/{stem}.png"
            write_png(folder / "labels" / f"{stem}.png", shapes())
        frames.append(frame)
    camera = {"fl_x": 110.0, "fl_y": 105.0, "cx": 84.0, "cy": 56.0, "w": WIDTH, "h": HEIGHT}
    transforms = {**camera, **(lens or {}), "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(transforms))
    return transforms


def load(folder: Path, test_mode: str = "val", **options: object) -> CSGaussianDataManager:
    config = CSGaussianDataManagerConfig(data=folder, **options)  # type: ignore[arg-type]
    manager = config.setup(device="cpu", test_mode=test_mode, world_size=1, local_rank=0)
    assert isinstance(manager, CSGaussianDataManager)
    return manager


def farther_than_a_pixel(first: np.ndarray, second: np.ndarray) -> int:
    """Pixels where two shapes differ although the edge of ``first`` is more than one pixel away."""
    square = np.ones((3, 3))
    edge = binary_dilation(first, square).astype(bool) & ~binary_erosion(first, square, border_value=1).astype(bool)
    return int(((first != second) & ~edge).sum())


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("lens", [None, BARREL, PINCUSHION, FISHEYE], ids=["none", "barrel", "pincushion", "fisheye"])
def test_edges_in_image_and_labels_coincide(tmp_path: Path, lens: dict | None, scale: float):
    write_scene(tmp_path, lens)
    manager = load(tmp_path, camera_res_scale_factor=scale)
    _, batch = manager.next_train(0)
    labels = batch["labels"]
    assert labels.dtype == torch.int32 and labels.shape == (1, *batch["image"].shape[:2])
    seen = batch["image"][..., 0].numpy() > 0.5
    assert farther_than_a_pixel(seen, labels[0].numpy() > 0) == 0
    assert set(labels.unique().tolist()) == {0, 2, 300, 65535}
    if lens is not None:  # the lens is strong enough for the comparison to mean something
        raw = Image.fromarray(shapes()).resize(seen.shape[::-1], Image.Resampling.NEAREST)
        assert farther_than_a_pixel(seen, np.asarray(raw) > 0) > 100 * scale**2


def test_evaluation_batches_carry_labels_too(tmp_path: Path):
    write_scene(tmp_path, BARREL)
    manager = load(tmp_path)
    batches = [batch for _, batch in manager.fixed_indices_eval_dataloader] + [manager.next_eval_image(0)[1]]
    for batch in batches:
        seen = batch["image"][..., 0].numpy() > 0.5
        assert batch["labels"].dtype == torch.int32
        assert farther_than_a_pixel(seen, batch["labels"][0].numpy() > 0) == 0


def test_label_maps_of_another_resolution_are_resized(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path, BARREL)
    for file in (tmp_path / "labels").iterdir():
        write_png(file, shapes(3 * WIDTH, 3 * HEIGHT))
    _, batch = load(tmp_path).next_train(0)
    assert farther_than_a_pixel(batch["image"][..., 0].numpy() > 0.5, batch["labels"][0].numpy() > 0) == 0
    assert "have another resolution than their photos" in capsys.readouterr().out


def test_overlapping_masks_arrive_as_layers(tmp_path: Path):
    write_scene(tmp_path, BARREL, labels=None)
    whole = shapes() > 0
    part = whole & (np.arange(WIDTH) > 100)
    for number in range(12):
        write_masks(tmp_path / "labels" / f"{number:04d}.npz", MaskSet.from_masks(np.stack([part, whole])))
    manager = load(tmp_path, masks=tmp_path / "labels")
    _, batch = manager.next_train(0)
    layers = next(iter(manager.masked_views())).labels
    assert layers.shape[0] == 2
    assert layers[0].unique().tolist() == [0, 2] and layers[1].unique().tolist() == [0, 1]
    assert batch["labels"].shape[0] == 1, "what is learned is the smallest mask at each pixel"
    assert batch["labels"].unique().tolist() == [0, 1, 2]
    assert farther_than_a_pixel(batch["image"][..., 0].numpy() > 0.5, batch["labels"][0].numpy() > 0) == 0


def test_masks_can_be_switched_off_or_taken_from_a_folder(tmp_path: Path):
    write_scene(tmp_path)
    (tmp_path / "instances.json").write_text('{"2": "bar"}')
    manager = load(tmp_path)
    assert manager.has_labels and manager.label_names == {2: "bar"}
    manager = load(tmp_path, masks="none")
    assert not manager.has_labels and "labels" not in manager.next_train(0)[1] and manager.label_names == {}
    manager = load(tmp_path, masks=str(tmp_path / "labels"))
    assert manager.has_labels and manager.label_names == {}


def test_a_scene_without_masks_has_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path, labels=None)
    manager = load(tmp_path)
    assert not manager.has_labels and "labels" not in manager.next_train(0)[1]
    assert "Masks" not in capsys.readouterr().out


def test_views_without_masks_are_counted_and_trained_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    transforms = write_scene(tmp_path)
    for frame in transforms["frames"][1:4]:
        del frame["instance_mask_path"]
    (tmp_path / "transforms.json").write_text(json.dumps(transforms))
    manager = load(tmp_path)
    names = [path.name for path in manager.train_dataset.image_filenames]
    lacking = {"0001.png", "0002.png", "0003.png"} & set(names)
    said = " ".join(capsys.readouterr().out.split())
    assert said.count(f"{len(names)} training views; {len(lacking)} of them have none") == 1
    delivered = {}
    for step in range(len(names)):
        _, batch = manager.next_train(step)
        delivered[names[batch["image_idx"]]] = "labels" in batch
    assert {name for name, there in delivered.items() if not there} == lacking


def test_a_single_mask_everywhere_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path)
    for file in (tmp_path / "labels").iterdir():
        write_png(file, np.ones((HEIGHT, WIDTH), np.uint16))
    _, batch = load(tmp_path).next_train(0)
    assert batch["labels"].unique().tolist() == [1]
    assert "no training view has more than one mask" in " ".join(capsys.readouterr().out.split())


def other_shape(folder: Path) -> None:
    write_png(folder / "labels" / "0002.png", np.zeros((HEIGHT, HEIGHT), np.uint16))


def colour_picture(folder: Path) -> None:
    Image.new("RGB", (WIDTH, HEIGHT)).save(folder / "labels" / "0002.png")


def absent_file(folder: Path) -> None:
    (folder / "labels" / "0002.png").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (other_shape, r"0002.png is 120x120 but its photo .*0002.png is 160x120"),
        (colour_picture, r"0002.png is a picture of mode RGB"),
        (absent_file, r"0002.png, which does not exist"),
    ],
)
def test_label_maps_that_do_not_fit_are_refused(tmp_path: Path, damage: Callable[[Path], None], message: str):
    write_scene(tmp_path)
    damage(tmp_path)
    with pytest.raises(DataError, match=message):
        manager = load(tmp_path)
        assert manager.cached_train and manager.cached_eval


def test_a_missing_folder_stops_training_but_not_looking(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_scene(tmp_path)
    with pytest.raises(DataError, match="nowhere does not exist"):
        load(tmp_path, masks=tmp_path / "nowhere")
    assert not load(tmp_path, "test", masks=tmp_path / "nowhere").has_labels
    assert "No masks are used" in capsys.readouterr().out


def check_own_masks(scene: Path) -> None:
    manager = load(scene, camera_res_scale_factor=0.5)
    assert manager.has_labels and 0 not in manager.label_names and len(manager.label_names) >= 3
    _, batch = manager.next_train(0)
    assert batch["labels"].shape == (1, *batch["image"].shape[:2])
    assert len(batch["labels"].unique()) > 3
    assert set(batch["labels"].unique().tolist()) - {0} <= set(manager.label_names)


def test_the_demo_scene_needs_no_option(scene_folder: Path):
    check_own_masks(scene_folder)


@pytest.mark.data
def test_the_shared_scene_with_masks_needs_no_option(shared_data: Path):
    check_own_masks(shared_data / "tracebot_tray")
