"""Pictures as files."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.png import write_png
from tests.full_disk import full_disk


@pytest.mark.parametrize(("shape", "kind"), [((5, 4), "u1"), ((5, 4), "u2"), ((5, 4, 3), "u1"), ((5, 4, 4), "u1")])
def test_pixels_come_back(tmp_path: Path, shape: tuple[int, ...], kind: str):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape).astype(kind)
    write_png(tmp_path / "a.png", pixels)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), pixels)


def test_a_full_disk_leaves_no_picture(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    with full_disk(after=1000), pytest.raises(ConfigError, match=r"cannot write .*a\.png: File too large"):
        write_png(tmp_path / "a.png", noise)
    assert list(tmp_path.iterdir()) == []
