"""What a person does on the page of ``csg view``, with mouse and keys, each thing once."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import csgaussian_ns
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.tools import view
from csgaussian_ns.tools.view import PAGE, View
from tests.codec.scenes import random_scene, with_semantics
from tests.web.servers import serving_application
from tests.web.visits import Visit

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


class Words:
    """An encoder that finds one object."""

    name, dim = "some encoder", 16

    def __init__(self, vector: Sequence[float]) -> None:
        self.vector, self.asked = torch.tensor(vector), list[str]()

    def encode_text(self, texts: Sequence[str]) -> torch.Tensor:
        self.asked += texts
        return torch.stack([self.vector] * len(texts))

    def encode_images(self, images: Sequence[Any]) -> torch.Tensor:
        raise NotImplementedError


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five objects side by side."""
    path = tmp_path_factory.mktemp("doing") / "objects.csg"
    path.write_bytes(encode(with_semantics(random_scene(400, 10, 4, seed=3), objects=5)).data)
    return path


@pytest.fixture(scope="module")
def nested(file: Path) -> Path:
    """Four of them in wholes: 1 and 2 in one, 3 beside it in another."""
    scene = with_semantics(random_scene(400, 10, 4, seed=3), objects=5)
    assert scene.semantics is not None
    semantics = replace(scene.semantics, tree=ObjectTree(5, (1, 1, 2, 0, 0, 2, 0)))
    path = file.with_name("nested.csg")
    path.write_bytes(encode(replace(scene, semantics=semantics)).data)
    return path


@pytest.fixture(scope="module")
def words(file: Path) -> Words:
    embedding = csgaussian_ns.load(file).objects.all[3].embedding
    assert embedding is not None
    return Words(embedding)


@pytest.fixture(scope="module")
def address(file: Path, nested: Path, words: Words) -> Iterator[str]:
    with serving_application(view.application({"objects.csg": file, "nested.csg": nested}, words)) as address:
        yield address


@pytest.fixture
def visit(chromium: Any, address: str) -> Iterator[Visit]:
    visit = Visit(chromium, f"{address}?scene=objects.csg&encode=encode", 1000)
    yield visit
    visit.close()


def names(visit: Visit) -> list[str]:
    """As the list shows them."""
    return visit.page.locator(".object .name").all_inner_texts()


def last_edit(visit: Visit) -> dict[str, Any]:
    return visit.ask("window.csg.edits.at(-1)")


def test_words_find_objects(visit: Visit, words: Words):
    search = visit.page.get_by_label("Search objects")
    search.fill("2")
    assert names(visit)[0] == "Gerät 2"
    search.fill("something green")
    visit.page.wait_for_selector(".meant")
    assert names(visit)[0] == "Gerät 3" and words.asked[-1] == "something green"
    search.fill("")
    assert len(names(visit)) == 5


