"""What the page of ``csg view`` takes care of: what people would lose, miss, or be surprised by."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import csgaussian_ns
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.tools import view
from csgaussian_ns.tools.view import PAGE
from tests.codec.scenes import random_scene, with_semantics
from tests.web.servers import serving_application
from tests.web.visits import Visit

LINE = np.array([255, 158, 26])
"""Colour of the line around what is selected."""
CHOOSE_COLOUR = """() => {
    const input = document.querySelector("#colour");
    input.value = "#ff8000";
    input.dispatchEvent(new Event("change"));
}"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Five objects side by side, the same without one of them, and half a file."""
    folder = tmp_path_factory.mktemp("care")
    found = {name: folder / name for name in ("objects.csg", "fewer.csg", "cut.csg")}
    found["objects.csg"].write_bytes(encode(with_semantics(random_scene(400, 10, 4, seed=3), objects=5)).data)
    scene = csgaussian_ns.load(found["objects.csg"])
    scene.edited(csgaussian_ns.Remove(scene.objects.all[0].target)).save(found["fewer.csg"])
    found["cut.csg"].write_bytes(scene.data[: len(scene.data) // 2])
    return found


@pytest.fixture(scope="module")
def address(files: dict[str, Path]) -> Iterator[str]:
    with serving_application(view.application(files)) as address:
        yield address


@pytest.fixture
def visit(chromium: Any, address: str) -> Iterator[Visit]:
    visit = Visit(chromium, f"{address}?scene=objects.csg", 1000)
    yield visit
    visit.close()


def shown(visit: Visit) -> np.ndarray:
    """What the canvas shows, in bytes."""
    visit.ask("window.csg.pixels().then(() => undefined)")
    told = visit.ask("document.querySelector('#scene').toDataURL().split(',')[1]")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(told))).convert("RGB")).astype(int)


def lined(visit: Visit, ids: list[int]) -> np.ndarray:
    """Pixels of the line when these are selected."""
    visit.ask("(ids) => { window.csg.select(0); ids.forEach((id) => window.csg.select(id, true)); }", ids)
    return np.abs(shown(visit) - LINE).max(axis=2) < 3


def test_every_selected_object_has_a_line(visit: Visit):
    visit.ask("window.csg.picture.fly((flight) => flight.zoom(0.6))")
    ids = [thing["id"] for thing in visit.ask("window.csg.objects")]
    alone = [lined(visit, [one]) for one in ids]
    drawn = [(one, line) for one, line in zip(ids, alone, strict=True) if line.sum() > 30]
    assert len(drawn) >= 3 and not lined(visit, []).any()
    both = lined(visit, [drawn[0][0], drawn[1][0]])
    for _, line in drawn[:2]:
        assert (both & line).sum() > 0.5 * line.sum()


