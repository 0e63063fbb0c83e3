"""Looking into the objects of a scene: what is selected, and what is drawn then."""

from dataclasses import replace

import pytest
import torch

from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.object_view import ObjectScene, ObjectView, camera_along
from csgaussian_ns.semantic.shown import DIMMED, LIGHT, LIGHT_SHARE, Shown, palette
from tests.semantic.scenes import BALLS, camera, scene_of_balls, true_labels


@pytest.fixture(scope="module")
def scene() -> ObjectScene:
    coded = scene_of_balls()
    assert coded.semantics is not None
    return ObjectScene(coded.anchors, coded.decoders, semantics=coded.semantics)


def ray(view: Camera, column: int, row: int) -> tuple[tuple, tuple]:
    """Origin and direction of the ray through the middle of a pixel."""
    local = torch.tensor([(column + 0.5 - view.cx) / view.fx, (row + 0.5 - view.cy) / view.fy, 1.0])
    return tuple(view.position.tolist()), tuple((local @ view.world_to_camera[:3, :3]).tolist())


def drawn(looking: ObjectView, view: Camera) -> torch.Tensor:
    seen = Shown(looking.scene, looking.look).seen(view)
    return choose_rasterizer("cpu", torch.device("cpu"))(seen.gaussians, view).image


def test_a_click_lights_up_what_is_seen_and_nothing_else(scene):
    view, looking = camera(0.3), ObjectView(scene)
    plain, truth = drawn(looking, view), true_labels(view)
    for number in BALLS:
        rows, columns = torch.nonzero(truth == number, as_tuple=True)
        middle = len(rows) // 2
        selected = looking.select_seen(*ray(view, int(columns[middle]), int(rows[middle])))
        assert [entry.id for entry in selected.objects] == [number]
        lit = (drawn(selected, view) - DIMMED * plain).abs().sum(dim=-1) > 0.3
        union, both = lit | (truth == number), lit & (truth == number)
        assert float(both.sum() / union.sum()) > 0.8
    assert looking.select_seen(*ray(view, 0, 0)).objects == ()


def test_what_is_hidden_is_not_drawn_and_not_clicked(scene):
    view = camera(0.0)
    front = ray(view, 67, 36)  # near the ray through the centres of box and lamp
    box = ObjectView(scene).select_seen(*front)
    assert box.objects[0].id == 2
    behind = box.hide().select_seen(*front)
    assert behind.objects[0].id == 3
    alone = behind.isolate()
    assert not alone.look.lit.any()
    image, lamp = drawn(alone, view), true_labels(view) == 3
    assert float(image[..., 2][lamp].mean()) > 0.5, "the lamp is still there, and blue"
    assert float(image.sum(dim=-1)[:, :30].max()) < 0.01, "the red ball on the left is not"
    assert not alone.reset().look.hidden.any() and alone.reset().objects == ()


def test_recolouring_shows_the_new_colour_and_keeps_the_selection(scene):
    view = camera(0.0)
    green = ObjectView(scene).select_id(1).recolour((0.0, 1.0, 0.0))
    colours = drawn(green, view)[true_labels(view) == 1].median(dim=0).values
    assert colours.argmax() == 1
    assert green.objects[0].id == 1 and not green.look.lit.any()
    both = green.select_id(3).recolour((1.0, 1.0, 0.0))
    assert int(torch.unique(both.look.tint[both.look.tinted], dim=0).shape[0]) == 2


def test_channels_after_the_colours_are_left_alone(scene):
    looking = ObjectView(scene).select_id(1)
    seen = scene.seen(camera(0.0))
    colors = torch.cat([seen.gaussians.colors, torch.arange(len(seen.row))[:, None].float()], dim=1)
    gaussians = replace(seen.gaussians, colors=colors)
    result = looking.look.coloured(gaussians, seen.row).colors
    assert torch.equal(result[:, 3], colors[:, 3])
    lit = looking.rows[seen.row]
    torch.testing.assert_close(result[~lit, :3], DIMMED * colors[~lit, :3])
    assert ((result[lit, :3] - torch.tensor(LIGHT)).abs() <= LIGHT_SHARE).all()
    plain = ObjectView(scene).look.coloured(gaussians, seen.row)
    assert torch.equal(plain.colors, colors)


def test_acting_on_nothing_is_refused(scene):
    looking = ObjectView(scene)
    for act in (looking.hide, looking.isolate, lambda: looking.recolour((1.0, 0.0, 0.0))):
        with pytest.raises(QueryError, match="nothing is selected"):
            act()
    with pytest.raises(QueryError, match="no object 9"):
        looking.select_id(9)


def test_the_middle_of_the_clicking_camera_looks_along_the_ray():
    for direction in ((0.0, 0.0, -2.0), (0.3, -0.5, 0.1), (1.0, 0.0, 0.0)):
        view = camera_along((1.0, 2.0, 3.0), direction)
        rotation = torch.from_numpy(view.world_to_camera[:3, :3])
        torch.testing.assert_close(torch.from_numpy(view.position), torch.tensor([1.0, 2.0, 3.0]))
        torch.testing.assert_close(rotation @ rotation.T, torch.eye(3), atol=1e-6, rtol=0)
        assert float(torch.linalg.det(rotation)) == pytest.approx(1.0)
        along = rotation @ torch.nn.functional.normalize(torch.tensor(direction), dim=0)
        torch.testing.assert_close(along, torch.tensor([0.0, 0.0, 1.0]), atol=1e-6, rtol=0)


def test_objects_have_colours_of_their_own():
    colours = palette(torch.arange(20))
    assert len(torch.unique((colours * 255).round(), dim=0)) == 20
    assert torch.equal(colours[0], torch.full((3,), 0.2))
    assert palette(torch.zeros(4, dtype=torch.int64)).shape == (4, 3)
