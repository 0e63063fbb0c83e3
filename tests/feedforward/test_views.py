"""Cameras of a few photos, and what views say of each other."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.feedforward.sweep import plane_sweep, seen_by_partners
from csgaussian_ns.feedforward.views import Views, check_overlap, inside, overlaps
from tests.feedforward.worlds import FAR, NEAR, on_plane, texture, turned, two_views


def test_the_sweep_peaks_where_the_plane_is():
    views, planes = two_views(128, 96), 12
    inverse = views.inverse_depths(planes)
    for truth in (1.6, 2.7):
        features = np.stack([texture(on_plane(views, view, truth, 4), 24) for view in range(2)]).astype(np.float32)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        alike = plane_sweep(features, views, planes, 2, 4)
        assert alike.shape == (2, planes, 24, 32)
        # in camera axes the turned camera sees the plane at depths that differ from place to place
        for view in range(2):
            points = on_plane(views, view, truth, 4)
            depth = (
                np.einsum("i,ihw->hw", views.world_to_camera[view, 2, :3], points) + views.world_to_camera[view, 2, 3]
            )
            expected = np.abs(inverse[:, None, None] - 1 / depth).argmin(0)
            columns, rows = views.places_in(view, 1 - view, 1 / depth, 4)
            shown = inside(columns, rows, 32, 24)
            right = np.abs(alike[view].argmax(0) - expected) <= 1
            assert shown.mean() > 0.7 and right[shown].mean() > 0.9, (truth, view)


def test_partners_show_what_a_place_is():
    views, truth = two_views(128, 96), 2.0
    features = np.stack([texture(on_plane(views, view, truth, 4), 6) for view in range(2)]).astype(np.float32)
    pose = views.world_to_camera
    depth = [np.einsum("i,ihw->hw", pose[v, 2, :3], on_plane(views, v, truth, 4)) + pose[v, 2, 3] for v in range(2)]
    inverse = (1 / np.stack(depth))[:, None].astype(np.float32)
    seen = seen_by_partners(features, inverse, views, 1, 4)
    shown = np.abs(seen).sum(1, keepdims=True) > 0
    inner = shown[:, :, 2:-2, 2:-2].repeat(6, 1)
    error = np.abs(seen - features)[:, :, 2:-2, 2:-2][inner]
    assert shown.mean() > 0.7 and np.median(error) < 0.02 and np.median(np.abs(features)) > 0.1
    wrong = seen_by_partners(features, inverse * 1.5, views, 1, 4)
    assert np.median(np.abs(wrong - features)) > 4 * np.median(error)


def test_what_lies_behind_is_nowhere():
    poses = np.stack([turned(0.0, (0, 0, 0)), turned(np.pi, (0, 0, 0))])
    views = Views(poses, np.array([[60.0, 60, 32, 32]] * 2), 64, 64, NEAR, FAR)
    columns, rows = views.places_in(0, 1, np.full((16, 16), 0.5, np.float32), 4)
    assert (columns < -1).all() and (rows < -1).all()
    assert overlaps(views)[0, 1] == 0
    with pytest.raises(
        DataError, match=r"view 1 of 2: at most 0% of it is seen in another one at any depth from 1 to 6"
    ):
        check_overlap(views)
    check_overlap(two_views())
    assert overlaps(two_views()).min() > 0.7


def test_partners_are_the_nearest():
    poses = np.stack([turned(0, (x, 0, 0)) for x in (0.0, 1.0, 1.4, 5.0)])
    views = Views(poses, np.array([[60.0, 60, 32, 32]] * 4), 64, 64, NEAR, FAR)
    assert views.partners(2) == [[1, 2], [2, 0], [1, 0], [2, 1]]
    assert [len(others) for others in views.partners(11)] == [3] * 4


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"count": 1}, "1 views; expected 2 to 12"),
        ({"count": 13}, "13 views; expected 2 to 12"),
        ({"near": 6.0}, "near 6 and far 6; expected 0 < near < far"),
        ({"near": -1.0}, "near -1 and far 6"),
        ({"far": float("nan")}, "far nan"),
        ({"width": 60}, "photos of 60 x 64 pixels; expected multiples of 16"),
        ({"focal": 0.0}, "expected finite poses, and positive focal lengths"),
    ],
)
def test_views_that_cannot_be_are_refused(change: dict, told: str):
    wanted = {"count": 2, "near": 1.0, "far": 6.0, "width": 64, "focal": 60.0} | change
    lens = np.array([[wanted["focal"], 60.0, 32, 32]] * wanted["count"])
    with pytest.raises(DataError, match=told):
        Views(np.stack([np.eye(4)] * wanted["count"]), lens, wanted["width"], 64, wanted["near"], wanted["far"])


def test_views_of_cameras():
    cameras = [Camera(np.eye(4, dtype=np.float32), 60.0, 61.0, 30.0, 31.0, 64, 48) for _ in range(2)]
    views = Views.of_cameras(cameras, 1.0, 3.0)
    assert len(views) == 2 and views.lens.tolist() == [[60, 61, 30, 31]] * 2 and (views.width, views.height) == (64, 48)
    with pytest.raises(DataError, match=r"photos of \[\(32, 48\), \(64, 48\)\] pixels; expected one size"):
        Views.of_cameras([cameras[0], Camera(np.eye(4, dtype=np.float32), 60.0, 61.0, 30.0, 31.0, 32, 48)], 1.0, 3.0)
    with pytest.raises(DataError, match="0 views"):
        Views.of_cameras([], 1.0, 3.0)
