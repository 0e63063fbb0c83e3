"""``benchmarks/ceiling.py``: what the best labels and opacities of given rows reach."""

import importlib
from pathlib import Path
from typing import Any

import pytest
import torch

from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.scene import Seen

SIZE = 32


@pytest.fixture
def ceiling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module."""
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[2] / "benchmarks")
    return importlib.import_module("ceiling")


def truth(ceiling: Any, pane: float = 0.12) -> Any:
    """Row 0: a pane of glass, opacity 0.3, before half of row 1, an opaque wall. Row 2: a wall that is object 2.

    Masks: the pane is object 1, what stands around it is none.
    """
    means = torch.tensor([[-0.5, 0.0, 2.0], [-0.5, 0.0, 3.0], [0.6, 0.0, 3.0]])
    scales = torch.tensor([[pane, pane, 0.01], [0.5, 0.5, 0.01], [0.12, 0.12, 0.01]])
    quats = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(3, 1)
    gaussians = Gaussians(means, quats, scales, torch.tensor([0.3, 0.99, 0.99]), torch.zeros(3, 3))
    camera = Camera(torch.eye(4), 24.0, 24.0, SIZE / 2, SIZE / 2, SIZE, SIZE)
    y, x = torch.meshgrid(torch.arange(SIZE) + 0.5, torch.arange(SIZE) + 0.5, indexing="ij")
    label = torch.zeros(SIZE, SIZE, dtype=torch.int64)
    label[(x - 10).square() + (y - 16).square() < 2.4**2] = 1
    label[(x - 20.8).square() + (y - 16).square() < 1.4**2] = 2
    return ceiling.Truth(
        Seen(camera, gaussians, torch.arange(3), torch.zeros(3, dtype=torch.int64)), label, {1: label == 1}
    )


def test_votes_count_what_is_seen_under_each_mask(ceiling: Any) -> None:
    view, draw = truth(ceiling), choose_rasterizer("reference", "cpu")
    sums = ceiling.votes([view], 2, 3, draw)
    assert ceiling.of_votes(sums).label.tolist() == [1, 0, 2]
    alpha = ceiling.coverage(view.seen, torch.ones(3, dtype=torch.bool), view.seen.gaussians.opacities, draw)
    assert float(sums.sum()) == pytest.approx(float(alpha.sum()), rel=1e-4)


def test_glass_is_not_reached_by_labels_and_is_by_opacities(ceiling: Any) -> None:
    """An opacity of 0.3 covers nothing to 0.7, whatever it is called; the wall behind it is seen through it."""
    view, draw = truth(ceiling, 0.25), choose_rasterizer("reference", "cpu")
    sums = ceiling.votes([view], 2, 3, draw)
    labels, both = (ceiling.best([view], sums, draw, 40, opacity) for opacity in (False, True))
    assert labels.power.abs().max() == 0
    plain, with_opacity = (ceiling.figures([view], found, draw) for found in (labels, both))
    assert plain["selection_3d"][1] < 0.45 and plain["rendered_2d"][1] < 0.45  # the wall in its place is too large
    assert with_opacity["selection_3d"][1] > 0.8 and with_opacity["rendered_2d"][1] >= 0.5
    assert with_opacity["whole_3d"] == {1: with_opacity["selection_3d"][1]}
    assert with_opacity["rendered_2d"][2] >= plain["rendered_2d"][2] > 0.5
    assert both.power[0] > 1


def test_powers_raise_transparency(ceiling: Any) -> None:
    view = truth(ceiling)
    same = ceiling.opacities(view.seen, torch.zeros(3))
    torch.testing.assert_close(same, view.seen.gaussians.opacities)
    assert float(ceiling.opacities(view.seen, torch.tensor([1.0, 0.0, 0.0]))[0]) == pytest.approx(1 - 0.7**2)
