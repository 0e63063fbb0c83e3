"""Objects of a scene without nerfstudio: a plain list of views with masks, a scene, a feature for each anchor."""

import subprocess
import sys

import pytest
import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.cluster import FindingSettings
from csgaussian_ns.semantic.finding.evidence import MaskEvidence
from csgaussian_ns.semantic.finding.find import FoundObjects, objects_in, tell_evidence
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
        evidence = MaskEvidence(3, NAMES, 20)
        tell_evidence(named, scene, label, solid, [evidence], cpu)
        return evidence

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


def nested(angle: float, levels: str) -> MaskedView:
    """Masks of a thing made of the first and the last ball ("w"), and of the balls ("p"); of ball 2 always."""
    view = camera(angle)
    labels = true_labels(view).int()
    both = (labels == 1) | (labels == 3)
    layers = [torch.where(labels == 2, 7, 0) + (both * 9 if "w" in levels else 0)]
    layers += [torch.where(both, labels, 0)] if "p" in levels else []
    return MaskedView(view, torch.stack(layers).int())


@pytest.mark.parametrize("levels", [["wp"], ["w", "p"], ["wp", "p", "p", "w"]])
def test_masks_in_masks_become_parts_and_wholes_also_of_different_views(levels: list[str], turning):
    found, true = found_in([nested(angle, levels[n % len(levels)]) for n, angle in enumerate(ANGLES)])
    flat = found_in(turning)[0].label
    assert (found.label == flat).float().mean() > 0.95 and int(found.label.max()) == 3, "as if there were no wholes"
    one, two, three = (int(found.label[true == ball].bincount().argmax()) for ball in (1, 2, 3))
    assert found.tree is not None and found.tree.wholes == 1
    assert found.tree.chain(one) == ((one,), tuple(sorted((one, three)))) and found.tree.chain(two) == ((two,),)
    assert len(found.solidity) == 3


def test_masks_that_never_lie_in_others_make_no_tree(turning):
    assert found_in(turning)[0].tree is None


def test_an_object_that_has_a_mask_in_one_view_only_is_none():
    hidden = [masked(angle, {1: 1, 3: 3} if n else {1: 1, 2: 2, 3: 3}) for n, angle in enumerate(ANGLES)]
    found, true = found_in(hidden)
    assert int(found.label.max()) == 2 and (found.label[true == 2] == 0).float().mean() > 0.8


def test_masks_of_three_per_cent_of_the_pixels():
    """Small masks are found; scattered pixels of large ones are under no mask nearly everywhere, and say nothing."""
    small = [masked(angle, {2: 0 if n % 2 else 4}) for n, angle in enumerate(ANGLES)]
    assert sum(int((view.labels > 0).sum()) for view in small) < 0.03 * sum(view.labels.numel() for view in small)
    found, true = found_in(small)
    assert int(found.label.max()) == 1 and (found.label[true == 2] == 1).float().mean() > 0.5
    kept = torch.rand(72, 96, generator=torch.Generator().manual_seed(1)) < 0.03
    full = [masked(angle, {1: 1, 2: 2, 3: 3}) for angle in ANGLES]
    sparse = [MaskedView(view.camera, view.labels * kept) for view in full]
    assert not found_in(sparse, min_pixels=1)[0].label.any()


@pytest.mark.parametrize(("count", "left"), [(0, 0), (3, 3), (100, 100), (101, 51), (250, 84)])
def test_views_are_spread(count: int, left: int):
    assert len(spread(range(count))) == left


def test_nerfstudio_is_not_needed():
    code = "import sys, csgaussian_ns.semantic.finding.find; assert 'nerfstudio' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
