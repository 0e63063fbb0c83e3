"""The five lines that a user of the Python package reads, and what stands behind them."""

import inspect
import io
import json
import threading
import warnings
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns import (
    Appearance,
    ConfigError,
    DataError,
    FormatError,
    Hide,
    LimitExceeded,
    Move,
    QueryError,
    Recolour,
    Remove,
    Rename,
    Rotate,
    Scale,
    Target,
)
from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.export.write import write
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.format.kinds import SectionInfo
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.receiver.objects import Objects
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.ply import Z_UP
from csgaussian_ns.scene.scene import Scene
from tests.export.scenes import random_splats
from tests.format.surgery import pack, rewritten
from tests.receiver.servers import Behaviour, serving
from tests.scene.test_ply import table, written
from tests.semantic.scenes import loaded, scene_of_balls

GOLDEN = Path(__file__).parents[1] / "golden"
FILE = GOLDEN / "v1_semantics.csg"
unchecked_load = inspect.unwrap(csgaussian_ns.load)
DIGESTS = json.loads((GOLDEN / "digests.json").read_text())


@pytest.fixture(scope="module")
def scene() -> LoadedScene:
    return csgaussian_ns.load(FILE)


def test_what_is_public_is_there():
    assert dir(csgaussian_ns) == sorted(csgaussian_ns.__all__)
    for name in csgaussian_ns.__all__:
        assert getattr(csgaussian_ns, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lode'"):
        csgaussian_ns.lode  # noqa: B018  # the look-up is what is tested


def test_a_scene_in_short(scene: LoadedScene):
    assert repr(scene) == f"<LoadedScene of {len(scene):,} anchors, {len(scene.objects)} objects, 0.006 MB>"
    assert scene.digest() == DIGESTS["v1_semantics.csg"]["content"] and isinstance(scene, Scene)
    first = scene.objects.all[0]
    assert "feature" not in repr(first) and len(repr(first)) < 300
    assert repr(scene.objects).startswith(f"<{len(scene.objects)} objects: {first.id}")


def test_the_same_wherever_it_comes_from(scene: LoadedScene):
    data = FILE.read_bytes()
    for source in (str(FILE), data, memoryview(data), io.BytesIO(data)):
        assert csgaussian_ns.load(source).digest() == scene.digest()
    colours = csgaussian_ns.load(FILE, semantics=False)
    assert colours.semantics is None and len(colours.objects) == 0
    assert np.array_equal(colours.anchors.feature, scene.anchors.feature)


def test_from_a_server(scene: LoadedScene):
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=GOLDEN)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert csgaussian_ns.load(f"{address}/{FILE.name}").digest() == scene.digest()
        with pytest.raises(DataError, match=r"nothing\.csg: .*404"):
            csgaussian_ns.load(f"{address}/nothing.csg")
        with pytest.raises(LimitExceeded, match="max_file_bytes"):
            csgaussian_ns.load(f"{address}/{FILE.name}", limits=DecodeLimits(max_file_bytes=100))
        server.shutdown()
    with pytest.raises(DataError, match="expected the address"):
        csgaussian_ns.load(f"{address}/{FILE.name}")


def test_objects_by_number_and_name(scene: LoadedScene):
    first = scene.objects.all[0]
    assert scene.objects[first.id] is first and scene.objects[first.name.upper()] is first
    assert first.id in scene.objects and first.name in scene.objects and "dragon" not in scene.objects
    assert [entry.id for entry in scene.objects] == [entry.id for entry in scene.objects.all]
    assert scene.objects[np.int64(first.id)] is first
    with pytest.raises(QueryError, match="by number or name, not by float"):
        scene.objects[1.5]
    with pytest.raises(QueryError, match="no object 999"):
        scene.objects[999]
    with pytest.raises(QueryError, match="no object called 'dragon'"):
        scene.objects["dragon"]
    twins = replace(scene.objects, all=(first, replace(first, id=77)))
    with pytest.raises(QueryError, match=rf"several objects are called .*: {first.id}, 77; ask by number"):
        twins[first.name]
    with pytest.raises(QueryError, match="no objects"):
        csgaussian_ns.load(GOLDEN / "v1_inr.csg").objects[1]