def test_without_an_encoder_the_page_says_so(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=objects.csg", 1000)
    visit.page.get_by_label("Search objects").fill("something green")
    assert "csg view --text-weights FILE does" in visit.page.inner_text(".hint") and names(visit) == []
    visit.close()


def test_a_folder_cannot_encode(file: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match="finds by name alone"):
        View(str(file), text_weights=file, export=tmp_path / "site").run()


def test_rename_recolour_isolate_hide(visit: Visit):
    page = visit.page
    page.locator(".object .name").nth(1).click()
    page.keyboard.press("n")
    page.keyboard.type("Kanne")
    page.keyboard.press("Enter")
    assert last_edit(visit)["name"] == "Kanne"
    page.locator(".object .name", has_text="Kanne").wait_for()  # named by the worker, which answers later
    page.locator("#colour").evaluate(
        "(input) => { input.value = '#ff8000'; input.dispatchEvent(new Event('change')); }"
    )
    assert np.allclose(last_edit(visit)["colour"], [1, 128 / 255, 0])
    page.keyboard.press("i")
    assert page.locator(".object.hidden").count() == 4
    page.keyboard.press("i")
    page.keyboard.press("h")
    assert page.locator(".object.hidden .name").all_inner_texts() == ["Kanne"]
    page.keyboard.press("Shift+H")
    assert page.locator(".object.hidden").count() == 0
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert visit.ask("window.csg.edits") == [] and page.get_by_label("Undo", exact=True).is_disabled()
    page.keyboard.press("Control+Shift+Z")
    assert last_edit(visit)["do"] == "rename"


def test_the_mouse_selects_five_objects_turns_and_comes_closer(visit: Visit):
    page = visit.page
    seen, clicked = dict[int, tuple[int, int]](), 0
    for x, y in ((x, y) for y in range(60, 400, 12) for x in range(40, 680, 12)):
        found = visit.ask("([x, y]) => window.csg.pick(x, y)", [x, y])["object"]
        if found and found not in seen:
            seen[found] = (x, y)
    for found, (x, y) in seen.items():
        page.mouse.click(x, y)
        page.wait_for_function(f"window.csg.selected[0] === {found}")
        assert page.locator(".object.selected").get_attribute("data-id") == str(found)
        clicked += 1
    assert clicked == 5
    places = [visit.ask("window.csg.picture.seen")]
    page.mouse.move(300, 240)
    page.mouse.down()
    page.mouse.move(380, 260, steps=4)
    page.mouse.up()
    places.append(visit.ask("window.csg.picture.seen"))
    page.mouse.wheel(0, -300)
    page.wait_for_function("(before) => window.csg.picture.seen.eye[0] !== before", arg=places[-1]["eye"][0])
    places.append(visit.ask("window.csg.picture.seen"))
    distances = [math.dist(place["eye"], place["focus"]) for place in places]
    assert math.isclose(distances[0], distances[1], rel_tol=1e-6) and distances[2] < 0.9 * distances[1]
    assert math.dist(places[0]["eye"], places[1]["eye"]) > 0.1 * distances[0]
    assert places[0]["focus"] == places[1]["focus"]


@pytest.mark.parametrize(
    ("key", "handle", "does"), [("2", "move along z", "move"), ("3", "turn", "rotate"), ("4", "size", "scale")]
)
def test_handles_move_turn_and_size(visit: Visit, key: str, handle: str, does: str):
    page = visit.page
    page.locator(".object .name").nth(2).click()
    page.keyboard.press("f")
    page.keyboard.press(key)
    x, y = visit.handle(handle)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 20, y - 40, steps=4)
    assert visit.ask("window.csg.edits") == []  # seen, but not made
    page.mouse.up()
    edit = last_edit(visit)
    assert edit["do"] == does and edit["objects"] == [visit.ask("window.csg.selected[0]")]
    made = {"move": lambda: edit["shift"][2], "rotate": lambda: edit["degrees"], "scale": lambda: edit["factor"] - 1}
    assert made[does]() > 0
    page.mouse.move(x, y)
    page.keyboard.press("Control+z")
    assert visit.ask("window.csg.edits") == []


def test_handles_and_names_stay_while_the_page_draws_and_lists(visit: Visit):
    """A handle may be under a pointer, and a name be typed, when the scene is drawn or its objects are listed anew."""
    page = visit.page
    page.locator(".object .name").nth(2).click()
    page.keyboard.press("2")
    grip = page.wait_for_selector('#gizmo circle[aria-label="move along z"]')
    place = grip.bounding_box()
    visit.ask("window.csg.picture.fly((flight) => flight.turn(40, 0))")
    visit.drawn()
    assert grip.is_visible() and grip.bounding_box() != place
    page.locator(".object .name").nth(1).click()
    visit.drawn()
    assert grip.is_visible()
    page.keyboard.press("n")
    page.keyboard.type("half a na")
    visit.ask("window.csg.make({ do: 'remove', objects: [window.csg.objects.at(-1).id] })")
    page.wait_for_function("window.csg.objects.length === 4")
    page.keyboard.type("me")
    page.keyboard.press("Enter")
    assert last_edit(visit)["name"] == "half a name"
    page.wait_for_function("document.querySelectorAll('.object .name')[1].textContent === 'half a name'")
    page.keyboard.press("1")
    visit.drawn()
    assert not grip.is_visible()


