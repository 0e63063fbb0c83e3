"""Objects of a scene without nerfstudio: a plain list of views with masks, a scene, a feature for each anchor."""

import subprocess
import sys

import pytest
import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.cluster import FindingSettings
from csgaussian_ns.semantic.finding.evidence import MaskEvidence
from csgaussian_ns.semantic.finding.find import FoundObjects, evidence_of, objects_in
from csgaussian_ns.semantic.finding.views import MaskedView, spread
from tests.semantic.finding.test_solidity import GLASS, glassy
from tests.semantic.scenes import BALLS, camera, scene_of_balls, true_labels

ANGLES = [0.3 + 0.785 * number for number in range(8)]
NAMES = {number: name for number, (name, *_) in BALLS.items()}


def masked(angle: float, ids: dict[int, int]) -> MaskedView:
    """A view of the balls whose masks have these ids."""
    view = camera(angle)
    labels = true_labels(view)
    parts = [torch.where(labels == ball, new, 0) for ball, new in ids.items()]
    return MaskedView(view, torch.stack(parts).sum(dim=0).int()[None])


def found_in(views, **options) -> tuple[FoundObjects, torch.Tensor]:
    """What is found, and the true ball of each anchor; features are as training would leave them, and noisy."""
    scene = scene_of_balls()
    assert scene.semantics is not None
    true = scene.semantics.label
    corners = torch.tensor([[0.0, 0, 0, 0, 0, 0], [4, 0, 0, 0, 0, 0], [0, 4, 0, 0, 0, 0], [0, 0, 4, 0, 0, 0]])
    noise = torch.randn(len(true), 6, generator=torch.Generator().manual_seed(0))
    drawn = AnchorScene(scene.anchors, scene.decoders)
    return objects_in(
        views, drawn, corners[true] + 0.3 * noise, choose_rasterizer("cpu", "cpu"), **{"min_pixels": 20, **options}
    ), true


@pytest.fixture(scope="module")
def turning() -> list[MaskedView]:
    """Ids mean something else in every view."""
    return [masked(angle, {1: 1 + n % 3, 2: 1 + (n + 1) % 3, 3: 1 + (n + 2) % 3}) for n, angle in enumerate(ANGLES)]


def test_objects_are_found_in_a_list_of_views(turning):
    found, true = found_in(turning)
    assert found.names == () and found.label.shape == true.shape and found.label.dtype == torch.int64
    sizes = torch.bincount(found.label)[1:].tolist()
    assert len(sizes) == 3 and sizes == sorted(sizes, reverse=True)
    for ball in BALLS:
        label = int(found.label[true == ball].bincount().argmax())
        both, either = (found.label == label) & (true == ball), (found.label == label) | (true == ball)
        assert label > 0 and float(both.sum() / either.sum()) > 0.8
    assert (found.label[true == 0] == 0).float().mean() > 0.9


def test_any_iterator_will_do_and_ids_may_have_names(turning):
    named = [masked(angle, {1: 1, 2: 2, 3: 3}) for angle in ANGLES]
    found, _ = found_in(iter(named), names=NAMES)
    assert sorted(found.names) == sorted(NAMES.values())
    assert torch.equal(found.label, found_in(turning)[0].label)


def test_glass_that_wins_no_pixel_in_colour_is_borne_out_and_named():
    named = [masked(angle, {1: 1, 2: 2, 3: 3}) for angle in ANGLES[::2]]
    scene, cpu = glassy(0.01), choose_rasterizer("cpu", "cpu")
    assert scene.semantics is not None

    def judged(solid: bytes) -> MaskEvidence:
        label = scene.semantics.label.numpy()
        return evidence_of(named, scene, label, solid, MaskEvidence(3, NAMES, 20), cpu)

    solid, clear = judged(bytes([0, 48, 0])), judged(bytes(3))
    assert solid.unsupported() == set() and solid.names() == tuple(NAMES.values())
    assert clear.unsupported() == {GLASS}


def test_settings_are_obeyed(turning):
    hidden_twice = [masked(angle, {1: 1, 3: 3} if angle < 1.5 else {1: 1, 2: 2, 3: 3}) for angle in ANGLES]
    assert int(found_in(hidden_twice)[0].label.max()) == 3
    assert int(found_in(hidden_twice, settings=FindingSettings(share=1.0))[0].label.max()) == 2, "not in every view"
    most = max(int((view.labels == number).sum()) for view in turning for number in (1, 2, 3))
    assert not found_in(turning, min_pixels=most + 1)[0].label.any(), "no mask is as large"


def test_nothing_is_found_without_views():
    found, _ = found_in([])
    assert not found.label.any() and found.names == ()


@pytest.mark.parametrize(("count", "left"), [(0, 0), (3, 3), (100, 100), (101, 51), (250, 84)])
def test_views_are_spread(count: int, left: int):
    assert len(spread(range(count))) == left


def test_nerfstudio_is_not_needed():
    code = "import sys, csgaussian_ns.semantic.finding.find; assert 'nerfstudio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
