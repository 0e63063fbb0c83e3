"""Segment Anything: its real architecture with random weights, read from a file; and files that are something else."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from csgaussian_ns.core.errors import BackendUnavailable, CheckpointError, ConfigError
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.semantic.masks.sam import BLOCK, PATCHES, SamMasks, load_sam, variant_of
from csgaussian_ns.semantic.masks.settings import SamSettings
from tests.import_blocker import import_without

segment_anything = pytest.importorskip("segment_anything", reason="needs pip install -e '.[masks]'")

QUICK = SamSettings(points_per_side=2, pred_iou=0.0, stability=0.0, crop_layers=0, min_area=4)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The smallest published variant with random weights, stored as its authors store theirs."""
    path = tmp_path_factory.mktemp("sam") / "sam_vit_b.pth"
    torch.manual_seed(0)
    torch.save(segment_anything.sam_model_registry["vit_b"]().state_dict(), path)
    return path


def photo(width: int = 61, height: int = 40) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, (x // 8 + y // 8) % 2 * 200], axis=-1).astype(np.uint8)


def tensors(width: int, depth: int) -> dict[str, torch.Tensor]:
    """The tensors that tell variants apart, and nothing else."""
    state = {f"{BLOCK}{number}.norm1.weight": torch.zeros(1) for number in range(depth)}
    return state | {PATCHES: torch.zeros(width, 3, 16, 16)}


def check_masks(masks: MaskSet) -> None:
    assert masks.size == (61, 40) and len(masks.ids) > 0
    assert masks.ids.tolist() == list(range(1, len(masks.ids) + 1))
    assert (masks.areas() >= 4).all() and (masks.areas() <= 61 * 40).all()


def test_every_published_tensor_is_loaded(checkpoint: Path):
    model = load_sam(checkpoint, "vit_b")
    stored = torch.load(checkpoint, weights_only=True)  # noqa: TID251  # our own file
    loaded = model.state_dict()
    assert set(loaded) == set(stored) and sum(value.numel() for value in loaded.values()) > 90e6
    assert all(torch.equal(value, stored[name]) for name, value in loaded.items())
    assert not model.training and not any(value.requires_grad for value in model.parameters())


def test_masks_of_the_smallest_published_variant(checkpoint: Path):
    """By its first three blocks: two look into windows, one looks everywhere. The other nine repeat them."""
    model = load_sam(checkpoint)
    blocks = model.image_encoder.blocks
    assert len(blocks) == 12 and [block.window_size for block in blocks[:3]] == [14, 14, 0]
    del blocks[3:]
    check_masks(SamMasks(model, QUICK)(photo()))


def test_masks_of_a_narrow_network(narrow_sam: Path):
    model = load_sam(narrow_sam)
    masks = SamMasks(model, QUICK)(photo())
    check_masks(masks)
    again = SamMasks(model, QUICK)(photo())
    assert np.array_equal(masks.packed, again.packed)


def test_crops_of_a_photo_are_searched_too(narrow_sam: Path):
    check_masks(SamMasks(load_sam(narrow_sam), replace(QUICK, crop_layers=1))(photo()))


def test_large_photos_are_reduced_before_and_their_masks_enlarged_after(narrow_sam: Path):
    model = load_sam(narrow_sam)
    whole = SamMasks(model, replace(QUICK, max_height=20))(photo())
    check_masks(whole)
    direct = SamMasks(model, QUICK)(np.asarray(Image.fromarray(photo()).resize((30, 20))))
    larger = np.asarray(Image.fromarray(direct.layers()[0] > 0).resize((61, 40), Image.Resampling.NEAREST))
    assert np.array_equal(whole.layers()[0] > 0, larger)


@pytest.mark.parametrize("crop_layers", [0, 1])
def test_a_photo_in_which_nothing_is_found_has_an_empty_layer(narrow_sam: Path, crop_layers: int):
    maker = SamMasks(load_sam(narrow_sam), replace(QUICK, crop_layers=crop_layers))
    maker._generator.pred_iou_thresh = 1e9
    assert maker(photo()).layers().tolist() == np.zeros((1, 40, 61)).tolist()


def test_every_setting_reaches_the_generator(narrow_sam: Path):
    settings = SamSettings(9, 0.11, 0.22, 0.33, 2, 3, 44, 555, 6)
    generator = SamMasks(load_sam(narrow_sam), settings)._generator
    assert [len(grid) for grid in generator.point_grids] == [81, 9, 1]
    assert (generator.pred_iou_thresh, generator.stability_score_thresh) == (0.11, 0.22)
    assert (generator.box_nms_thresh, generator.crop_nms_thresh) == (0.33, 0.33)
    assert (generator.crop_n_layers, generator.min_mask_region_area, generator.points_per_batch) == (2, 44, 6)


@pytest.mark.parametrize(("width", "depth", "name"), [(768, 12, "vit_b"), (1024, 24, "vit_l"), (1280, 32, "vit_h")])
def test_the_variant_is_told_by_shapes(width: int, depth: int, name: str):
    assert variant_of(tensors(width, depth), Path("x.pth")) == name


def test_another_variant_than_asked_for(tmp_path: Path):
    torch.save(tensors(1024, 24), tmp_path / "x.pth")
    with pytest.raises(ConfigError, match=r"x.pth holds the variant vit_l, not vit_b.*curl -LO https://.*vit_b"):
        load_sam(tmp_path / "x.pth", "vit_b")


def test_no_checkpoint(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"nowhere.pth: there is no such file. To fetch it: curl -LO https://.*vit_h"):
        load_sam(tmp_path / "nowhere.pth", "vit_h")


def cut(whole: Path, file: Path) -> None:
    with whole.open("rb") as stream:
        file.write_bytes(stream.read(1_000_000))


def empty(_: Path, file: Path) -> None:
    file.write_bytes(b"")


def web_page(_: Path, file: Path) -> None:
    file.write_bytes(b"<html>404</html>")


def code(_: Path, file: Path) -> None:
    torch.save({"model": torch.nn.Linear(2, 2)}, file)


def other_network(_: Path, file: Path) -> None:
    torch.save({"layer.weight": torch.zeros(3)}, file)


def other_size(_: Path, file: Path) -> None:
    torch.save(tensors(384, 12), file)


def incomplete(_: Path, file: Path) -> None:
    torch.save(tensors(768, 12), file)


def number(_: Path, file: Path) -> None:
    torch.save(3, file)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (cut, r"x.pth \(1.0 MB\) cannot be read: damaged, incomplete"),
        (empty, r"x.pth \(0.0 MB\) cannot be read"),
        (web_page, r"cannot be read"),
        (code, r"cannot be read"),
        (other_network, r"no checkpoint of Segment Anything: it holds other tensors"),
        (other_size, r"width 384 and depth 12 \(known .*vit_b: 768 and 12"),
        (incomplete, r"looks like Segment Anything vit_b but does not fit it: .*Missing key"),
        (number, r"holds no table of tensors"),
    ],
)
def test_files_that_are_no_checkpoint(
    checkpoint: Path, tmp_path: Path, make: Callable[[Path, Path], None], message: str
):
    make(checkpoint, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=message) as caught:
        load_sam(tmp_path / "x.pth")
    assert "curl -LO https://dl.fbaipublicfiles.com" in str(caught.value)


