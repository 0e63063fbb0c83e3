"""Masks decide which objects are any and how they are called."""

import numpy as np
import pytest

from csgaussian_ns.semantic.finding.evidence import MaskEvidence

NAMES = {1: "cup", 2: "plate", 7: "spoon"}


def view(labels, shown):
    return np.array(labels, np.uint16).reshape(1, 1, -1), np.array(shown, np.int64).reshape(1, -1)


def names_after(views, names, objects):
    evidence = MaskEvidence(objects, names, 20)
    for labels, shown in views:
        evidence.add(labels, shown)
    return evidence.names()


def test_the_majority_over_all_views_counts():
    views = [view([1, 1, 2, 2, 0], [2, 2, 1, 1, 1]), view([1, 2, 2, 2, 7], [2, 2, 1, 1, 3])]
    assert names_after(views, NAMES, 3) == ("plate", "cup", "spoon")


def test_unlabelled_pixels_do_not_count_and_a_tie_is_no_name():
    assert names_after([view([0, 0, 0, 7], [1, 1, 1, 1])], NAMES, 1) == ("spoon",)
    assert names_after([view([1, 2], [1, 1])], NAMES, 1) == ("",)


def test_ids_without_a_name_count_against_the_others():
    assert names_after([view([5, 5, 1], [1, 1, 1])], NAMES, 1) == ("",)
    assert names_after([view([5, 1, 1], [1, 1, 1])], NAMES, 1) == ("cup",)


def test_layers_are_counted_together():
    labels = np.array([[[1, 1, 0]], [[7, 0, 0]]], np.uint16)
    assert names_after([(labels, np.array([[1, 1, 1]]))], NAMES, 1) == ("cup",)


def test_nothing_at_all():
    assert names_after([], NAMES, 2) == ("", "")
    assert names_after([view([1], [0])], {}, 0) == ()
    assert names_after([view([1], [1])], {}, 1) == ("",)
    assert names_after([view([0], [1])], NAMES, 1) == ("",)


@pytest.mark.parametrize(("views_with_own_mask", "unsupported"), [(0, {2}), (2, {2}), (3, set()), (10, set())])
def test_what_no_mask_stands_for_is_no_object(views_with_own_mask: int, unsupported: set[int]):
    """Object 2 lies at the border of object 1's mask in ten views; in some of them it has a mask of its own."""
    evidence = MaskEvidence(3, {}, 20)
    shown = np.repeat([1, 2, 0], [60, 30, 10])
    for number in range(10):
        border = 9 if number < views_with_own_mask else 4
        evidence.add(*view(np.repeat([4, border, 0], [60, 35, 5]), shown))
    assert evidence.unsupported() == unsupported | {3}, "no view shows the third"


def test_views_that_show_next_to_nothing_do_not_judge():
    evidence = MaskEvidence(2, {}, 20)
    evidence.add(*view([3] * 20 + [4] * 20, [1] * 20 + [2] * 20))
    for _ in range(4):
        evidence.add(*view([3] * 100, [1] * 81 + [2] * 19))
    assert evidence.unsupported() == set()
    for _ in range(4):
        evidence.add(*view([3] * 100, [1] * 80 + [2] * 20))
    assert evidence.unsupported() == {2}
