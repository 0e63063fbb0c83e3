"""Objects get the name that most of their labelled pixels bear, or none."""

import numpy as np

from csgaussian_ns.semantic.naming import name_objects

NAMES = {1: "cup", 2: "plate", 7: "spoon"}


def view(labels, shown):
    return np.array(labels, np.uint16).reshape(1, 1, -1), np.array(shown, np.int64).reshape(1, -1)


def test_the_majority_over_all_views_counts():
    views = [view([1, 1, 2, 2, 0], [2, 2, 1, 1, 1]), view([1, 2, 2, 2, 7], [2, 2, 1, 1, 3])]
    assert name_objects(views, NAMES, 3) == ("plate", "cup", "spoon")


def test_unlabelled_pixels_do_not_count_and_a_tie_is_no_name():
    assert name_objects([view([0, 0, 0, 7], [1, 1, 1, 1])], NAMES, 1) == ("spoon",)
    assert name_objects([view([1, 2], [1, 1])], NAMES, 1) == ("",)


def test_ids_without_a_name_count_against_the_others():
    assert name_objects([view([5, 5, 1], [1, 1, 1])], NAMES, 1) == ("",)
    assert name_objects([view([5, 1, 1], [1, 1, 1])], NAMES, 1) == ("cup",)


def test_layers_are_counted_together():
    labels = np.array([[[1, 1, 0]], [[7, 0, 0]]], np.uint16)
    assert name_objects([(labels, np.array([[1, 1, 1]]))], NAMES, 1) == ("cup",)


def test_nothing_at_all():
    assert name_objects([], NAMES, 2) == ("", "")
    assert name_objects([view([1], [0])], {}, 0) == ()
    assert name_objects([view([1], [1])], {}, 1) == ("",)
