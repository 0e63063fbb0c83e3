"""The page of ``csg view`` in headless Chromium: pictures, clicks, edits and saved files are those of the package."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.container import read_container
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.receiver.capture_views import told
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.tools import cli, view
from csgaussian_ns.tools.view import PAGE, View
from tests.codec.scenes import random_scene, with_semantics
from tests.web.made_files import gaussians
from tests.web.servers import serving_application
from tests.web.test_page_care import lined
from tests.web.visits import Visit

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE = (96, 72)
BRIGHT = 8 / 255
"""How far a pixel may be off: halves of floats are blended, and edges of footprints are cut in single precision."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes to look at."""
    folder = tmp_path_factory.mktemp("scenes")
    scene = with_semantics(random_scene(300, 10, 4, seed=3))
    (folder / "objects.csg").write_bytes(encode(scene).data)
    glass = with_semantics(random_scene(300, 10, 4, seed=3))
    opacity = dict(glass.decoders.requires_grad_(False).named_parameters())
    opacity["opacity.2.weight"].zero_()
    opacity["opacity.2.bias"].fill_(0.1)
    assert glass.semantics is not None
    solid = replace(glass.semantics, solidity=bytes([0, 32, 16]))
    (folder / "glass.csg").write_bytes(encode(glass).data)
    (folder / "solid.csg").write_bytes(encode(replace(glass, semantics=solid)).data)
    (folder / "gaussians.csg").write_bytes(gaussians(300, 3))
    shutil.copy(GOLDEN / "v1_inr.csg", folder / "plain.csg")
    decoded = csgaussian_ns.load(folder / "objects.csg")
    photos = {
        **told(list(decoded.orbit(7).values())[2:4]),
        "orbit": {"focus": [0.1, 0.2, -0.1], "radius": 9, "height": 1},
    }
    decoded.with_meta(extra=photos).save(folder / "views.csg")
    whole = (folder / "objects.csg").read_bytes()
    (folder / "cut.csg").write_bytes(whole[: len(whole) // 2])
    (folder / "spoiled.csg").write_bytes(whole[:-600] + bytes(8) + whole[-592:])
    colours = next(entry for entry in read_container(whole).entries if entry.info.kind == "COLR").offset
    (folder / "damaged.csg").write_bytes(whole[:colours] + bytes(8) + whole[colours + 8 :])
    (folder / "newer.csg").write_bytes(whole[:8] + b"\x02\x00" + whole[10:])
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with serving_application(view.application({path.name: path for path in folder.iterdir()})) as address:
        yield address


def cameras_of(scene: LoadedScene, views: int) -> list[Camera]:
    """From so far that all is inside: our renderer leaves anchors out that lie beside the image, however large."""
    cameras = []
    for camera in scene.orbit(views, *SIZE).values():
        matrix = np.array(camera.world_to_camera)
        matrix[2, 3] += 3 * float(np.linalg.norm(scene.position - scene.position.mean(axis=0), axis=1).max())
        cameras.append(replace(camera, world_to_camera=matrix, fx=3 * camera.fx, fy=3 * camera.fy))
    return cameras


def close_enough(found: np.ndarray, scene: LoadedScene, camera: Camera) -> None:
    drawn = scene.draw(camera).image.clip(0, 1)
    error = float(np.square(found - drawn).mean())
    assert -10 * np.log10(error) > 40 and np.abs(found - drawn).max() < 0.1 and drawn.std() > 0.005
    assert (np.abs(found - drawn).max(axis=2) < BRIGHT).mean() > 0.98


@pytest.mark.parametrize("name", ["objects", "gaussians", "plain"])
def test_pictures_are_those_of_our_renderer(chromium: Any, address: str, folder: Path, name: str):
    scene, visit = csgaussian_ns.load(folder / f"{name}.csg"), Visit(chromium, f"{address}?scene={name}.csg")
    for camera in cameras_of(scene, 3):
        close_enough(visit.picture(camera), scene, camera)
    assert f"{len(scene):,}" in visit.page.inner_text("#facts")
    assert [thing["id"] for thing in visit.ask("window.csg.objects")] == [thing.id for thing in scene.objects]
    visit.close()


def test_the_first_view_is_where_the_best_photo_was_taken(chromium: Any, address: str, folder: Path):
    [best, *_] = csgaussian_ns.load(folder / "views.csg").views().values()
    pose = best.world_to_camera
    visit = Visit(chromium, f"{address}?scene=views.csg")
    seen = visit.ask("window.csg.picture.seen")
    assert np.allclose(seen["eye"], -pose[:3, :3].T @ pose[:3, 3], atol=1e-4)
    assert np.allclose(seen["focus"], [0.1, 0.2, -0.1], atol=1e-4)
    visit.close()


def test_what_is_solid_is_clicked_and_lined_as_such_and_drawn_as_before(chromium: Any, address: str, folder: Path):
    clear, solid = (csgaussian_ns.load(folder / f"{name}.csg") for name in ("glass", "solid"))
    before, visit = (Visit(chromium, f"{address}?scene={name}.csg") for name in ("glass", "solid"))
    [camera] = cameras_of(solid, 1)
    np.testing.assert_array_equal(visit.picture(camera), before.picture(camera))
    others = 0
    for column, row in ((column, row) for column in range(2, SIZE[0], 6) for row in range(2, SIZE[1], 6)):
        there, thing = (scene.select(camera, column, row) for scene in (clear, solid))
        found = visit.ask("([x, y]) => window.csg.pick(x, y)", [column + 0.5, row + 0.5])["object"]
        assert found == (0 if thing is None else thing.id), (column, row)
        others += thing is not None and there is None
    assert others > 3, "what is as good as nothing to colour is something to a click"
    lines = [[lined(page, [thing.id]) for page in (before, visit)] for thing in solid.objects]
    assert any((one != other).sum() > 20 for one, other in lines)
    for page in (before, visit):
        page.close()


def test_clicks_edits_and_saved_files_are_ours(chromium: Any, address: str, folder: Path, tmp_path: Path):
    scene, visit = csgaussian_ns.load(folder / "objects.csg"), Visit(chromium, f"{address}?scene=objects.csg")
    [camera] = cameras_of(scene, 1)
    visit.picture(camera)
    for column in range(4, SIZE[0], 13):
        for row in range(4, SIZE[1], 13):
            thing = scene.select(camera, column, row)
            found = visit.ask("([x, y]) => window.csg.pick(x, y)", [column + 0.5, row + 0.5])["object"]
            assert found == (0 if thing is None else thing.id), (column, row)
    first, second, *_ = scene.objects
    visit.ask(
        """([first, second]) => {
            window.csg.make({do: "remove", objects: [first]});
            window.csg.make({do: "move", objects: [second], shift: [1, 0.5, -0.25]});
            window.csg.make({do: "rotate", objects: [second], axis: [0, 0, 1], degrees: 40, about: [0, 0, 0]});
            window.csg.make({do: "scale", objects: [second], factor: 1.5, about: [1, 1, 1]});
            window.csg.make({do: "recolour", objects: [second], colour: [1, 0.25, 0]});
            window.csg.make({do: "rename", objects: [second], name: "Täßchen"});
            window.csg.make({do: "remove", objects: [3]});
            window.csg.undo();
        }""",
        [first.id, second.id],
    )
    picture = visit.picture(camera)
    saved = bytes(visit.ask("async () => [...await window.csg.saved()]"))
    edited = csgaussian_ns.load(saved)
    assert [type(edit).__name__.lower() for edit in edited.edits] == [
        "remove",
        "move",
        "rotate",
        "scale",
        "recolour",
        "rename",
    ]
    assert edited.objects["Täßchen"].id == second.id and first.id not in [thing.id for thing in edited.objects]
    close_enough(picture, edited, camera)
    assert edited.original.data == scene.data and edited.edits == scene.edited(*edited.edits).edits
    listed = visit.ask("window.csg.objects")
    assert [(thing["id"], thing["name"], thing["rows"]) for thing in listed] == [
        (thing.id, thing.name, thing.anchors) for thing in edited.objects
    ]
    moved = next(thing for thing in listed if thing["id"] == second.id)
    assert np.allclose(moved["centre"], edited.objects["Täßchen"].centre, atol=1e-4)
    visit.close()
    (folder / "saved.csg").write_bytes(saved)


def test_people_click_hide_and_undo(chromium: Any, address: str, folder: Path):
    """With mouse and keys, as they do it."""
    scene, visit = csgaussian_ns.load(folder / "objects.csg"), Visit(chromium, f"{address}?scene=objects.csg", 1000)
    page = visit.page
    rows = page.locator(".object")
    assert rows.count() == len(scene.objects)
    rows.nth(0).locator(".name").click()
    assert visit.ask("window.csg.selected") == [scene.objects.all[0].id]
    page.keyboard.press("Delete")
    page.wait_for_function(f"document.querySelectorAll('.object').length === {len(scene.objects) - 1}")
    page.keyboard.press("Control+z")
    page.wait_for_function(f"document.querySelectorAll('.object').length === {len(scene.objects)}")
    rows.nth(1).get_by_label("hide").click()
    assert "hidden" in (rows.nth(1).get_attribute("class") or "") and visit.ask("window.csg.edits") == []
    page.keyboard.press("?")
    assert page.locator("#help-page").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help-page").is_visible()
    page.fill("#panel input", "no such thing")
    page.wait_for_function("document.querySelectorAll('.object').length === 0")
    visit.close()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cut", "the file is cut at byte"),
        ("damaged", "damaged"),
        ("newer", "format version 2.0, this reader knows 1.x"),
        ("nowhere", "the server answers 404"),
    ],
)
def test_what_cannot_be_shown_is_said(chromium: Any, address: str, name: str, told: str):
    visit = Visit(chromium, f"{address}?scene={name}.csg")
    assert visit.page.locator("#failed").is_visible() and told in visit.page.inner_text("#failure")
    visit.close()


