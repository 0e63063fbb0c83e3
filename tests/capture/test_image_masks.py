"""Which pixels of a photo count."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.image_masks import read_mask
from csgaussian_ns.core.errors import DataError

LEFT = np.zeros((3, 4), bool)
LEFT[:, :2] = True


def stored(path: Path, mode: str) -> Path:
    grey = Image.fromarray(LEFT.astype(np.uint8) * np.uint8(255))
    if mode == "I;16":
        Image.fromarray(LEFT.astype(np.uint16)).save(path)
    else:
        grey.convert(mode).save(path)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_all_but_black_counts_in_every_mode(tmp_path: Path, mode: str):
    assert np.array_equal(read_mask(stored(tmp_path / "m.png", mode), (4, 3)), LEFT)


def test_a_mask_of_another_resolution_is_resized(tmp_path: Path):
    found = read_mask(stored(tmp_path / "m.png", "L"), (8, 6))
    assert found.shape == (6, 8) and found[:, :4].all() and not found[:, 4:].any()
    with pytest.raises(DataError, match=r"m\.png is 4x3 but the camera of its photo says 3x4"):
        read_mask(tmp_path / "m.png", (3, 4))


def test_a_mask_that_cannot_be_read_is_told(tmp_path: Path):
    (tmp_path / "m.png").write_bytes(b"no picture")
    for name in ("m.png", "none.png"):
        with pytest.raises(DataError, match=rf"the mask .*{name} cannot be read"):
            read_mask(tmp_path / name, (4, 3))
