"""How opaque objects are to a finger: a ball of glass before an opaque one."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.semantic.finding.solidity import LEVELS, MOST_VIEWS, of_objects
from csgaussian_ns.semantic.finding.views import MaskedView
from csgaussian_ns.semantic.measure_objects import measure_objects
from csgaussian_ns.semantic.metrics import TrueView
from csgaussian_ns.semantic.query import pick
from csgaussian_ns.semantic.seen import label_map, solid
from tests.semantic.scenes import BALLS, camera, scene_of_balls, true_labels

CPU = choose_rasterizer("cpu", "cpu")
GLASS = 2
"""The box, before the lamp as seen from the front."""
FRONT = camera(0.0)


@dataclass(frozen=True)
class Transparent(TensorScene):
    """One object of the scene lets light through."""

    clear: float = 0.06

    def seen(self, camera: Camera, only: Any = None) -> Seen:
        seen = super().seen(camera, only)
        assert self.semantics is not None
        clear = torch.where(self.semantics.label[seen.row] == GLASS, self.clear, 1.0)
        return replace(seen, gaussians=replace(seen.gaussians, opacities=seen.gaussians.opacities * clear))


def glassy(clear: float = 0.06) -> Transparent:
    scene = scene_of_balls()
    return Transparent(scene.grid, scene.anchors, scene.decoders, scene.meta, scene.semantics, clear=clear)


def views(labels: Any = lambda view: true_labels(view)) -> list[MaskedView]:
    looks = [camera(0.3 + 0.785 * number) for number in range(8)]
    return [MaskedView(look, labels(look).int()[None]) for look in looks]


def solidified(scene: TensorScene, numbers: bytes) -> TensorScene:
    assert scene.semantics is not None
    objects = [replace(thing, solidity=2 ** (n / 8)) for thing, n in zip(scene.semantics.objects, numbers, strict=True)]
    return replace(scene, semantics=replace(scene.semantics, objects=tuple(objects)))


def found(scene: TensorScene, seen_in: list[MaskedView]) -> bytes:
    assert scene.semantics is not None
    return of_objects(scene, scene.semantics.label, seen_in, len(BALLS), CPU, 20)


def test_glass_becomes_solid_and_what_is_opaque_stays() -> None:
    numbers = found(glassy(), views())
    assert numbers[GLASS - 1] >= 16 and [numbers[n - 1] for n in BALLS if n != GLASS] == [0, 0]
    assert found(scene_of_balls(), views()) == bytes(3)
    assert set(numbers) <= set(LEVELS) and MOST_VIEWS >= 8


def test_a_click_on_glass_selects_the_glass() -> None:
    scene = glassy()
    true = true_labels(FRONT)
    rows, columns = torch.nonzero(true == GLASS, as_tuple=True)
    middle = int(columns.float().mean()), int(rows.float().mean())
    assert GLASS not in [thing.id for thing in pick(scene, FRONT, middle).objects]
    after = solidified(scene, found(scene, views()))
    assert [thing.id for thing in pick(after, FRONT, middle).objects] == [GLASS]
    lamp = torch.nonzero(true == 3)[0].tolist()
    assert [thing.id for thing in pick(after, FRONT, (lamp[1], lamp[0])).objects] in ([3], [])


def test_masks_and_selection_follow() -> None:
    scene = glassy()
    names = {number: name for number, (name, *_) in BALLS.items()}
    look = camera(0.4)
    label = true_labels(look)
    truth = [TrueView("view", look, {names[n]: label == n for n in BALLS})]
    solidly = solidified(scene, found(scene, views()))
    before, after = (measure_objects(each, truth, CPU, "overlap").report() for each in (scene, solidly))
    for measure in ("selection_3d", "rendered_2d"):
        assert after[measure]["per_object"][names[GLASS]] > before[measure]["per_object"][names[GLASS]] + 0.3, measure
        for number in (1, 3):
            other = names[number]
            assert after[measure]["per_object"][other] >= before[measure]["per_object"][other] - 0.02


def test_masks_that_say_nothing_change_nothing() -> None:
    """Stray masks, tiny ones, objects that no view shows, and no object at all."""
    scene = glassy()
    assert scene.semantics is not None
    doubtful = views(lambda look: torch.where(true_labels(look) == GLASS, -1, true_labels(look)))
    assert found(scene, doubtful) == bytes(3)
    assert of_objects(scene, scene.semantics.label, views(), 3, CPU, 10**6) == bytes(3)
    assert of_objects(scene, scene.semantics.label, [], 3, CPU, 20) == bytes(3)
    assert of_objects(scene, torch.zeros_like(scene.semantics.label), views(), 0, CPU, 20) == b""


def test_a_mask_that_merges_two_in_one_view_is_outvoted() -> None:
    def merged_once(look: Camera) -> Tensor:
        labels = true_labels(look)
        return torch.where(labels == 3, GLASS, labels) if look is looks[0] else labels

    looks = [view.camera for view in views()]
    mixed = [MaskedView(look, merged_once(look).int()[None]) for look in looks]
    assert found(glassy(), mixed)[GLASS - 1] >= 16


def test_a_view_of_opaque_objects_is_as_it_was() -> None:
    scene = scene_of_balls()
    assert scene.semantics is not None
    seen = scene.seen(FRONT)
    assert solid(seen, scene.semantics) is seen
    with_power = solidified(scene, bytes([8, 0, 0])).semantics
    assert with_power is not None
    raised = solid(seen, with_power).gaussians.opacities
    own = scene.semantics.label[seen.row] == 1
    torch.testing.assert_close(raised[~own], seen.gaussians.opacities[~own])
    torch.testing.assert_close(raised[own], 1 - (1 - seen.gaussians.opacities[own]) ** 2)
    assert label_map(solid(seen, with_power), scene.semantics.label, CPU).dtype == torch.int64


@pytest.mark.parametrize("number", [0, 8])
def test_receivers_without_torch_ask_the_same(number: int) -> None:
    from tests.semantic.scenes import loaded

    scene = solidified(scene_of_balls(), bytes([number, 0, 0]))
    layer, own = scene.semantics, loaded(scene)
    assert layer is not None and own.semantics is not None
    here, there = solid(scene.seen(FRONT), layer), solid(own.seen(FRONT), own.semantics)
    torch.testing.assert_close(here.gaussians.opacities, torch.from_numpy(there.gaussians.opacities), atol=1e-5, rtol=0)
