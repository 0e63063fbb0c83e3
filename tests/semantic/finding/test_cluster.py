"""Objects from the means of masks: how many there are is found, merged masks and few views do not confuse."""

import sys

import numpy as np
import pytest

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.semantic.finding import cluster as module
from csgaussian_ns.semantic.finding.cluster import FindingSettings, by_size, cluster


def masks_of(objects, views, spread=0.2, apart=3.0, merged=0.0, seed=0):
    """Means of a mask per object and view, ``merged`` of them with another object; and which object each row is."""
    random = np.random.default_rng(seed)
    corners = apart * (np.arange(64)[:, None] >> np.arange(6) & 1)
    owner = np.tile(np.arange(objects), views)
    feature = corners[1 + owner] + random.normal(0, spread, (len(owner), 6))
    place = 3.0 * np.eye(3)[owner % 3] * (1 + owner // 3)[:, None] + random.uniform(-1, 1, (len(owner), 3))
    mixed = random.random(len(owner)) < merged
    part, other = random.random((mixed.sum(), 1)), (owner[mixed] + 1) % objects
    feature[mixed] += part * (corners[1 + other] - feature[mixed])
    return feature, place, np.where(mixed, -1, owner)


def agreement(found, owner) -> float:
    """Share of rows whose label is that of most rows of their object."""
    own = [found[owner == i] for i in sorted(set(owner) - {-1})]
    return float(np.mean([(rows == np.bincount(rows).argmax()).mean() for rows in own]))


@pytest.mark.parametrize(("objects", "views"), [(2, 12), (5, 40), (12, 8), (30, 90)])
def test_the_number_of_objects_is_found(objects: int, views: int):
    feature, place, owner = masks_of(objects, views)
    found = cluster(feature, place, views)
    assert set(np.unique(found)) - {0} == set(range(1, objects + 1))
    assert agreement(found, owner) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_masks_of_two_objects_at_once_do_not_make_one_of_them(seed: int):
    feature, place, owner = masks_of(4, 60, merged=0.15, seed=seed)
    found = cluster(feature, place, 60)
    most = [np.bincount(found[owner == i]).argmax() for i in range(4)]
    assert len(set(most)) == 4 and 0 not in most and agreement(found, owner) > 0.9


@pytest.mark.parametrize("views", [1, 2, 5])
def test_few_views_are_enough_where_masks_are_clear(views: int):
    feature, place, owner = masks_of(3, views)
    found = cluster(feature, place, views)
    assert found.max() == 3 and agreement(found, owner) == 1 and (found > 0).all()


def test_what_hardly_any_view_shows_is_no_object():
    feature, place, owner = masks_of(3, 60)
    rare = np.concatenate([np.flatnonzero(owner < 2), np.flatnonzero(owner == 2)[:2]])
    found = cluster(feature[rare], place[rare], 60)
    assert found.max() == 2 and not found[-2:].any()


def test_one_object_is_one():
    feature, place, _ = masks_of(1, 40, spread=0.1)
    found = cluster(feature, place, 40)
    assert set(np.unique(found)) <= {0, 1} and (found == 1).mean() > 0.9


def test_equal_features_in_two_places_are_two_objects():
    """Objects that no view shows together may end up with the same feature."""
    feature, place, owner = masks_of(2, 60, spread=0.1)
    feature = feature - np.array([[0.0] * 6, [-3.0, 3.0, 0.0, 0.0, 0.0, 0.0]])[owner]
    apart = FindingSettings(position_weight=4.0)
    assert cluster(feature, 3 * place, 60, apart).max() == 2
    assert cluster(feature, 3 * place, 60, FindingSettings(position_weight=0.0)).max() == 1


@pytest.mark.parametrize(("count", "views", "label"), [(0, 0, 1), (0, 40, 1), (1, 1, 1), (2, 40, 0), (7, 40, 1)])
def test_hardly_any_masks(count: int, views: int, label: int):
    assert cluster(np.zeros((count, 6)), np.zeros((count, 3)), views).tolist() == [label] * count


@pytest.mark.parametrize(("views", "rows"), [(60, 9), (20, 2)])
def test_a_rare_thing_is_not_taken_for_the_only_object(views: int, rows: int):
    """With so few masks outside the largest chain that HDBSCAN is not asked."""
    feature, place, owner = masks_of(2, views, spread=0.02)
    kept = np.concatenate([np.flatnonzero(owner == 0), np.flatnonzero(owner == 1)[:rows]])
    found = cluster(feature[kept], place[kept], views, FindingSettings(position_weight=0.1))
    assert (found[:views] == 1).mean() > 0.9 and not found[views:].any()


def test_scattered_masks_are_not_taken_for_the_only_object():
    """With more masks outside the largest chain, of which HDBSCAN makes nothing."""
    feature, place, _ = masks_of(1, 15, spread=0.02)
    far = 20 * np.random.default_rng(1).normal(size=(14, 6))
    points = np.concatenate([feature, far]), np.concatenate([place, place[:14]])
    assert cluster(*points, 60, FindingSettings(position_weight=0.1)).tolist() == [1] * 15 + [0] * 14


@pytest.mark.parametrize("masks", [1, 2])
def test_things_that_are_all_rare_are_no_objects(masks: int):
    feature, place, owner = masks_of(3, masks)
    assert len(owner) == 3 * masks and not cluster(feature, place, 20).any()


def test_equal_masks_are_one_object():
    assert set(cluster(np.zeros((50, 6)), np.zeros((50, 3)), 50)) == {1}


def test_a_sample_finds_what_everything_would(monkeypatch):
    feature, place, owner = masks_of(3, 80)
    monkeypatch.setattr(module, "MOST_POINTS", 120)
    found = cluster(feature, place, 80)
    assert found.max() == 3 and agreement(found, owner) > 0.95


@pytest.mark.parametrize("share", [2, 3])
def test_a_sample_finds_objects_that_a_sixth_of_the_views_shows(monkeypatch, share: int):
    """As scenes with many masks have; of the last thing half as many masks are too few."""
    feature, place, owner = masks_of(16, 60)
    view = np.arange(len(owner)) // 16
    kept = (owner < 8) | ((view % 6 == owner % 6) & ((owner < 15) | (view < 30)))
    feature, place, owner = feature[kept], place[kept], owner[kept]
    monkeypatch.setattr(module, "MOST_POINTS", len(owner) // share)
    found = cluster(feature, place, 60)
    most = [np.bincount(found[owner == i]).argmax() for i in range(16)]
    assert sorted(most[:15]) == list(range(1, 16)) and most[15] == 0, most
    assert agreement(found, owner) > 0.95


def test_without_the_library_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    feature, place, _ = masks_of(2, 10)
    with pytest.raises(BackendUnavailable, match=r"csgaussian-ns\[train\]"):
        cluster(feature, place, 10)


def test_numbers_by_size():
    labels = np.array([5, 5, 5, 2, 2, 0, 0, 0, 0, 9, 7, 7])
    found, old = by_size(labels)
    assert found.tolist() == [1, 1, 1, 2, 2, 0, 0, 0, 0, 4, 3, 3] and old == [5, 2, 7, 9]
    assert by_size(np.zeros(3, np.int64))[0].tolist() == [0, 0, 0]
    assert by_size(np.zeros(0, np.int64))[0].tolist() == []
