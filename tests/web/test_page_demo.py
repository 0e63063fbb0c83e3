"""The page of ``csg view`` on the demo scene and its ten objects: every answer is looked for in the pixels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import csgaussian_ns
from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.tools import view
from csgaussian_ns.tools.view import PAGE
from tests.web import person
from tests.web.demo_file import demo_file, masks_of
from tests.web.servers import serving_application
from tests.web.visits import Visit

TIMES = 4
"""Pixels of the page for one of the photos, which are 80x60."""
LEAST_PSNR = 35.0

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


@pytest.fixture(scope="module")
def file(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("demo") / "demo.csg"
    demo_file(scene_folder, path)
    demo_file(scene_folder, path.with_name("thin.csg"), every=10)
    return path


@pytest.fixture(scope="module")
def scene(file: Path) -> LoadedScene:
    return csgaussian_ns.load(file)


@pytest.fixture(scope="module")
def place(scene: LoadedScene, scene_folder: Path) -> tuple[Camera, dict[str, tuple[int, int]]]:
    """The photo that shows most objects well, and where each of five of them is: by the masks that were ray-traced."""
    masks = masks_of(scene_folder)
    best = max(masks, key=lambda name: sorted((masks[name] == number).sum() for number in range(1, 11))[-5])
    found = list(person.spots(masks[best], TIMES).items())[:5]
    names = {thing.id: thing.name for thing in scene.objects}
    return person.enlarged(scene.cameras(scene_folder)[best], TIMES), {names[number]: at for number, at in found}


@pytest.fixture(scope="module")
def address(file: Path) -> Iterator[str]:
    files = {name: file.with_name(name) for name in ("demo.csg", "thin.csg")}
    with serving_application(view.application(files)) as address:
        yield f"{address}?scene="


@pytest.fixture
def visit(chromium: Any, address: str) -> Iterator[Visit]:
    visit = Visit(chromium, f"{address}demo.csg", 800, height=600)
    visit.page.get_by_label("Fold the list").click()
    yield visit
    visit.close()


def test_orbits_look_as_our_renderer_draws_them(visit: Visit, scene: LoadedScene):
    assert len(scene.objects) == 10 and len(scene) > 20_000
    for camera in scene.orbit(4, 320, 240).values():
        assert person.against_ours(visit, scene, camera) > LEAST_PSNR and scene.draw(camera).image.std() > 0.05


def test_objects_are_clicked_hidden_moved_and_saved(
    visit: Visit, scene: LoadedScene, place: tuple[Camera, dict[str, tuple[int, int]]], tmp_path: Path
):
    camera, wanted = place
    assert len(wanted) == 5 and person.against_ours(visit, scene, camera) > LEAST_PSNR
    assert person.click_objects(visit, wanted) == {name: name for name in wanted}
    first, second, *_ = wanted.values()
    visit.page.keyboard.press("Escape")
    hidden = person.hide_by_key(visit, scene, camera, first)
    assert hidden["changed"] > 0.1 and hidden["picked_there"], hidden
    assert hidden["psnr"] > LEAST_PSNR and hidden["psnr_after_show_all"] > 50, hidden
    moved = person.move_by_mouse(visit, scene, camera, second)
    assert moved["edit"]["do"] == "move" and moved["edit"]["shift"][2] > 0.01, moved
    assert moved["changed"] > 0.02 and moved["far_from_it"] < 0.01, moved
    assert moved["psnr"] > LEAST_PSNR > moved["psnr_to_before"], moved
    saved = person.save_and_reopen(visit, scene, camera, tmp_path)
    assert saved == {"psnr": saved["psnr"], "listed": True, "edits": 1, "bytes_of_the_scene": True, "unsaved": False}
    assert saved["psnr"] > 50


@pytest.mark.slow
def test_a_thousand_random_doings(chromium: Any, address: str, file: Path):
    """Without an error, and the page still answers and draws; of a tenth of the points, as software draws them."""
    scene = csgaussian_ns.load(file.with_name("thin.csg"))
    visit = Visit(chromium, f"{address}thin.csg", 260, height=220)
    person.play(visit, 1000)
    for key in ("Escape", "Escape", "Shift+H"):
        visit.page.keyboard.press(key)
    visit.ask("while (window.csg.editing.canUndo) window.csg.undo()")
    [camera] = scene.orbit(1, 320, 240).values()
    assert person.against_ours(visit, scene, camera) > LEAST_PSNR
    visit.close()