def test_a_second_file_that_is_cut_leaves_the_first(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=objects.csg&compare=cut.csg", 1000)
    visit.page.wait_for_selector("#toast.shown")
    assert visit.page.inner_text("#message").startswith("cut.csg, to compare with, cannot be shown. ")
    assert visit.page.locator(".open #scene").is_visible() and not visit.page.locator(".failed, .comparing").count()
    assert len(visit.ask("window.csg.objects")) == 5
    visit.close()


def test_clicks_and_pictures_are_of_the_file_under_the_pointer(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=objects.csg&compare=fewer.csg", 1000)
    page = visit.page
    page.wait_for_selector("body.comparing")
    page.wait_for_function("window.csg.picture.comparison.objects.length === 4")
    removed = next(iter({thing["id"] for thing in visit.ask("window.csg.objects")} - {2, 3, 4, 5}))
    spots = [(x, y) for y in range(100, 330, 10) for x in range(40, 680, 10)]
    page.get_by_label("Left of here the first file").fill("100")
    left = [visit.ask("([x, y]) => window.csg.pick(x, y)", spot) for spot in spots]
    page.get_by_label("Left of here the first file").fill("0")
    right = [visit.ask("([x, y]) => window.csg.pick(x, y)", spot) for spot in spots]
    assert {found["other"] for found in right} == {"fewer.csg"} and {found.get("other") for found in left} == {None}
    assert removed in {found["object"] for found in left} and removed not in {found["object"] for found in right}
    x, y = spots[next(i for i, found in enumerate(right) if found["object"])]
    page.mouse.click(x, y)
    page.wait_for_function("document.querySelector('#message').textContent.includes('in fewer.csg')")
    assert visit.ask("window.csg.selected") == []
    page.get_by_label("Left of here the first file").fill("50")
    with page.expect_download() as download:
        page.keyboard.press("p")
    whole = np.asarray(Image.open(download.value.path()).convert("RGB"))
    first = shown(visit)
    half = first.shape[1] // 2
    assert (whole[:, :half] == first[:, :half]).all() and (whole[:, half:] != first[:, half:]).any()
    visit.close()


def test_what_is_not_saved_is_not_lost_unasked(visit: Visit, files: dict[str, Path]):
    page, asked = visit.page, list[tuple[str, str]]()

    def answer(dialog: Any) -> None:
        asked.append((dialog.type, dialog.message))
        dialog.dismiss() if len(asked) == 1 else dialog.accept()

    page.on("dialog", answer)
    leaves = "() => !dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert visit.ask(leaves) is False
    page.locator(".object .name").nth(0).click()
    page.keyboard.press("Delete")
    assert visit.ask(leaves) is True and page.locator("body.unsaved").count() == 1
    page.set_input_files("#file", files["fewer.csg"])
    page.wait_for_function("document.querySelector('#file').value === ''")
    assert asked == [("confirm", "What you changed is not saved. Open another file all the same?")]
    assert visit.ask("window.csg.name") == "objects.csg"
    page.set_input_files("#file", files["fewer.csg"])  # the same one again
    page.wait_for_function("window.csg.name === 'fewer.csg' && window.csg.told?.whole")
    assert len(asked) == 2 and visit.ask(leaves) is False


def test_nothing_is_done_behind_the_help(visit: Visit):
    page = visit.page
    page.locator(".object .name").nth(0).click()
    page.keyboard.press("?")
    assert page.locator("#help-page").is_visible()
    before = visit.ask("window.csg.picture.place")
    for key in ("Delete", "h", "w", "Control+z"):
        page.keyboard.press(key)
    visit.drawn()
    assert visit.ask("window.csg.edits") == [] and page.locator(".object.hidden").count() == 0
    assert visit.ask("window.csg.picture.place") == before
    page.keyboard.press("Escape")
    assert not page.locator("#help-page").is_visible() and len(visit.ask("window.csg.selected")) == 1
    page.keyboard.press("?")
    page.mouse.click(5, 470)  # beside it
    assert not page.locator("#help-page").is_visible()


def test_a_link_that_is_pasted_moves_the_camera(visit: Visit):
    visit.ask("location.hash = '#camera=0.5,0.25,0,7,1,0.5'")
    visit.page.wait_for_function("window.csg.picture.place === '0.5,0.25,0,7,1,0.5'")
    visit.ask("location.hash = '#camera=nonsense'")
    visit.drawn()
    assert visit.ask("window.csg.picture.place") == "0.5,0.25,0,7,1,0.5"


def test_measuring_shows_its_first_point(visit: Visit):
    page = visit.page
    page.keyboard.press("5")
    spots = ((x, y) for y in range(120, 380, 10) for x in range(350, 650, 10))
    x, y = next(at for at in spots if visit.ask("([x, y]) => window.csg.pick(x, y)", at)["place"])
    page.mouse.click(x, y)
    page.locator("#ruler-from").wait_for()
    assert page.inner_text("#measure") == "click a second point" and not page.locator("#ruler-to").is_visible()


def test_the_same_colour_can_be_chosen_for_another_object(visit: Visit):
    page = visit.page
    started = list[str]()
    for number in range(2):
        page.locator(".object .name").nth(number).click()
        page.get_by_label("Colour", exact=True).click()
        started.append(page.locator("#colour").input_value())
        assert started[-1] != "#ff8000"  # or a browser would not tell of it
        page.locator("#colour").evaluate(
            "(input) => { input.value = '#ff8000'; input.dispatchEvent(new Event('change')); }"
        )
        page.keyboard.press("Escape")
    assert started[1] == "#ff8001"
    assert [edit["objects"] for edit in visit.ask("window.csg.edits")] == [[1], [2]]


def test_good_news_goes_away_by_itself_and_a_search_without_a_find_says_so(visit: Visit):
    page = visit.page
    page.clock.install()
    page.keyboard.press("h")
    assert page.locator("#toast.good").is_visible()  # nothing is selected
    page.clock.run_for(7000)
    assert not page.locator("#toast").is_visible()
    visit.ask("window.csg.panel.focusSearch()")
    page.keyboard.type("no such thing")
    assert page.inner_text(".hint").startswith("No object of that name.")
    page.get_by_label("Search objects").fill("")
    assert "No object" not in page.inner_text(".hint")


def test_the_list_folds_away_from_above_handles(visit: Visit):
    page = visit.page
    fold = page.get_by_label("Fold the list")
    fold.click()
    assert not page.locator(".objects").is_visible() and fold.get_attribute("aria-expanded") == "false"
    box = page.locator("#panel").bounding_box()
    assert box is not None and box["height"] < 60 and box["width"] < 200
    page.keyboard.press("/")  # a search unfolds it
    assert page.locator(".objects").is_visible()
