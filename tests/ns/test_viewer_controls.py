"""The viewer's controls for objects, driven as the viewer drives them but without one."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from nerfstudio.viewer.render_state_machine import RenderStateMachine
from nerfstudio.viewer.utils import parse_object
from nerfstudio.viewer.viewer_elements import ViewerClick, ViewerControl, ViewerElement

from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.ns import viewer
from csgaussian_ns.ns.viewer import NONE, ObjectControls
from csgaussian_ns.semantic.object_view import ObjectScene
from tests.semantic.scenes import ENCODER, camera, scene_of_balls

LEFT, SKY = (25, 36), (0, 0)  # pixels of ``camera(0)``: on the red ball, above everything


@pytest.fixture
def controls() -> ObjectControls:
    coded = scene_of_balls()
    assert coded.semantics is not None
    controls = ObjectControls()
    controls.adopt(ObjectScene(coded.anchors, coded.decoders, semantics=coded.semantics), 1200)
    return controls


def press(element, value=None) -> None:
    if value is not None:
        element.value = value
    element.cb_hook(element)


def click_at(column: int, row: int) -> ViewerClick:
    view = camera(0.0)
    local = torch.tensor([(column + 0.5 - view.cx) / view.fx, (row + 0.5 - view.cy) / view.fy, 1.0])
    return ViewerClick(
        tuple(view.position.tolist()), tuple((local @ view.world_to_camera[:3, :3]).tolist()), (0.5, 0.5)
    )


def test_the_viewer_finds_the_elements_in_order(controls):
    parent = torch.nn.Module()
    parent.object_controls = controls
    names = [element.name for _, element in parse_object(parent, ViewerElement, "model")]
    assert names[:6] == ["", "Find objects", "Select by click", "Object", "A part of", "Grow / shrink"]
    assert len(parse_object(parent, ViewerControl, "model")) == 1
    assert controls.state_dict() == {}, "checkpoints must not know of the viewer"


def test_a_click_selects_and_says_so(controls):
    controls.click(click_at(*LEFT))
    assert controls.row_d.value == "1 red ball"
    assert "**3 objects**, as of step 1200" in controls.row_a.content
    assert "Selected: **1 red ball**" in controls.row_a.content
    controls.click(click_at(*SKY))
    assert controls.row_d.value == NONE
    assert "Nothing there" in controls.row_a.content and "Selected" not in controls.row_a.content


def test_larger_and_smaller(controls):
    view = controls._view
    known = replace(view.scene.semantics, tree=ObjectTree(3, (1, 2, 1, 2, 0)))
    controls._view = view.knowing(known)

    def chosen(step: str) -> tuple[int, ...]:
        press(controls.row_da, step)
        return controls._view.target.ids

    press(controls.row_d, "3 lamp")
    assert [chosen("Larger"), chosen("Larger"), chosen("Larger")] == [(1, 3), (1, 2, 3), (1, 2, 3)]
    assert "**1 red ball** and 2 more" in controls.row_a.content and "nothing larger" in controls.row_a.content
    assert [chosen("Smaller"), chosen("Smaller"), chosen("Smaller")] == [(1, 3), (3,), (3,)]
    assert "It has no parts" in controls.row_a.content
    press(controls.row_d, NONE)
    assert chosen("Larger") == () and "Select an object first" in controls.row_a.content


def test_list_slider_and_buttons(controls):
    press(controls.row_d, "2 Red box")
    count = int(controls._view.rows.sum())
    press(controls.row_e, 50)
    assert int(controls._view.rows.sum()) == round(1.5 * count)
    press(controls.row_d, "3 lamp")
    assert controls.row_e.value == 0, "a new selection starts at its own size"
    press(controls.row_f, "Hide")
    assert controls.row_d.value == NONE and "anchors are hidden" in controls.row_a.content
    press(controls.row_f, "Hide")
    assert "Not possible:** nothing is selected" in controls.row_a.content
    press(controls.row_d, "1 red ball")
    controls.row_g.value = (0, 255, 0)
    press(controls.row_h)
    assert controls._view.look.tint[controls._view.look.tinted].unique(dim=0).tolist() == [[0, 1, 0]]
    press(controls.row_i)
    assert not controls._view.look.hidden.any() and not controls._view.look.tinted.any()


def test_before_objects_are_found_every_control_says_so():
    controls = ObjectControls()
    assert controls.layers() == {} and controls.look() is None
    for press_it in (lambda: press(controls.row_d), lambda: press(controls.row_h), lambda: press(controls.row_k)):
        controls.row_a.content = ""
        press_it()
        assert "no objects have been found yet" in controls.row_a.content


def test_only_the_viewer_draws_what_the_controls_say(controls):
    press(controls.row_d, "1 red ball")
    assert controls.look() is None, "evaluation and tests see the scene as it is"
    seen = []

    class Drawing(RenderStateMachine):
        def __init__(self) -> None:
            threading.Thread.__init__(self)

        def run(self) -> None:
            seen.append(controls.look())

    thread = Drawing()
    thread.start()
    thread.join()
    assert seen[0].lit.any()
    assert controls.layers()["objects"]().shape == (len(seen[0].lit), 3)


def test_words(controls, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    class Encoder:
        name, dim = ENCODER, 4

        def encode_text(self, texts):
            return torch.eye(4)[[3] * len(texts)]

        def encode_images(self, images):
            raise AssertionError("the objects have vectors of this encoder already")

    press(controls.row_k)
    assert "no words" in controls.row_a.content
    controls.row_j.value, controls.row_l.value = "a lamp", ""
    press(controls.row_k)
    assert "“Encoder weights” is empty" in controls.row_a.content and "never downloaded" in controls.row_a.content
    controls.row_l.value = str(tmp_path / "absent.bin")
    press(controls.row_k)
    assert "no such file" in controls.row_a.content

    monkeypatch.setattr(viewer, "load_openclip", lambda *_: Encoder())
    press(controls.row_k)
    assert controls.row_d.value == "3 lamp"
    assert "Similarity to “a lamp”: 3 lamp: 1.00" in controls.row_a.content
