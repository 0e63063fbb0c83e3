"""Masks in one another as one label map."""

import torch

from csgaussian_ns.semantic.innermost import innermost


def test_each_pixel_belongs_to_the_smallest_mask():
    table = torch.full((4, 6), 7)
    stack = torch.zeros(4, 6, dtype=torch.int64)
    stack[1:3, 1:5] = 5
    book = torch.zeros(4, 6, dtype=torch.int64)
    book[1, 1:5] = 9
    book[0, 0] = 0
    flat = innermost(torch.stack([table, stack, book]).int())
    assert flat.shape == (1, 4, 6) and flat.dtype == torch.int32
    assert (flat[0, 1, 1:5] == 9).all() and (flat[0, 2, 1:5] == 5).all(), "what is in no part is left of the whole"
    assert int((flat == 7).sum()) == 16
    assert torch.equal(innermost(torch.stack([book, table, stack]).int()), flat), "whatever the order of layers"


def test_one_layer_and_no_mask():
    lone = torch.tensor([[[0, 3], [3, 0]]], dtype=torch.int32)
    assert innermost(lone) is lone
    empty = torch.zeros(2, 3, 3, dtype=torch.int32)
    assert not innermost(empty).any()
    empty[1, 0, 0] = 4
    assert innermost(empty).sum() == 4