def test_a_picture_and_who_is_in_it():
    scene = loaded(scene_of_balls())
    [camera] = scene.orbit(1, 96, 64).values()
    picture = scene.render(camera)
    assert picture.shape == (64, 96, 3) and picture.dtype == np.uint8
    drawn = scene.draw(camera, with_depth=True)
    assert drawn.depth is not None and np.array_equal(picture, (drawn.image.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    found = {}
    for column in range(2, 96, 9):
        for row in range(2, 64, 9):
            thing = scene.select(camera, column, row)
            found[None if thing is None else thing.id] = column, row
    assert None in found and len(found) > 1, "some pixels show an object, some do not"
    number = next(key for key in found if key is not None)
    without = Appearance((Hide(Target((number,))),))
    behind = scene.select(camera, *found[number], without)
    assert behind is None or behind.id != number
    assert np.abs(scene.render(camera, without).astype(int) - picture).max() > 3
    with pytest.raises(QueryError, match="outside the image"):
        scene.select(camera, 96, 0)


def test_what_is_saved_is_what_was_loaded(scene: LoadedScene, tmp_path: Path):
    for name in DIGESTS:
        if name == "v1_torchac.csg":
            continue
        csgaussian_ns.load(GOLDEN / name).save(tmp_path / "deep" / name)
        assert (tmp_path / "deep" / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_other_facts_leave_all_else_as_it_is(tmp_path: Path):
    data = rewritten(FILE.read_bytes(), "META", _with_unknown_fact(FILE.read_bytes()))
    unknown = Section(SectionInfo("NOTE", critical=False, codec=3, symbols=5, decoded_crc=9), b"by a tool of tomorrow")
    before = read_container(data)
    data = pack([before.sections()[0], unknown, *before.sections()[1:]], before.header.rows)
    scene = csgaussian_ns.load(data).with_meta(name="kitchen", extra={"shot": "on a Monday"})
    assert _facts(scene.data)["name"] == "kitchen" and scene.digest() == DIGESTS["v1_semantics.csg"]["content"]
    scene.save(tmp_path / "named.csg")
    saved = csgaussian_ns.load(tmp_path / "named.csg")
    assert saved.meta == scene.meta and saved.digest() == scene.digest()
    after = {str(section.info): section for section in read_container(saved.data).sections()}
    for section in read_container(data).sections():
        assert section.info.kind == "META" or after[str(section.info)] == section
    assert b"of tomorrow" in saved.data and _facts(saved.data)["weather"] == "rain"
    for changes in ({"name": "\n"}, {"extra": {"x": float("inf")}}, {"scale": -1.0}, {"extra": {"x": {1}}}):
        with pytest.raises(ConfigError, match="cannot hold"):
            saved.with_meta(**changes)
    with pytest.raises(ConfigError, match="voxel_size: expected some of tool, name"):
        saved.with_meta(voxel_size=2.0)


def _facts(data: bytes) -> dict:
    from csgaussian_ns.format.bodies import content_of

    return json.loads(content_of(read_container(data), "META"))


def _with_unknown_fact(data: bytes) -> bytes:
    return json.dumps({**_facts(data), "weather": "rain"}).encode()


def test_gaussians_of_a_ply_file(tmp_path: Path):
    data = written(table(50, degree=1), comments=[Z_UP]).getvalue()
    scene = csgaussian_ns.load(data)
    assert repr(scene).startswith("<LoadedScene of 50 Gaussians, ") and scene.semantics is None
    [camera] = scene.orbit(1, 40, 30).values()
    assert scene.render(camera).shape == (30, 40, 3)
    scene.save(tmp_path / "again.ply")
    assert (tmp_path / "again.ply").read_bytes() == data
    for ask in (lambda: scene.anchors, lambda: scene.grid, scene.digest, lambda: scene.with_meta(name="x")):
        with pytest.raises(ConfigError, match="a PLY file has no"):
            ask()
    with pytest.raises(QueryError, match="no objects"):
        scene.render(camera, Appearance((Hide(Target((1,))),)))


@pytest.mark.parametrize("lost", [8, 80, 300, 700])
def test_other_facts_of_a_cut_file_make_a_whole_one_without_semantics(lost: int):
    cut = csgaussian_ns.load(FILE.read_bytes()[:-lost])
    assert cut.truncated and cut.semantics is None and "cut after the colours" in repr(cut)
    whole = csgaussian_ns.load(cut.with_meta(name="q").data)
    assert not whole.truncated and whole.semantics is None and whole.digest() == cut.digest()


def test_another_background_is_drawn():
    scene = csgaussian_ns.load(FILE).with_meta(background=(1.0, 0.0, 0.0))
    [camera] = scene.orbit(1, 40, 30).values()
    assert scene.render(camera)[0, 0].tolist() == [255, 0, 0]
    assert np.array_equal(csgaussian_ns.load(scene.data).render(camera), scene.render(camera))


@pytest.mark.parametrize("asked", [(0, 8, 8), (10**14, 8, 8), (1, 0, 8), (1, 10**9, 10**9)])
def test_orbits_that_cannot_be_drawn_are_refused(scene: LoadedScene, asked: tuple[int, int, int]):
    with pytest.raises(ConfigError, match="expected"):
        scene.orbit(*asked)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fx": 0.0}, "fx 0.0"),
        ({"cy": float("nan")}, "cy nan"),
        ({"width": 64.5}, "64.5 x 48"),
        ({"height": 0}, "64 x 0"),
        ({"width": 1 << 20, "height": 1 << 20}, "fewer than 2\\^28 pixels"),
        ({"world_to_camera": np.full((4, 4), np.nan)}, "finite numbers"),
        ({"world_to_camera": np.eye(3)}, "4 x 4"),
        ({"world_to_camera": np.diag([2.0, 2.0, 2.0, 1.0])}, "differ from those of a rotation by 3"),
        ({"world_to_camera": np.eye(4)[[3, 1, 2, 0]]}, "last row"),
    ],
)
def test_cameras_that_are_none(scene: LoadedScene, changes: dict, told: str):
    camera = scene.orbit(1, 64, 48)["orbit_0000"]
    for name, value in changes.items():  # around the tests' own check of types, which users do not have
        object.__setattr__(camera, name, value)
    with pytest.raises(ConfigError, match=told):
        scene.render(camera)
    with pytest.raises(ConfigError, match=told):
        scene.select(camera, 0, 0)


@pytest.mark.parametrize(
    "path", ["", ".", "a\0b.csg", "a\0b/c.csg", "\ud800.csg", "http://host/scene.csg", "s3://a/b.csg"]
)
def test_names_that_no_file_can_have(scene: LoadedScene, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot|expected a path on this machine"):
        scene.save(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2"])
def test_settings_that_are_none(threads: object):
    with pytest.raises(ConfigError, match="threads: expected"):
        unchecked_load(FILE, threads=threads)
    for chunks in (5, "01", [0.5]):
        with pytest.raises(ConfigError, match="chunks: expected a list of numbers"):
            unchecked_load(FILE, chunks=chunks)
    with pytest.raises(ConfigError, match="limits: expected DecodeLimits, got int"):
        unchecked_load(FILE, limits=5)


@pytest.mark.parametrize(
    ("start", "told"), [(b"ply\nformat ascii", "PLY"), (b"NGSP\4", "SPZ"), (b"PK\3\4", "ZIP"), (b"\x1f\x8b", "gzip")]
)
def test_other_formats_are_named(start: bytes, told: str):
    with pytest.raises(FormatError, match=f"no .csg file, but an? {told}"):
        read_container(start + bytes(64))


def test_sources_that_are_none(tmp_path: Path):
    closed = io.BytesIO(b"")
    closed.close()
    for source in (None, 3, [1], closed, io.StringIO("text"), "a\0b", "http://a b/c", "http://127.0.0.1:abc/x"):
        with pytest.raises((ConfigError, DataError), match="expected"):
            unchecked_load(source)
    for chunks in ([99], [-1]):
        with pytest.raises(ConfigError, match="does not exist"):
            csgaussian_ns.load(FILE, chunks=chunks)
    with pytest.raises(LimitExceeded, match="more than max_file_bytes = 10;"):
        csgaussian_ns.load(FILE, limits=DecodeLimits(max_file_bytes=10))


def test_a_download_that_ends_early_is_no_scene():
    class Short(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "6176")
            self.end_headers()
            self.wfile.write(FILE.read_bytes()[:5876])

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Short) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(DataError, match="5876 of 6176 bytes came"):
            csgaussian_ns.load(f"http://127.0.0.1:{server.server_port}/scene.csg")
        server.shutdown()


def test_damage_is_told():
    with pytest.raises(FormatError):
        csgaussian_ns.load(FILE.read_bytes()[:1000])
    with pytest.raises(FileNotFoundError):
        csgaussian_ns.load("nowhere.csg")


def test_operations_and_looks_that_are_none(scene: LoadedScene):
    thing = scene.objects.all[0]
    assert Hide(thing.target) == Hide(Target((thing.id,)))
    operation = object.__new__(Hide)  # around the tests' own check of types, which users do not have
    object.__setattr__(operation, "target", thing)
    with pytest.raises(ConfigError, match=r"Hide: target: expected a Target, as scene\.objects"):
        operation.__post_init__()
    look = Appearance()
    object.__setattr__(look, "layer", "foo")
    with pytest.raises(ConfigError, match="layer: expected one of colour, objects, semantic, got 'foo'"):
        look.__post_init__()
    look = Appearance()
    object.__setattr__(look, "operations", Hide(thing.target))
    with pytest.raises(ConfigError, match="operations: expected a tuple"):
        look.__post_init__()


def test_a_scene_is_changed_within_the_limits_it_was_read_with():
    tight = DecodeLimits(max_rows=len(csgaussian_ns.load(FILE)))
    scene = csgaussian_ns.load(FILE, tight)
    assert scene.edited(Remove(scene.objects.all[0].target)).original.limits == tight
    assert scene.with_meta(name="x").limits == tight


def test_an_open_file_is_not_read_beyond_its_end(scene: LoadedScene):
    class Modest(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and size <= FILE.stat().st_size + 1, "so much memory would be taken"
            return super().read(size)

    assert csgaussian_ns.load(Modest(FILE.read_bytes())).digest() == scene.digest()


def test_what_is_loaded_unedited_is_saved_unedited(scene: LoadedScene, tmp_path: Path):
    edited = scene.edited(Remove(scene.objects.all[0].target))
    for ranges in (True, False):
        with warnings.catch_warnings(), serving(Behaviour(edited.data, ranges=ranges)) as address:
            warnings.simplefilter("ignore")
            csgaussian_ns.load(address, semantics=False, edits=False).save(tmp_path / "plain.csg")
        assert (tmp_path / "plain.csg").read_bytes() == FILE.read_bytes()


@pytest.mark.parametrize(
    ("kind", "parts", "told"),
    [
        (Move, {"shift": 1.0}, "shift: expected three finite numbers"),
        (Move, {"shift": (1.0, 2.0)}, "shift: expected three finite numbers"),
        (Move, {"shift": (1.0, 2.0, float("nan"))}, "shift: expected three finite numbers"),
        (Rotate, {"axis": (0.0, 0.0, 0.0), "degrees": 90.0}, "axis: expected three finite numbers, not all 0"),
        (Rotate, {"axis": (0.0, 0.0, 1.0), "degrees": "x"}, "degrees: expected a finite number"),
        (Scale, {"factor": -1.0}, "factor: expected a number above 0"),
        (Recolour, {"colour": "red"}, "colour: expected three finite numbers"),
        (Rename, {"name": 5}, "name: expected a text"),
    ],
)
def test_edits_that_are_none(kind: type, parts: dict, told: str):
    operation = object.__new__(kind)  # around the tests' own check of types, which users do not have
    for name, value in {"about": None, "target": Target((1,)), **parts}.items():
        object.__setattr__(operation, name, value)
    with pytest.raises(ConfigError, match=f"{kind.__name__}: {told}, got"):
        operation.__post_init__()


def test_what_is_no_edit_and_no_pixel(scene: LoadedScene):
    edited, select = (
        inspect.unwrap(method) for method in (LoadedScene.edited, LoadedScene.select)
    )  # as users have them
    with pytest.raises(ConfigError, match=r"expected edits, such as Remove\(.*, got 'cup'"):
        edited(scene, "cup")
    [camera] = scene.orbit(1).values()
    with pytest.raises(ConfigError, match=r"pixel 1\.5, 2: expected whole numbers, a column and a row"):
        select(scene, camera, 1.5, 2)


def test_what_a_scene_offers(scene: LoadedScene):
    assert {name for name in dir(scene) if not name.startswith("_")} == {
        *(
            "anchors",
            "background",
            "before",
            "cameras",
            "coded",
            "content",
            "data",
            "digest",
            "draw",
            "edited",
            "edits",
        ),
        *("grid", "hidden", "limits", "meta", "objects", "orbit", "original", "plain", "position", "render", "rows"),
        *(
            "save",
            "scene",
            "seen",
            "select",
            "semantics",
            "shown",
            "slots",
            "truncated",
            "unmoved",
            "views",
            "with_meta",
        ),
    }


def test_motions_that_together_show_nothing(scene: LoadedScene):
    once = scene.edited(Scale(scene.objects.all[0].target, 1e6))
    with pytest.raises(QueryError, match=r"together, the edits would scale an object by 1e\+12"):
        once.edited(Scale(scene.objects.all[0].target, 1e6))
    container = read_container(scene.data)
    hostile = with_edits(container, (*once.edits, *once.edits))
    with pytest.raises(FormatError, match="EDIT: together, the edits would scale"):
        csgaussian_ns.load(hostile)


def test_a_ply_is_not_saved_under_a_name_of_ours(tmp_path: Path):
    write(random_splats(5), tmp_path / "in.ply", z_up=True)
    scene = csgaussian_ns.load(tmp_path / "in.ply")
    with pytest.raises(ConfigError, match="csg import makes a"):
        scene.save(tmp_path / "out.csg")
    scene.save(tmp_path / "out.ply")
    assert (tmp_path / "out.ply").read_bytes() == (tmp_path / "in.ply").read_bytes()


CORNER = (0.0, 0.0, 0.0)


def test_names_that_steer_a_terminal_are_escaped():
    objects = Objects((SceneObject(1, "a\u202eb", 3, CORNER, CORNER, CORNER, ()),))
    assert repr(objects) == "<1 objects: 1 a\\u202eb>"
    with pytest.raises(QueryError, match=r"1 a\\u202eb"):
        objects[2]