def test_what_is_damaged_behind_the_colours_is_said_beside_the_picture(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=spoiled.csg")
    assert (
        "Not all of this scene is here" in visit.page.inner_text("#toast") and visit.ask("window.csg.told.rows") == 259
    )
    assert visit.page.locator(".open #scene").is_visible()
    visit.close()


def test_a_refusing_server_is_said(chromium: Any, address: str):
    visit = Visit(chromium, f"{address}?scene=http://127.0.0.1:9/scene.csg")
    assert "there is no connection, or its server does not let pages of other hosts read it" in visit.page.inner_text(
        "#failure"
    )
    visit.close()


def test_a_folder_for_any_server(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "site"
    assert cli.main(["view", str(folder / "objects.csg"), "--export", str(out)]) == 0
    assert re.search(r"site: \d+ files, 0\.\d\d MB; any web server can host it", capsys.readouterr().out)
    assert 'data-scene="scenes/1/objects.csg"' in (out / "index.html").read_text("utf8")
    assert (out / "scenes" / "1" / "objects.csg").read_bytes() == (folder / "objects.csg").read_bytes()
    with pytest.raises(ConfigError, match="there is something in it already"):
        View(str(folder / "objects.csg"), export=out).run()


def test_a_file_whose_first_picture_comes_late_is_told_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    late, early = tmp_path / "late.csg", tmp_path / "early.csg"
    late.write_bytes(gaussians(9000, 3))
    assert cli.main(["view", str(late), "--export", str(tmp_path / "one")]) == 0
    said = capsys.readouterr().err
    assert re.search(r"late\.csg shows its first picture after \d\d+% of its bytes; csg arrange puts first", said)
    early.write_bytes(by_importance(late.read_bytes()))
    assert cli.main(["view", str(early), "--export", str(tmp_path / "two")]) == 0
    assert "csg arrange" not in capsys.readouterr().err


def test_the_address_serves_page_and_scene(address: str, folder: Path):
    with urlopen(address, timeout=20) as answer:
        assert b"csgaussian" in answer.read()
    with urlopen(f"{address}objects.csg", timeout=20) as answer:
        assert answer.read() == (folder / "objects.csg").read_bytes()
