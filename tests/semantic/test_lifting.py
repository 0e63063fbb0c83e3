"""How much of each anchor lies under masks: against where the anchors are known to be."""

import pytest
import torch

from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.lifting import MaskedView, labelled_share, pixel_sums, thinned
from csgaussian_ns.semantic.seen import see
from tests.semantic.scenes import camera, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")
VIEWS = [camera(angle) for angle in (0.0, 2.1, 4.2)]


def test_anchors_of_objects_lie_under_masks_and_the_floor_does_not():
    scene = scene_of_balls()
    assert scene.semantics is not None
    views = [MaskedView(view, true_labels(view)[None].int()) for view in VIEWS]
    share = labelled_share(scene.anchors, scene.decoders, views, CPU)
    inside = scene.semantics.label > 0
    seen = share > 0
    assert (share[inside & seen] > 0.5).float().mean() > 0.9
    assert (share[~inside] < 0.5).float().mean() > 0.97
    assert share.min() >= 0 and share.max() <= 1 + 1e-4


def test_one_layer_of_several_is_enough():
    scene, view = scene_of_balls(), VIEWS[0]
    labels = true_labels(view).int()
    apart = torch.stack([labels * (labels == 1), labels * (labels != 1)])
    shares = [
        labelled_share(scene.anchors, scene.decoders, [MaskedView(view, layers)], CPU)
        for layers in (labels[None], apart, apart[:1], apart[:0])
    ]
    assert torch.equal(shares[0], shares[1])
    assert (shares[2] <= shares[0]).all() and shares[2].sum() < shares[0].sum() and not shares[3].any()
    assert not labelled_share(scene.anchors, scene.decoders, [], CPU).any()


def test_the_sums_are_the_pixels_of_the_picture():
    scene, view = scene_of_balls(), VIEWS[1]
    seen = see(scene.anchors, scene.decoders, view)
    pixels = torch.rand(view.height, view.width, 2)
    sums = pixel_sums(seen, pixels, len(scene.anchors), CPU)
    alpha = CPU(seen.gaussians, view).alpha
    assert sums.sum(dim=0).tolist() == pytest.approx((pixels * alpha).sum(dim=(0, 1)).tolist(), rel=1e-4)


@pytest.mark.parametrize(("most", "size"), [(96 * 72, (72, 96)), (2000, (36, 48)), (800, (24, 32)), (500, (18, 24))])
def test_a_thinned_view_looks_through_the_same_pixels(most: int, size: tuple[int, int]):
    view = VIEWS[0]
    thin = thinned(MaskedView(view, true_labels(view)[None].int()), most)
    camera, every = thin.camera, view.height // size[0]
    assert tuple(thin.labels.shape[1:]) == size == (camera.height, camera.width) and size[0] * size[1] <= most
    rows, columns = torch.arange(view.height)[every // 2 :: every], torch.arange(view.width)[every // 2 :: every]
    assert torch.equal(thin.labels[0], true_labels(view)[rows][:, columns].int())
    for old, new, centre, focal in ((rows, size[0], "cy", "fy"), (columns, size[1], "cx", "fx")):
        before = (old + 0.5 - getattr(view, centre)) / getattr(view, focal)
        after = (torch.arange(new) + 0.5 - getattr(camera, centre)) / getattr(camera, focal)
        assert torch.allclose(before, after, atol=1e-6)
