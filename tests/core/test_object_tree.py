"""What objects are parts of: larger and smaller, what is refused, and what is left where objects go."""

import pytest

from csgaussian_ns.core.object_tree import MOST_LEVELS, ObjectTree, larger, side_by_side, smaller

TREE = ObjectTree(5, (1, 2, 1, 0, 2, 3, 3, 0))
"""Objects 1 and 3 are a whole, 2 and 5 another, and both a larger one; 4 is alone."""


def test_from_an_object_to_the_largest_whole_and_back():
    assert TREE.chain(3) == ((3,), (1, 3), (1, 2, 3, 5)) and TREE.chain(4) == ((4,),)
    assert larger(TREE, (3,)) == (1, 3) and larger(TREE, (1, 3)) == (1, 2, 3, 5) == larger(TREE, (1, 2, 3, 5))
    assert smaller(TREE, (1, 2, 3, 5), towards=5) == (2, 5) and smaller(TREE, (2, 5), towards=5) == (5,)
    assert TREE.parts_of(8) == (6, 7) and TREE.parts_of(6) == (1, 3) and TREE.parts_of(1) == ()


def test_where_nothing_is_larger_or_smaller_all_stays():
    assert larger(None, (2,)) == (2,) == smaller(None, (2,), 2) and larger(TREE, (4,)) == (4,)
    assert smaller(TREE, (1, 2), towards=4) == (1, 2) and larger(TREE, ()) == () == smaller(TREE, (), 1)
    assert larger(TREE, (3, 5)) == (1, 2, 3, 5)  # what several lie in
    assert ObjectTree(2, (0, 0)).chain(7) == ((7,),)  # an object that the tree does not know


@pytest.mark.parametrize(
    ("parents", "why"),
    [
        ((1,), "1 parents; expected one for each of 2 objects"),
        ((1, 2, 0), "part of whole 2; expected 0..1"),
        ((1, 1, 1), "whole 1 is a part of whole 1, which is itself"),
        ((1, 2, 2, 1), "whole 2 is a part of whole 1, which is itself or before it"),
        ((1, 0, 0), "whole 1 has 1 parts; expected at least 2"),
        ((1, 1, 2, 0), "whole 2 has 1 parts"),
    ],
)
def test_what_is_no_tree_is_refused(parents, why: str):
    with pytest.raises(ValueError, match=why):
        ObjectTree(2, parents)


def test_wholes_in_wholes_have_a_bound():
    def nested(levels: int) -> ObjectTree:
        return ObjectTree(levels + 1, (1, *range(1, levels + 1), *range(2, levels + 1), 0))

    assert len(nested(MOST_LEVELS).chain(1)) == MOST_LEVELS + 1
    with pytest.raises(ValueError, match="17 wholes lie in one another; expected at most 16"):
        nested(MOST_LEVELS + 1)


def test_wholes_go_with_their_parts():
    assert TREE.without([1, 2, 3, 4, 5]) == TREE
    left = TREE.without([1, 2, 4, 5])  # 1 is what is left of its whole
    assert left == ObjectTree(4, (2, 1, 0, 1, 2, 0)) and left.chain(1) == ((1,), (1, 2, 4))
    assert TREE.without([1, 4]) == ObjectTree(2, (0, 0)) and TREE.without([]) == ObjectTree(0, ())


def test_trees_side_by_side():
    both = side_by_side([ObjectTree(2, (1, 1, 0)), ObjectTree(1, (0,)), TREE])
    assert both.chain(2) == ((2,), (1, 2)) and both.chain(3) == ((3,),)
    assert both.chain(6) == ((6,), (4, 6), (4, 5, 6, 8))
