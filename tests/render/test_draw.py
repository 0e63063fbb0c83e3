"""Drawing without tensors: the same bits as the renderer of tensors, whatever the arrays look like in memory."""

import inspect
from dataclasses import fields, replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Anchors, Camera, Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.cpu import CpuRasterizer
from csgaussian_ns.render.cpu_projection import project
from csgaussian_ns.render.draw import draw, draw_gaussians
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import FrozenDecoders
from tests.render.scenes import SCENES, gaussians
from tests.render.scenes import camera as torch_camera
from tests.scene.scenes import camera_at, grid_anchors

signatures = attrgetter("signatures")
unchecked_draw = inspect.unwrap(draw_gaussians)


def in_numpy(model: Gaussians) -> Gaussians:
    return Gaussians(*(to_numpy(getattr(model, field.name)) for field in fields(Gaussians)))


def camera() -> Camera:
    view = torch_camera()
    return replace(view, world_to_camera=view.world_to_camera.numpy())


@pytest.mark.parametrize("name", SCENES)
def test_it_draws_what_the_renderer_of_tensors_draws(name: str):
    scene = SCENES[name]()
    expected = CpuRasterizer()(scene.gaussians, scene.camera, scene.background, scene.with_depth)
    background = None if scene.background is None else scene.background.numpy()
    found = draw_gaussians(in_numpy(scene.gaussians), scene.camera, background, scene.with_depth)
    assert np.array_equal(found.image, expected.image) and np.array_equal(found.alpha, expected.alpha)
    assert (found.depth is None) == (expected.depth is None)
    if found.depth is not None and expected.depth is not None:
        assert np.array_equal(found.depth, expected.depth)
    assert isinstance(found.image, np.ndarray) and found.image.dtype == np.float32


def test_kernels_are_compiled_once_for_arrays_of_any_kind():
    """Read-only ones, parts of others, and columns first: as they come out of files."""
    plain = in_numpy(gaussians())
    expected = draw_gaussians(plain, camera()).image
    known = signatures(project)
    for change in (np.asfortranarray, lambda array: np.frombuffer(array.tobytes(), np.float32).reshape(array.shape)):
        changed = Gaussians(*(change(getattr(plain, field.name)) for field in fields(Gaussians)))
        assert np.array_equal(draw_gaussians(changed, camera(), threads=1).image, expected)
    assert signatures(project) == known


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"means": np.zeros((150, 2), np.float32)}, ["gaussians.means", "(150, 3)", "(150, 2)"]),
        ({"colors": np.zeros((150, 3))}, ["gaussians.colors", "float32", "float64", ".astype"]),
        ({"opacities": torch.zeros(150)}, ["gaussians.opacities", "array of numpy", "Tensor"]),
    ],
)
def test_wrong_inputs_are_named(changes: dict, words: list[str]):
    cloud = in_numpy(gaussians())
    for name, value in changes.items():
        object.__setattr__(cloud, name, value)
    with pytest.raises(ConfigError) as error:
        unchecked_draw(cloud, camera())
    assert all(word in str(error.value) for word in words)


def test_renderers_of_tensors_refuse_arrays():
    with pytest.raises(ConfigError, match=r"gaussians\.means: this renderer works on tensors.*render\.draw"):
        inspect.unwrap(CpuRasterizer.__call__)(CpuRasterizer(), in_numpy(gaussians()), camera())


def test_a_scene_before_its_own_background_or_another():
    anchors, view = grid_anchors([[x, y, 0] for x in range(-4, 5) for y in range(-3, 4)]), camera_at()
    decoders = Decoders(4, 3, 8)
    anchors.feature.data /= 100
    parts = anchors.at(torch.arange(len(anchors)), torch.ones(len(anchors), 3))
    arrays = Anchors(*(to_numpy(getattr(parts, field.name)) for field in fields(Anchors)))
    own = np.array([0.25, 0.5, 0.75], np.float32)
    scene = AnchorScene(arrays, FrozenDecoders(networks_of(decoders)), own)
    with torch.no_grad():
        seen = AnchorScene(parts, decoders).seen(view).gaussians
        for background, behind in ((None, own), (np.ones(3, np.float32), np.ones(3, np.float32))):
            expected = choose_rasterizer("cpu", "cpu")(seen, view, torch.from_numpy(behind), with_depth=True)
            found = draw(scene, view, background, with_depth=True)
            assert expected.alpha.max() > 0.1 and found.depth is not None and expected.depth is not None
            assert np.abs(found.image - expected.image.numpy()).max() < 1 / 255
            assert np.abs(found.alpha - expected.alpha.numpy()).max() < 1 / 255
    black = draw_gaussians(scene.seen(view).gaussians, view)
    assert np.array_equal(draw(replace(scene, background=None), view).image, black.image)
