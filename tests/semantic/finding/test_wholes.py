"""Wholes, told by made masks: five objects side by side, each four columns wide."""

from collections.abc import Collection

import numpy as np
import pytest

from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.semantic.finding.wholes import WholeEvidence

SHOWN = np.repeat(np.arange(1, 6), 4)[None].repeat(4, axis=0)


def tree_of(*views: list[set[int]], old: tuple[int, ...] = (1, 2, 3, 4, 5), hidden: Collection[int] = ()):
    """The tree of views with masks of these sets of objects; hidden ones are in no view but the first."""
    evidence = WholeEvidence(5, 4)
    for number, masks in enumerate(views):
        shown = np.where(np.isin(SHOWN, list(hidden) if number else []), 0, SHOWN)
        evidence.add(np.stack([np.isin(SHOWN, list(mask)).astype(np.int32) for mask in masks]), shown)
    return evidence.tree(old)


def test_wholes_in_wholes():
    tree = tree_of(*[[{1, 2}, {1, 2, 3}, {4}]] * 4)
    assert tree is not None and tree.chain(1) == ((1,), (1, 2), (1, 2, 3)) and tree.chain(4) == ((4,),)


def test_views_may_miss_it_and_a_merge_by_mistake_is_none():
    telling, silent, wrong = [{1, 2}], [{1}], [{2, 3}]
    assert tree_of(*[telling] * 3, *[silent] * 5, *[wrong] * 2) == ObjectTree(5, (1, 1, 0, 0, 0, 0))
    assert tree_of(*[telling] * 2, silent) is None, "two views do not tell"
    assert tree_of(*[telling] * 3, *[silent] * 8) is None, "3 of 11"
    assert tree_of(telling) is None, "one view"


def test_wholes_that_overlap_contradict_each_other_and_the_more_frequent_counts():
    tree = tree_of(*[[{1, 2}, {2, 3}]] * 3, *[[{2, 3}]] * 2)
    assert tree == ObjectTree(5, (0, 1, 1, 0, 0, 0))


def test_masks_in_a_ring_make_no_ring():
    """One in the next, the last in the first again: the tree has no cycle."""
    tree = tree_of(*[[{1, 2}, {2, 3}, {3, 1}]] * 6)
    assert tree == ObjectTree(5, (1, 1, 0, 0, 0, 0))


def test_a_part_that_is_hidden_says_nothing():
    tree = tree_of(*[[{1, 2, 3}]] * 6, hidden={3})
    assert (tree is not None and tree.chain(1)[-1] == (1, 2, 3)) or tree == ObjectTree(5, (1, 1, 0, 0, 0, 0))


def test_objects_that_are_gone_leave_what_is_left():
    assert tree_of(*[[{1, 2, 5}]] * 4, old=(5, 3, 1)) == ObjectTree(3, (1, 0, 1, 0))
    assert tree_of(*[[{1, 2}]] * 4, old=(2, 3)) is None


@pytest.mark.parametrize("part", [0.5, 0.9])
def test_a_mask_must_hold_an_object_and_be_held_by_objects(part: float):
    """Half of an object is not in it; a mask that is mostly of others holds none of what it reaches."""
    evidence = WholeEvidence(5, 4)
    for _ in range(4):
        mask = np.isin(SHOWN, [1, 2]).astype(np.int32)
        mask[: round(4 * (1 - part)), 4:8] = 0
        evidence.add(mask[None], SHOWN)
    assert (evidence.tree([1, 2, 3]) is not None) == (part > 0.75)
