"""What masks show on average: the features and places of what is under them, whatever their ids are."""

import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.finding.mask_means import mask_means
from csgaussian_ns.semantic.finding.views import MaskedView
from tests.semantic.scenes import BALLS, camera, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")


def means_of(views):
    scene = scene_of_balls()
    assert scene.semantics is not None
    feature = torch.nn.functional.one_hot(scene.semantics.label, 6).float()
    return mask_means(AnchorScene(scene.anchors, scene.decoders), feature, views, CPU, 20)


def masked(angle: float, ids: dict[int, int]) -> MaskedView:
    view = camera(angle)
    labels = true_labels(view)
    parts = [torch.where(labels == ball, new, 0) for ball, new in ids.items()]
    return MaskedView(view, torch.stack(parts).sum(dim=0).int()[None])


def test_a_mask_has_the_feature_and_the_place_of_what_it_shows():
    ids = [{1: 7, 2: 1, 3: 300}, {1: 2, 2: 900, 3: 1}]
    means = means_of([masked(0.3, ids[0]), masked(5.5, ids[1])])
    assert means.views == 2 and len(means.feature) == len(means.place) == len(means.key) == 6
    for (view, layer, number), feature, place in zip(means.key.tolist(), means.feature, means.place, strict=True):
        [ball] = [ball for ball, new in ids[view].items() if new == number]
        assert layer == 0 and feature.argmax() == ball and feature[ball] > 0.85
        _, centre, radius, _ = BALLS[ball]
        assert (place - torch.tensor(centre)).norm() < 1.1 * radius


def test_small_masks_and_what_the_scene_does_not_cover_are_left_out():
    view = masked(0.3, {1: 1, 2: 2, 3: 3})
    view.labels[view.labels == 2] = 0
    view.labels[0, 0, :15] = 4
    view.labels[0, 1:4] = 5  # sky
    assert means_of([view]).key.tolist() == [[0, 0, 1], [0, 0, 3]]
    nothing = means_of([])
    assert nothing.views == 0 and nothing.feature.shape == (0, 6) and nothing.place.shape == (0, 3)


def test_views_are_renamed():
    view = masked(0.3, {1: 7, 2: 1, 3: 30})
    twice = MaskedView(view.camera, torch.cat([view.labels, torch.where(view.labels == 7, 5, 0)]))
    means = means_of([twice, view])
    assert means.key.tolist() == [[0, 0, 1], [0, 0, 7], [0, 0, 30], [0, 1, 5], [1, 0, 1], [1, 0, 7], [1, 0, 30]]
    renamed = means.renamed(twice, 0, torch.tensor([4, 2, 0, 2, 9, 9, 9])).labels
    for layer, old, new in ((0, 1, 4), (0, 7, 2), (0, 30, -1), (1, 5, 2)):
        assert (renamed[layer][twice.labels[layer] == old] == new).all()
    assert not renamed[twice.labels == 0].any()
    small = MaskedView(view.camera, torch.where(view.labels == 7, 8, view.labels))
    assert (means.renamed(small, 1, torch.full((7,), 3)).labels[small.labels == 8] == -1).all()
