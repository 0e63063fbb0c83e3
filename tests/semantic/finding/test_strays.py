"""What lies far from its object is none of it; ends of long things are."""

import numpy as np

from csgaussian_ns.semantic.finding.strays import without_strays


def test_a_stray_anchor_leaves_its_object():
    directions = np.random.default_rng(0).normal(size=(200, 3))
    ball = 0.1 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    rod = np.array([5.0, 0.0, 0.0]) + np.linspace(-2, 2, 200)[:, None] * np.array([0.0, 0.0, 1.0])
    far = np.array([[0.5, 0.0, 0.0], [0.0, 0.0, -0.4]])
    position = np.concatenate([ball, rod, far, far]).astype(np.float32)
    label = np.array([3] * 200 + [1] * 200 + [3, 3, 0, 0])
    found = without_strays(label, position)
    assert found.tolist() == [3] * 200 + [1] * 200 + [0] * 4
    assert label[400] == 3  # what came in stays


def test_small_objects_keep_their_anchors():
    position = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [7.0, 0.0, 0.0], [7.0, 1.0, 0.0]], np.float32)
    for label in ([1, 1, 2, 2], [1, 2, 3, 0], [0, 0, 0, 0]):
        assert without_strays(np.array(label), position).tolist() == label
    assert without_strays(np.zeros(0, np.int64), np.zeros((0, 3), np.float32)).tolist() == []
