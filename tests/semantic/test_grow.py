"""Selections grown and shrunk: by how much, and in which order."""

from itertools import pairwise

import pytest
import torch

from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.semantic.grow import resized


def row_of_anchors(feature: list[float], kept: list[float] | None = None) -> tuple[Anchors, SemanticLayer]:
    """Anchors at x = 0, 1, 2, ... with features of one channel."""
    count = len(feature)
    position = torch.zeros(count, 3)
    position[:, 0] = torch.arange(count)
    mask = torch.tensor(kept or [1.0] * count)[:, None]
    anchors = Anchors(position, torch.zeros(count, 1), torch.zeros(count, 1, 3), torch.zeros(count, 6), mask)
    return anchors, SemanticLayer(torch.tensor(feature)[:, None], torch.zeros(count, dtype=torch.int64), ())


def regrown(anchors: Anchors, layer: SemanticLayer, chosen: torch.Tensor, percent: float) -> torch.Tensor:
    return resized(anchors.position, (anchors.mask > 0).any(dim=1), layer, chosen, percent)


CHOSEN = torch.tensor([True, True, True, True, False, False, False, False])


def test_nothing_changes_at_zero_and_nothing_comes_of_nothing():
    anchors, layer = row_of_anchors([0.0, 0, 0, 0, 5, 5, 5, 5])
    assert torch.equal(regrown(anchors, layer, CHOSEN, 0), CHOSEN)
    assert not regrown(anchors, layer, CHOSEN & False, 50).any()


def test_growing_adds_like_and_near_anchors_first():
    anchors, layer = row_of_anchors([0.0, 0, 0, 0, 5, 5, 0.5, 5])
    assert regrown(anchors, layer, CHOSEN, 25).nonzero()[:, 0].tolist() == [
        0,
        1,
        2,
        3,
        6,
    ], "the one with a like feature"
    assert regrown(anchors, layer, CHOSEN, 50).nonzero()[:, 0].tolist() == [
        0,
        1,
        2,
        3,
        4,
        6,
    ], "then the nearest"
    assert regrown(anchors, layer, CHOSEN, 100).all()


def test_shrinking_drops_unlike_anchors_first_and_keeps_one():
    anchors, layer = row_of_anchors([0.0, 3, 0, 0.5, 5, 5, 5, 5])
    assert regrown(anchors, layer, CHOSEN, -25).nonzero()[:, 0].tolist() == [0, 2, 3]
    assert int(regrown(anchors, layer, CHOSEN, -99).sum()) == 1


def test_growing_and_shrinking_are_monotone():
    anchors, layer = row_of_anchors(torch.linspace(0, 3, 8).tolist())
    steps = [regrown(anchors, layer, CHOSEN, percent) for percent in range(-90, 101, 10)]
    for smaller, larger in pairwise(steps):
        assert not (smaller & ~larger).any()


def test_dropped_anchors_are_never_added():
    anchors, layer = row_of_anchors([0.0, 0, 0, 0, 0, 5, 5, 5], kept=[1.0, 1, 1, 1, 0, 1, 1, 1])
    assert not regrown(anchors, layer, CHOSEN, 75)[4]
    everything = CHOSEN | True
    assert torch.equal(regrown(anchors, layer, everything, 50), everything)
    assert int(regrown(anchors, layer, everything, -50).sum()) == pytest.approx(4, abs=1)
