"""What masks say of anchors: against where the anchors are known to be."""

import pytest
import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.render.pixel_sums import pixel_sums
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.views import MaskedView, coarser
from csgaussian_ns.semantic.finding.votes import Votes, votes
from tests.semantic.scenes import camera, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")
VIEWS = [camera(angle) for angle in (0.0, 2.1, 4.2)]


def test_masks_vote_for_the_anchors_that_they_show():
    scene = scene_of_balls()
    assert scene.semantics is not None
    views = [MaskedView(view, true_labels(view)[None].int()) for view in VIEWS]
    said = votes(AnchorScene(scene.anchors, scene.decoders), views, 4, CPU)
    label, true = said.label(0.5), scene.semantics.label
    often = said.seen > 1
    assert (label == true)[often].float().mean() > 0.95 and not label[said.seen == 0].any()
    assert torch.allclose(said.objects.sum(dim=1), said.labelled, atol=1e-3) and not said.objects[:, 3].any()
    assert (said.labelled <= said.seen * (1 + 1e-4)).all()


def test_a_dropped_object_loses_its_votes_and_nobody_else_does():
    scene, view = scene_of_balls(), VIEWS[0]
    labels = true_labels(view).int()
    everything = torch.where(labels > 0, 4, 0)
    said = votes(
        AnchorScene(scene.anchors, scene.decoders), [MaskedView(view, torch.stack([labels, everything]))], 4, CPU
    )
    alone = votes(AnchorScene(scene.anchors, scene.decoders), [MaskedView(view, labels[None])], 4, CPU)
    assert torch.allclose(said.labelled, alone.labelled) and torch.allclose(said.seen, alone.seen)
    assert torch.equal(said.label(0.5, {4}), alone.label(0.5))
    assert set(said.label(0.5, {1, 2, 3}).unique().tolist()) == {0, 4}
    assert not said.label(0.5, {1, 2, 3, 4}).any() and not said.label(1.1).any()


def test_a_spilled_vote_wins_nothing(monkeypatch: pytest.MonkeyPatch):
    seen, labelled = torch.full((5,), 100.0), torch.tensor([100.0, 100.0, 90.0, 90.0, 0.0])
    objects = torch.tensor([[0.001, 0.0], [9.0, 11.0], [89.0, 0.001], [50.0, 40.0], [0.0, 0.0]])
    said = Votes(seen, labelled, objects)
    for block in (2, 100):
        monkeypatch.setattr("csgaussian_ns.semantic.finding.votes.BLOCK", block)
        assert said.label(0.5).tolist() == [0, 2, 1, 1, 0]
        assert said.label(0.5, {1}).tolist() == [0, 2, 0, 2, 0]
        assert said.label(0.5, {2}).tolist() == [0, 0, 1, 1, 0]
    assert objects[2, 0] == 89 and Votes(seen[:0], seen[:0], objects[:0]).label(0.5, {1}).tolist() == []


def test_things_of_no_object_do_not_become_their_neighbours():
    """A ball whose masks count for none, with a few pixels of it under a neighbour's in one view of three."""
    scene = scene_of_balls()
    assert scene.semantics is not None
    views = []
    for number, view in enumerate(VIEWS):
        labels = true_labels(view).int()
        part = (labels == 2) & (torch.rand(labels.shape) < (0.03 if number == 0 else 0.0))
        views.append(MaskedView(view, torch.where(part, 1, torch.where(labels == 2, -1, labels))[None]))
    said = votes(AnchorScene(scene.anchors, scene.decoders), views, 3, CPU)
    ball, often = scene.semantics.label == 2, said.seen > 1
    assert (said.objects[ball & often, 0] > 0).float().mean() > 0.5
    assert (said.label(0.5)[ball & often] == 0).float().mean() > 0.8
    assert (said.label(0.5) == scene.semantics.label)[~ball & often].float().mean() > 0.95


def test_masks_of_no_object_cover_but_do_not_vote():
    scene, view = scene_of_balls(), VIEWS[0]
    labels = true_labels(view).int()
    views = [MaskedView(view, torch.where(labels == 2, -1, labels)[None])]
    said = votes(AnchorScene(scene.anchors, scene.decoders), views, 3, CPU)
    alone = votes(AnchorScene(scene.anchors, scene.decoders), [MaskedView(view, labels[None])], 3, CPU)
    assert torch.equal(said.labelled, alone.labelled) and not said.objects[:, 1].any()
    assert torch.equal(said.objects[:, 2], alone.objects[:, 2])
    nothing = votes(AnchorScene(scene.anchors, scene.decoders), [], 0, CPU)
    assert not nothing.seen.any() and not nothing.label(0.5).any()


@pytest.mark.parametrize("channels", [2, 3, 5, 6])
def test_the_sums_are_the_pixels_of_the_picture(channels: int):
    scene, view = scene_of_balls(), VIEWS[1]
    seen = AnchorScene(scene.anchors, scene.decoders).seen(view)
    pixels = torch.rand(view.height, view.width, channels)
    sums = pixel_sums(seen, pixels, len(scene.anchors), CPU)
    alpha = CPU(seen.gaussians, view).alpha
    assert sums.sum(dim=0).tolist() == pytest.approx((pixels * alpha).sum(dim=(0, 1)).tolist(), rel=1e-4)


@pytest.mark.parametrize(("most", "size"), [(96 * 72, (72, 96)), (2000, (36, 48)), (800, (24, 32)), (500, (18, 24))])
def test_a_thinned_view_looks_through_the_same_pixels(most: int, size: tuple[int, int]):
    view = VIEWS[0]
    thin = coarser(MaskedView(view, true_labels(view)[None].int()), most)
    camera, every = thin.camera, view.height // size[0]
    assert tuple(thin.labels.shape[1:]) == size == (camera.height, camera.width) and size[0] * size[1] <= most
    rows, columns = torch.arange(view.height)[every // 2 :: every], torch.arange(view.width)[every // 2 :: every]
    assert torch.equal(thin.labels[0], true_labels(view)[rows][:, columns].int())
    for old, new, centre, focal in ((rows, size[0], "cy", "fy"), (columns, size[1], "cx", "fx")):
        before = (old + 0.5 - getattr(view, centre)) / getattr(view, focal)
        after = (torch.arange(new) + 0.5 - getattr(camera, centre)) / getattr(camera, focal)
        assert torch.allclose(before, after, atol=1e-6)
