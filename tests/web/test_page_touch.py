"""Fingers on the page of ``csg view``, keys that fly, and a screen as narrow as that of a phone."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.tools import view
from csgaussian_ns.tools.view import PAGE
from tests.codec.scenes import random_scene, with_semantics
from tests.web.servers import serving_application
from tests.web.visits import Visit

Point = tuple[float, float]
ON_TOP = """(button) => {
    const { x, y } = button.getBoundingClientRect();
    return button.contains(document.elementFromPoint(x + 9, y + 9));
}"""
IS_ELSEWHERE = "(place) => Math.hypot(...window.csg.picture.seen.eye.map((x, i) => x - place[i])) > 0.05"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("touch") / "objects.csg"
    path.write_bytes(encode(with_semantics(random_scene(400, 10, 4, seed=3), objects=5)).data)
    with serving_application(view.application({"objects.csg": path})) as address:
        yield f"{address}?scene=objects.csg"


@pytest.fixture
def phone(chromium: Any, address: str) -> Iterator[Visit]:
    """390 pixels wide, with fingers."""
    context = chromium.new_context(has_touch=True, is_mobile=True)
    visit = Visit(context, address, 390, height=780)
    yield visit
    visit.close()
    context.close()


class Fingers:
    """On the screen of a page."""

    def __init__(self, page: Any) -> None:
        self.session = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: Point) -> None:
        told = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

    def drag(self, *ways: tuple[Point, Point], steps: int = 5) -> None:
        """Each finger from one place to another, all at once."""
        self._send("touchStart", *(start for start, _ in ways))
        for step in range(1, steps + 1):
            share = step / steps
            self._send("touchMove", *((a + share * (c - a), b + share * (d - b)) for (a, b), (c, d) in ways))
        self._send("touchEnd")


def seen(visit: Visit) -> tuple[np.ndarray, np.ndarray, float]:
    """Where the eye is, what it looks at, and how far that is."""
    told = visit.ask("window.csg.picture.seen")
    return np.array(told["eye"]), np.array(told["focus"]), math.dist(told["eye"], told["focus"])


def test_one_finger_turns_two_come_closer_and_move(phone: Visit):
    fingers = Fingers(phone.page)
    eye, focus, distance = seen(phone)
    fingers.drag(((200, 350), (260, 380)))
    turned = seen(phone)
    assert np.allclose(turned[1], focus) and math.isclose(turned[2], distance, rel_tol=1e-6)
    assert math.dist(turned[0], eye) > 0.1 * distance
    fingers.drag(((180, 350), (120, 350)), ((210, 350), (270, 350)))
    closer = seen(phone)
    assert 0.15 < closer[2] / distance < 0.25 and math.dist(closer[1], focus) < 0.1 * distance
    fingers.drag(((180, 350), (180, 420)), ((240, 350), (240, 420)))
    moved = seen(phone)
    assert math.isclose(moved[2], closer[2], rel_tol=0.05) and math.dist(moved[1], closer[1]) > 0.02 * closer[2]


def test_a_tap_selects(phone: Visit):
    spots = ((x, y) for y in range(200, 560, 8) for x in range(30, 360, 8))
    sharp = phone.ask("window.csg.picture.sharpness")
    script = "([x, y]) => window.csg.pick(x, y)"
    x, y, found = next((x, y, one) for x, y in spots if (one := phone.ask(script, [x * sharp, y * sharp])["object"]))
    phone.page.touchscreen.tap(x, y)
    phone.page.wait_for_function(f"window.csg.selected[0] === {found}")
    assert not phone.page.locator("#panel").is_visible()


def test_all_tools_are_on_the_screen_of_a_phone(phone: Visit):
    page = phone.page
    phone.ask("window.csg.select(window.csg.objects[0].id)")
    phone.drawn()
    buttons = [button for button in page.locator("#tools button").all() if button.is_visible()]
    assert len(buttons) == 16
    for button in buttons:
        box = button.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 390 and box["y"] + box["height"] <= 780
        assert button.evaluate(ON_TOP)
    page.locator("#tools").get_by_label("Objects").tap()
    panel, tools = page.locator("#panel").bounding_box(), page.locator("#tools").bounding_box()
    assert panel is not None and tools is not None and panel["y"] + panel["height"] <= tools["y"]
    page.locator("#tools").get_by_label("Objects").tap()
    assert not page.locator("#panel").is_visible()


def test_the_slider_of_two_files_is_within_reach_of_a_finger(chromium: Any, address: str):
    context = chromium.new_context(has_touch=True, is_mobile=True)
    visit = Visit(context, f"{address}&compare=objects.csg", 390, height=780)
    visit.page.wait_for_selector("body.comparing")
    visit.ask("window.csg.select(window.csg.objects[0].id)")
    visit.drawn()
    boxes = [visit.page.locator(name).bounding_box() for name in ("#tools", "#divider", "#right", "#left")]
    [tools, divider, right, left] = boxes
    assert tools is not None and divider is not None and right is not None and left is not None
    assert divider["y"] + divider["height"] <= tools["y"] and right["y"] + right["height"] <= divider["y"]
    assert left["x"] + left["width"] < right["x"]
    assert not any(line.is_visible() for line in visit.page.locator("#tools hr").all())
    visit.page.touchscreen.tap(100, divider["y"] + divider["height"] / 2)
    visit.page.wait_for_function("parseFloat(document.querySelector('#divider').value) < 40")
    visit.close()
    context.close()


@pytest.mark.parametrize(("key", "way"), [("w", "ahead"), ("ArrowDown", "back"), ("d", "right"), ("q", "down")])
def test_keys_fly_as_long_as_they_are_down(chromium: Any, address: str, key: str, way: str):
    visit = Visit(chromium, address, 400, height=300)
    eye, focus, distance = seen(visit)
    ahead = (focus - eye) / distance
    up = np.array(visit.ask("window.csg.told.up"))
    right = np.cross(ahead, up)
    axes = {"ahead": ahead, "back": -ahead, "right": right / np.linalg.norm(right), "down": -up}
    visit.page.keyboard.down(key)
    visit.page.wait_for_function(IS_ELSEWHERE, arg=eye.tolist())
    visit.page.keyboard.up(key)
    flown = seen(visit)
    step = flown[0] - eye
    assert np.dot(step / np.linalg.norm(step), axes[way]) > 0.99 and math.isclose(flown[2], distance, rel_tol=1e-6)
    visit.drawn()
    assert np.allclose(seen(visit)[0], flown[0])
    visit.close()
