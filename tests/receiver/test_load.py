"""What ``csg render`` draws in numpy, against the renderer of tensors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.orbit import orbit
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw
from csgaussian_ns.scene.anchor_scene import AnchorScene

GOLDEN = Path(__file__).parents[1] / "golden"
NAMES = ["v1_all_channels", "v1_escapes", "v1_factorised", "v1_float16_no_carm", "v1_empty"]


@pytest.mark.parametrize("name", NAMES)
def test_pictures_of_a_file_are_those_that_torch_draws(name: str):
    file = GOLDEN / f"{name}.csg"
    opened = load(file)
    coded = decode(file)
    assert opened.rows == "anchors" and len(opened.position) == len(coded.grid)
    for camera in orbit(opened.position, opened.meta, 3, 120, 80).values():
        with torch.no_grad():
            seen = AnchorScene(coded.anchors, coded.decoders).seen(camera)
            expected = choose_rasterizer("cpu", "cpu")(seen.gaussians, camera, coded.background)
        found = draw(opened, camera)
        assert np.abs(found.image - expected.image.numpy()).max() <= 1 / 255
        assert np.abs(found.alpha - expected.alpha.numpy()).max() <= 1 / 255
        assert (expected.alpha.max() > 0.02) == (name != "v1_empty")
