"""Depth images of frames."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.capture.depth_images import read_depth
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.feedforward.fitting import fitted_depth
from csgaussian_ns.feedforward.posed import scene_of_folder
from tests.feedforward.captures import write_folder


def test_depths_are_read_in_units_of_the_poses(tmp_path: Path):
    values = np.arange(32 * 48, dtype=np.uint16).reshape(32, 48)
    Image.fromarray(values).save(tmp_path / "d.png")
    found = read_depth(tmp_path / "d.png")
    assert np.allclose(found, values * 1e-3) and found[0, 0] == 0
    assert np.array_equal(fitted_depth(found, 16, 16), found[1::2, 9:-8:2])


def test_what_holds_no_depths_is_told(tmp_path: Path):
    Image.new("RGB", (4, 4)).save(tmp_path / "rgb.png")
    with pytest.raises(DataError, match=r"rgb.png are of shape \(4, 4, 3\).*at least 16 bits"):
        read_depth(tmp_path / "rgb.png")
    (tmp_path / "none.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"none.png cannot be read"):
        read_depth(tmp_path / "none.png")


def test_a_scene_has_the_depths_that_its_frames_name(tmp_path: Path):
    folder = write_folder(tmp_path / "scene", depth_file_path=None)
    assert scene_of_folder(folder).depth(0) is None
    text = (folder / "transforms.json").read_text()
    text = text.replace('"file_path": "images/1.png"', '"file_path": "images/1.png", "depth_file_path": "d.png"')
    (folder / "transforms.json").write_text(text.replace('"near"', '"applied_scale": 0.5, "near"'))
    Image.fromarray(np.full((32, 32), 2000, np.uint16)).save(folder / "d.png")
    scene = scene_of_folder(folder)
    depth = scene.depth(1)
    assert scene.depth(0) is None and depth is not None and np.allclose(depth, 4.0)  # before the scale was applied
