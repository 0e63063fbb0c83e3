"""A scene in another appearance: what is drawn then, in torch and in numpy, and that nothing passed in is altered."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from csgaussian_ns.core.edits import Move, Recolour, Target
from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw, draw_gaussians
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.semantic.appearance import Appearance, Hide, Highlight, Isolate
from csgaussian_ns.semantic.query import by_id, pick
from csgaussian_ns.semantic.seen import label_map
from csgaussian_ns.semantic.shown import Shown, look_of, palette, recoloured, rows_of
from tests.semantic.scenes import camera, loaded, scene_of_balls

CPU = choose_rasterizer("cpu", "cpu")
STEPS = (
    Recolour(Target((3,)), (1.0, 1.0, 0.0)),
    Move(Target((1,)), (0.0, 0.0, 0.7)),
    Hide(Target((2,), percent=-20.0)),
    Highlight(Target((3,), percent=10.0)),
)


def labels(*operations, angle: float = 0.0) -> torch.Tensor:
    scene = scene_of_balls()
    assert scene.semantics is not None
    shown = Shown(scene, look_of(scene, Appearance(operations)))
    assert isinstance(shown, Scene)
    return label_map(shown.seen(camera(angle)), scene.semantics.label, CPU)


def test_an_isolated_object_is_alone():
    alone = labels(Hide(Target((3,))), Isolate(Target((3,))))
    assert set(alone.unique().tolist()) == {0, 3}
    assert ((labels() == 2) & (alone == 3)).sum() > 50, "what the box hid of the lamp is there now"


def test_a_hidden_object_is_gone():
    assert set(labels(Hide(Target((2,)))).unique().tolist()) == {0, 1, 3}
    assert set(labels(Hide(Target((2,))), Hide(Target((1,)))).unique().tolist()) == {0, 3}


def test_a_moved_object_is_elsewhere_and_lit_as_before():
    was, now = (torch.nonzero(found == 1).float().mean(0) for found in (labels(), labels(STEPS[1])))
    assert abs((was - now)[0] - 0.7 / 5.0 * 105.6) < 1.5
    scene = scene_of_balls()
    twice = look_of(scene, Appearance((STEPS[1], Move(Target((1, 2)), (0.0, 0.0, -0.7)))))
    own = scene.semantics.label
    shown = Shown(scene, twice)
    shift = shown.position - scene.position
    assert (shift[own == 1] == 0).all() and torch.allclose(shift[own == 2][:, 2], torch.tensor(-0.7))
    assert torch.equal(shown.position[own == 3], scene.position[own == 3])
    view = camera()
    back = replace(view, world_to_camera=view.world_to_camera.clone())
    back.world_to_camera[:3, 3] -= 0.7 * view.world_to_camera[:3, 2]
    moved, still = shown.seen(view, own == 2), scene.seen(back, own == 2)
    assert torch.equal(moved.row, still.row) and torch.equal(moved.gaussians.colors, still.gaussians.colors)
    assert torch.allclose(moved.gaussians.means[:, 2], still.gaussians.means[:, 2] - 0.7)


def test_a_recoloured_object_changes_hue_and_nothing_else():
    scene = scene_of_balls()
    seen = scene.seen(camera())
    chosen = by_id(scene, 3).anchors[seen.row]
    before = seen.gaussians.colors.clone()
    changed = recoloured(seen.gaussians.colors, chosen, (1.0, 1.0, 0.0), 1.0)
    assert torch.equal(changed[~chosen], before[~chosen]) and torch.equal(seen.gaussians.colors, before)
    assert (before[chosen][:, 2] > 0.9).all() and (changed[chosen][:, 2] == 0).all()
    assert (changed[chosen][:, 0] == changed[chosen][:, 1]).all() and (changed[chosen][:, 0] > 0.1).all()
    assert torch.equal(recoloured(seen.gaussians.colors, chosen, (1.0, 1.0, 0.0), 0.0), before)


def test_the_last_colour_counts():
    scene, view = scene_of_balls(), camera()
    twice = Appearance((Recolour(Target((1, 3)), (1.0, 0.0, 0.0)), Recolour(Target((3,)), (0.0, 1.0, 0.0))))
    once = Appearance((Recolour(Target((3,)), (0.0, 1.0, 0.0)), Recolour(Target((1,)), (1.0, 0.0, 0.0))))
    first, second = (Shown(scene, look_of(scene, looks)).seen(view).gaussians.colors for looks in (twice, once))
    assert torch.equal(first, second)


def test_layers_are_drawn_in_place_of_the_colours():
    scene, view = scene_of_balls(), camera()
    assert scene.semantics is not None
    look = look_of(scene, Appearance((), "objects"))
    seen = Shown(scene, look).seen(view)
    assert torch.equal(seen.gaussians.colors, palette(scene.semantics.label)[seen.row])
    semantic = Shown(scene, look_of(scene, Appearance((), "semantic"))).seen(view).gaussians.colors
    assert semantic.shape == seen.gaussians.colors.shape and semantic.std(dim=0).max() > 0.05


def test_numpy_draws_and_answers_what_torch_does():
    scene, arrays, view = scene_of_balls(), loaded(scene_of_balls()), camera(0.4)
    assert scene.semantics is not None and arrays.semantics is not None
    for layer in ("colour", "objects", "semantic"):
        looks = Appearance(STEPS, layer)
        drawn = draw(Shown(arrays, look_of(arrays, looks)), view).image
        seen = Shown(scene, look_of(scene, looks)).seen(view)
        assert isinstance(drawn, np.ndarray)
        assert np.abs(drawn - CPU(seen.gaussians, view).image.numpy()).max() <= 1 / 255
    found = label_map(arrays.seen(view), arrays.semantics.label, draw_gaussians)
    expected = label_map(scene.seen(view), scene.semantics.label, CPU)
    assert isinstance(found, np.ndarray) and (found == expected.numpy()).mean() > 0.9999
    for pixel in ((30, 30), (67, 36), (0, 0)):
        [ours, theirs] = [pick(asked, view, pixel).objects for asked in (arrays, scene)]
        assert [entry.id for entry in ours] == [entry.id for entry in theirs]
    for percent in (-50.0, 0.0, 30.0):
        target = Target((2,), percent)
        assert np.array_equal(rows_of(arrays, target), rows_of(scene, target).numpy())


def test_an_appearance_can_be_stored():
    looks = Appearance(STEPS, "semantic")
    assert Appearance.from_json(json.loads(json.dumps(looks.to_json()))) == looks
    assert Appearance.from_json(Appearance().to_json()) == Appearance()
    far = [1e300, 0, 0]
    for content in (
        [],
        {},
        {"layer": "depths", "operations": []},
        {"layer": "colour", "operations": [{"do": "explode", "target": {"ids": [1], "percent": 0}}]},
        {"layer": "colour", "operations": [{"do": "hide"}]},
        {"layer": "colour", "operations": [{"do": "hide", "target": {"ids": "12", "percent": 0}}]},
        {"layer": "colour", "operations": [{"do": "hide", "target": {"ids": [1e400], "percent": 0}}]},
        {"layer": "colour", "operations": [{"do": "hide", "target": {"ids": [1], "percent": float("nan")}}]},
        {
            "layer": "colour",
            "operations": [{"do": "move", "target": {"ids": [1], "percent": 0}, "shift": far}],
        },
        {"layer": "colour", "operations": [{"do": "hide", "target": {"ids": [1], "percent": 0}, "colour": [1, 1, 1]}]},
        {"layer": "colour", "operations": [{"do": "move", "target": {"ids": [1], "percent": 0}, "shift": [1, 2]}]},
    ):
        with pytest.raises(ConfigError, match="no stored appearance"):
            Appearance.from_json(content)


def test_objects_that_are_not_there_are_refused():
    with pytest.raises(QueryError, match="no object 9"):
        look_of(scene_of_balls(), Appearance((Hide(Target((9,))),)))