def test_distances_are_measured(visit: Visit, file: Path):
    page = visit.page
    page.keyboard.press("5")
    places = []
    for x, y in ((x, y) for y in range(120, 380, 20) for x in range(350, 650, 50)):
        found = visit.ask("([x, y]) => window.csg.pick(x, y)", [x, y])["place"]
        if found is None or len(places) == 2 or (places and math.dist(places[-1], found) < 0.02):
            continue
        places.append(found)
        page.mouse.click(x, y)
    page.locator("#measure").wait_for()
    told = float(page.inner_text("#measure").split()[0])
    assert math.isclose(told, math.dist(*places) / csgaussian_ns.load(file).meta.scale, rel_tol=1e-2)
    page.keyboard.press("Escape")
    page.locator("#measure").wait_for(state="hidden")


def test_files_pictures_and_links_are_kept(visit: Visit, file: Path, chromium: Any, address: str):
    page = visit.page
    page.locator(".object .name").nth(0).click()
    page.keyboard.press("Delete")
    with page.expect_download() as saved:
        page.keyboard.press("Control+s")
    assert saved.value.suggested_filename == "objects-edited.csg"
    edited = csgaussian_ns.load(Path(saved.value.path()).read_bytes())
    assert len(edited.objects) == 4 and edited.original.data == file.read_bytes()
    assert "Saved with 1 edit, " in page.inner_text("#message")
    with page.expect_download() as picture:
        page.keyboard.press("p")
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    page.mouse.move(400, 300)
    before = visit.ask("window.csg.picture.place")
    page.mouse.wheel(0, 200)
    page.wait_for_function("(before) => window.csg.picture.place !== before", arg=before)
    page.get_by_label("Link to this view").click()
    page.wait_for_function("location.hash.startsWith('#camera=')")
    other = Visit(chromium, page.url, 1000)
    assert np.allclose(other.ask("window.csg.picture.seen.eye"), visit.ask("window.csg.picture.seen.eye"), atol=1e-4)
    other.close()


def test_two_files_side_by_side(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=objects.csg&compare=objects.csg", 1000)
    page = visit.page
    page.wait_for_function("document.querySelector('#left').textContent.includes('·')")
    assert re.fullmatch(r"objects\.csg · \d+ kB", page.inner_text("#left"))
    assert page.inner_text("#left") == page.inner_text("#right")
    page.get_by_label("Left of here the first file").fill("20")
    assert page.locator("#stage").evaluate("(e) => e.style.getPropertyValue('--divider')") == "20%"
    visit.close()


def test_narrow_and_dark(chromium: Any, address: str):
    page = chromium.new_page(viewport={"width": 390, "height": 700}, color_scheme="dark", has_touch=True)
    page.goto(f"{address}?scene=objects.csg")
    page.wait_for_selector("body.whole")
    assert not page.locator("#panel").is_visible()
    page.get_by_label("Objects", exact=True).first.click()
    assert page.locator("#panel").is_visible()
    for label in ("hide", "show it alone", "rename"):  # without a pointer that hovers
        assert page.locator(".object").first.get_by_label(label).is_visible()
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390 and page.locator("body").evaluate("(e) => getComputedStyle(e).color") == "rgb(236, 238, 244)"
    page.close()


def test_larger_and_smaller_selections(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=nested.csg", 1000)
    try:

        def selected(key: str = "") -> list[int]:
            if key:
                visit.page.keyboard.press(key)
            return visit.ask("window.csg.selected")

        larger, smaller = (visit.page.locator(f'[data-do="{name}"]') for name in ("larger", "smaller"))
        visit.ask("window.csg.select(4)")
        assert selected() == [4] and not larger.is_visible()
        visit.ask("window.csg.select(2)")
        assert larger.is_enabled() and smaller.is_disabled()
        assert [selected("+"), selected("+"), selected("+")] == [[1, 2], [1, 2, 3], [1, 2, 3]]
        assert [selected("-"), selected("-"), selected("-")] == [[1, 2], [2], [2]]
        larger.click()
        assert selected() == [1, 2]
        visit.page.keyboard.press("Delete")
        assert last_edit(visit) == {"do": "remove", "objects": [1, 2]}
        visit.ask("window.csg.select(3)")
        assert selected("+") == [3]  # of its whole nothing else is there
    finally:
        visit.close()
