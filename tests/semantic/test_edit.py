"""Editing by object: what is drawn afterwards, and that nothing passed in is altered."""

import torch

from csgaussian_ns.core.types import Anchors
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.edit import hide, isolate, recolour, translate
from csgaussian_ns.semantic.query import by_id
from csgaussian_ns.semantic.seen import label_map, see
from tests.semantic.scenes import camera, scene_of_balls

CPU = choose_rasterizer("cpu", "cpu")
FIELDS = ("position", "feature", "offset", "scaling", "mask")


def labels(anchors: Anchors, label, scene, angle: float = 0.0):
    return label_map(see(anchors, scene.decoders, camera(angle)), label, CPU)


def test_an_isolated_object_is_alone():
    scene = scene_of_balls()
    edited = isolate(scene.anchors, scene.semantics, by_id(scene, 3))
    assert [entry.id for entry in edited.semantics.objects] == [3]
    assert len(edited.anchors) == len(edited.semantics.label) == len(edited.semantics.feature) > 0
    drawn = labels(edited.anchors, edited.semantics.label, scene)
    assert set(drawn.unique().tolist()) == {0, 3}
    hidden = (labels(scene.anchors, scene.semantics.label, scene) == 2) & (drawn == 3)
    assert hidden.sum() > 50, "what the box hid of the lamp is there now"


def test_a_hidden_object_is_gone():
    scene = scene_of_balls()
    edited = hide(scene.anchors, scene.semantics, by_id(scene, 2))
    assert [entry.id for entry in edited.semantics.objects] == [1, 3]
    assert set(labels(edited.anchors, edited.semantics.label, scene).unique().tolist()) == {0, 1, 3}


def test_a_moved_object_is_elsewhere():
    scene = scene_of_balls()
    before = {name: getattr(scene.anchors, name).clone() for name in FIELDS}
    edited = translate(scene.anchors, scene.semantics, by_id(scene, 1), (0.0, 0.0, 0.7))
    was, now = (torch.nonzero(labels(a, scene.semantics.label, scene) == 1) for a in (scene.anchors, edited.anchors))
    moved_rows = (was.float().mean(0) - now.float().mean(0))[0]
    assert abs(moved_rows - 0.7 / 5.0 * 105.6) < 1.5
    assert edited.semantics.objects[0].centre[2] - scene.semantics.objects[0].centre[2] == 0.7
    assert edited.semantics.objects[1:] == scene.semantics.objects[1:]
    assert all(torch.equal(getattr(scene.anchors, name), before[name]) for name in FIELDS)


def test_a_recoloured_object_changes_hue_and_nothing_else():
    scene = scene_of_balls()
    seen = see(scene.anchors, scene.decoders, camera())
    chosen = by_id(scene, 3).anchors[seen.row]
    before = seen.gaussians.colors.clone()
    changed = recolour(seen.gaussians, chosen, (1.0, 1.0, 0.0), 1.0).colors
    assert torch.equal(changed[~chosen], before[~chosen]) and torch.equal(seen.gaussians.colors, before)
    assert (before[chosen][:, 2] > 0.9).all() and (changed[chosen][:, 2] == 0).all()
    assert (changed[chosen][:, 0] == changed[chosen][:, 1]).all() and (changed[chosen][:, 0] > 0.1).all()
    assert torch.equal(recolour(seen.gaussians, chosen, (1.0, 1.0, 0.0), 0.0).colors, before)
