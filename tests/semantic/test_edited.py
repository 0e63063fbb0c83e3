"""Scenes after edits: where things are, how light turns with them, and what is known of them; in torch and in numpy."""

from pathlib import Path

import numpy as np
import pytest
import torch

import csgaussian_ns
from csgaussian_ns.core.edits import Crop, Edit, Keep, Move, Recolour, Remove, Rename, Rotate, Scale, Target
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.draw import draw, draw_gaussians
from csgaussian_ns.semantic.edited import edited
from csgaussian_ns.semantic.edited_objects import objects_after, settled
from csgaussian_ns.semantic.query import pick
from csgaussian_ns.semantic.seen import label_map
from tests.semantic.scenes import BALLS, camera, loaded, scene_of_balls

GOLDEN = Path(__file__).parents[1] / "golden"
BALL, BOX, LAMP = (Target((number,)) for number in BALLS)
EDITS: tuple[Edit, ...] = (
    Remove(BALL),
    Scale(LAMP, 0.5, BALLS[3][1]),
    Move(BOX, (-0.8, 0.0, 0.5)),
    Rotate(Target((2, 3)), (0.0, 0.0, 1.0), 180.0, (0.0, 0.0, 0.0)),
    Recolour(LAMP, (1.0, 1.0, 0.0)),
    Rename(BOX, "cup"),
    Crop((-9.0, -9.0, -0.95), (9.0, 9.0, 9.0)),
)


def objects_of_balls() -> tuple[SceneObject, ...]:
    layer = scene_of_balls().semantics
    assert layer is not None
    return layer.objects


def test_torch_and_numpy_show_the_same():
    scene, arrays, view = scene_of_balls(), loaded(scene_of_balls()), camera(0.4)
    ours, theirs = edited(arrays, EDITS), edited(scene, EDITS)
    drawn = draw(ours, view).image
    expected = choose_rasterizer("cpu", "cpu")(theirs.seen(view).gaussians, view).image.numpy()
    assert np.abs(drawn - expected).max() <= 1 / 255 and drawn.max() > 0.5
    assert ours.semantics is not None and theirs.semantics is not None
    assert np.array_equal(ours.semantics.label, theirs.semantics.label.numpy())
    assert isinstance(theirs.position, torch.Tensor) and np.allclose(ours.position, theirs.position.numpy(), atol=1e-6)


def test_what_is_left_and_where_it_is():
    scene = loaded(scene_of_balls())
    after = edited(scene, EDITS)
    assert scene.semantics is not None and after.semantics is not None
    box, lamp = after.semantics.objects
    assert (box.id, box.name, lamp.name) == (2, "cup", "lamp")
    label = after.semantics.label
    assert set(label.tolist()) == {0, 2, 3} and (label[scene.semantics.label == 1] == 0).all()
    for thing in (box, lamp):
        rows = after.position[label == thing.id]
        assert len(rows) == thing.anchors and np.allclose(rows.mean(axis=0), thing.centre, atol=0.05)
        assert np.allclose(rows.min(axis=0), thing.lowest, atol=0.08)
    assert np.allclose(lamp.centre, (-0.8, -1.0, 0.0), atol=0.05) and np.allclose(box.centre, (0, 0.6, 0.5), atol=0.05)
    found = label_map(after.seen(camera()), label, draw_gaussians)
    assert set(np.unique(found).tolist()) == {0, 2, 3}, "and the floor is cropped away"
    assert draw(after, camera()).alpha[-1].max() < 0.01
    row, column = np.argwhere(found == 3).mean(axis=0).astype(int)
    assert pick(after, camera(), (int(column), int(row))).objects == (lamp,)


def test_light_turns_with_an_object():
    """Golden networks answer to the direction of view: turned about the camera's axis, an object looks as before."""
    scene = csgaussian_ns.load(GOLDEN / "v1_semantics.csg")
    alone = (Keep(Target((2,))),)
    turn = Rotate(Target((2,)), (0.3, -1.0, 0.2), 70.0, scene.objects[2].centre)
    [view] = scene.orbit(1, 96, 64).values()
    turned, still = edited(scene, (*alone, turn)), edited(scene, alone)
    motion = turned.look.motions[1]
    assert still.semantics is not None
    before, after = still.seen(motion.seen_from(view)).gaussians, turned.seen(view).gaussians
    assert len(before.colors) > 2 and np.array_equal(before.colors, after.colors)
    unturned = still.seen(view).gaussians.colors
    assert len(unturned) != len(after.colors) or np.abs(unturned - after.colors).max() > 0.01
    pictures = draw(turned, view).image, draw(still, motion.seen_from(view)).image
    assert pictures[0].max() > 0.1 and np.abs(pictures[0] - pictures[1]).max() < 1e-3


def test_centres_are_those_of_the_moment():
    objects = objects_of_balls()
    x, y, z = objects[2].centre
    moved, turned = settled((Move(LAMP, (1.0, 0.0, 0.0)), Rotate(LAMP, (0.0, 0.0, 1.0), 90.0)), objects)
    assert isinstance(turned, Rotate) and turned.about is not None
    assert moved == Move(LAMP, (1.0, 0.0, 0.0)) and np.allclose(turned.about, (x + 1, y, z))
    [pair] = settled((Scale(Target((3, 1)), 2.0),), objects)
    assert pair.target == Target((1, 3)) and pair.about is not None, "in order"
    total = objects[0].anchors + objects[2].anchors
    weighted = [
        (a * objects[0].anchors + b * objects[2].anchors) / total
        for a, b in zip(objects[0].centre, objects[2].centre, strict=True)
    ]
    assert np.allclose(pair.about, weighted)
    with pytest.raises(QueryError, match="no object 1; the scene has 2 Red box, 3 lamp"):
        settled((Remove(BALL), Move(BALL, (1.0, 0.0, 0.0))), objects)


def test_the_list_of_objects_needs_no_anchor():
    objects = objects_of_balls()
    exact = edited(loaded(scene_of_balls()), EDITS[:-1]).semantics
    assert exact is not None and objects_after(objects, EDITS[:-1]) == exact.objects
    assert [thing.id for thing in objects_after(objects, (Keep(Target((1, 3))), Remove(LAMP)))] == [1]
    [box] = objects_after(objects, (Keep(BOX), Crop((0.8, -9.0, -9.0), (9.0, 9.0, 9.0))))
    assert box.lowest[0] == 0.8 and box.highest == objects[1].highest
    assert objects_after(objects, (Crop((50.0, 50.0, 50.0), (51.0, 51.0, 51.0)),)) == ()


def test_what_moves_together_is_drawn_together():
    scene = loaded(scene_of_balls())
    again = (Move(BALL, (1.0, 0.0, 0.0)), Scale(Target((1, 3)), 2.0, (0.0, 0.0, 0.0)), Move(BALL, (0.0, 1.0, 0.0)))
    look = edited(scene, again * 5).look
    assert len(look.motions) == 3, "the others, the ball, the lamp"
    assert scene.semantics is not None
    own, placed = scene.semantics.label, look.placed(scene.position)
    assert np.array_equal(placed[own == 2], scene.position[own == 2])
    assert np.allclose(placed[own == 3], 32 * scene.position[own == 3])
    ball = look.motions[int(look.group[own == 1][0])]
    assert ball.factor == 32 and np.allclose(ball.shift, (62.0, 31.0, 0.0))