def test_without_the_package_the_extra_is_named():
    statement = (
        "import sys; sys.modules['segment_anything'] = None\n"
        "from pathlib import Path\n"
        "from csgaussian_ns.core.errors import BackendUnavailable\n"
        "from csgaussian_ns.semantic.masks.sam import load_sam\n"
        "try: load_sam(Path('x.pth'))\n"
        "except BackendUnavailable as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True).stdout
    assert "pip install 'csgaussian-ns[masks]'" in said
    assert issubclass(BackendUnavailable, ImportError)


def test_nothing_of_it_is_loaded_before_it_is_needed():
    failures, loaded = import_without(["csgaussian_ns.semantic.masks.sam"], ["segment_anything", "skimage", "cv2"])
    assert failures == [] and "torchvision" not in loaded


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (SamSettings(pred_iou=1.5), "pred-iou must be 0.0 to 1.0, got 1.5"),
        (SamSettings(points_per_side=0), "points-per-side must be 1 to 512, got 0"),
        (SamSettings(points_per_side=5, crop_layers=2, crop_points_downscale=3), "leaves no point for 2 layers"),
        (SamSettings(crop_layers=-1), "crop-layers must be 0 to 4, got -1"),
    ],
)
def test_settings_out_of_range(settings: SamSettings, message: str):
    with pytest.raises(ConfigError, match=message):
        settings.check()
