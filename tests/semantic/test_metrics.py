"""Measures of selection: closed forms, and the scene of balls against ray casting."""

import pytest
import torch

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.metrics import (
    Pair,
    TrueView,
    iou,
    maps_of,
    match_by_name,
    match_by_overlap,
    measure,
    overlap_in_views,
    summary,
)
from tests.semantic.scenes import BALLS, camera, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")
NAMES = [name for name, *_ in BALLS.values()]


def view_at(angle: float, missing: tuple[int, ...] = ()) -> TrueView:
    view = camera(angle)
    truth = true_labels(view)
    masks = {BALLS[n][0]: truth == n for n in BALLS if n not in missing and (truth == n).sum() > 60}
    return TrueView(f"at {angle}", view, masks)


def test_iou():
    a, b = torch.zeros(4, 4, dtype=torch.bool), torch.zeros(4, 4, dtype=torch.bool)
    a[:2], b[1:3] = True, True
    assert iou(a, b) == pytest.approx(1 / 3)
    assert iou(a, a) == 1 and iou(a, ~a) == 0 and iou(a & ~a, a & ~a) == 0


def test_the_two_measures_differ_by_what_is_hidden():
    """Seen from the front, the box hides half of the lamp; selected alone the lamp is whole."""
    scene, view = scene_of_balls(), view_at(0.0)
    (found,) = maps_of(scene, [view], CPU)
    by_name = {pair.name: pair for pair in measure(scene, view, found, match_by_name(scene.semantics, NAMES), CPU)}
    assert set(by_name) == set(NAMES)
    assert min(pair.rendered_2d for pair in by_name.values()) > 0.8
    assert by_name["red ball"].selection_3d > 0.85  # nothing in front of it
    whole = true_labels(camera(0.0))
    assert by_name["lamp"].selection_3d < by_name["lamp"].rendered_2d - 0.1
    assert (whole == 3).sum() > 0


def test_what_was_not_found_counts_as_zero():
    scene, view = scene_of_balls(), view_at(0.0)
    (found,) = maps_of(scene, [view], CPU)
    pairs = measure(scene, view, found, {"red ball": [1], "lamp": []}, CPU)
    assert {pair.name: pair.selection_3d > 0 for pair in pairs} == {"red ball": True, "Red box": False, "lamp": False}
    assert [pair.rendered_2d for pair in pairs if pair.name != "red ball"] == [0.0, 0.0]


def test_two_objects_for_one():
    scene, view = scene_of_balls(), view_at(0.0)
    both = TrueView(view.name, view.camera, {"pair": view.masks["Red box"] | view.masks["lamp"]})
    (found,) = maps_of(scene, [both], CPU)
    (pair,) = measure(scene, both, found, {"pair": [2, 3]}, CPU)
    assert pair.rendered_2d > 0.85 and pair.selection_3d > 0.85


def test_the_assignment_is_one_to_one_over_all_views():
    scene = scene_of_balls()
    views = [view_at(angle) for angle in (0.0, 1.5, 3.0)]
    maps = maps_of(scene, views, CPU)
    # the scene's objects under other numbers, and an object that is only the left half of what was the lamp
    renamed = [torch.tensor([0, 30, 20, 10])[found] for found in maps]
    for found in renamed:
        columns = torch.arange(found.shape[1]).expand_as(found)
        found[(found == 10) & (columns < columns[found == 10].float().median())] = 40
    overlap = overlap_in_views(views, renamed, NAMES, [10, 20, 30, 40])
    matching = match_by_overlap(overlap, NAMES, [10, 20, 30, 40])
    assert matching["red ball"] == [30] and matching["Red box"] == [20]
    assert matching["lamp"] in ([10], [40])
    expected = iou(torch.stack([f == 20 for f in renamed]).flatten(1), _stacked(views, "Red box"))
    assert float(overlap[1, 1]) == pytest.approx(expected)


def _stacked(views: list[TrueView], name: str) -> torch.Tensor:
    empty = torch.zeros(72, 96, dtype=torch.bool)
    return torch.stack([view.masks.get(name, empty) for view in views]).flatten(1)


def test_more_true_objects_than_found_ones():
    overlap = torch.tensor([[0.9, 0.2], [0.8, 0.0], [0.0, 0.0]], dtype=torch.float64)
    assert match_by_overlap(overlap, ["a", "b", "c"], [5, 7]) == {"a": [7], "b": [5], "c": []}
    assert match_by_overlap(torch.zeros(2, 0, dtype=torch.float64), ["a", "b"], []) == {"a": [], "b": []}


def test_names_ignore_case_and_take_all_of_a_name():
    scene = scene_of_balls()
    assert match_by_name(scene.semantics, ["RED BOX", "desk"]) == {"RED BOX": [2], "desk": []}


def test_summaries_are_means_over_pairs():
    pairs = [Pair("v1", "a", 0.9, 0.8), Pair("v1", "b", 0.3, 0.4), Pair("v2", "a", 0.0, 0.3)]
    selected = summary(pairs, "selection_3d")
    assert selected["miou"] == pytest.approx(0.4) and selected["pairs"] == 3
    assert selected["acc_0.25"] == pytest.approx(2 / 3) and selected["acc_0.5"] == pytest.approx(1 / 3)
    assert selected["per_object"] == pytest.approx({"a": 0.45, "b": 0.3})
    assert selected["per_view"] == pytest.approx({"v1": 0.6, "v2": 0.0})
    assert summary(pairs, "rendered_2d")["miou"] == pytest.approx(0.5)


def test_masks_of_another_size_are_refused():
    scene, view = scene_of_balls(), view_at(0.0)
    (found,) = maps_of(scene, [view], CPU)
    small = TrueView("x", view.camera, {"lamp": torch.ones(10, 10, dtype=torch.bool)})
    with pytest.raises(DataError, match="10 x 10 pixels, its image 96 x 72"):
        measure(scene, small, found, {}, CPU)
