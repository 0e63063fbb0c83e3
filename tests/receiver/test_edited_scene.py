"""Edits in Python: made, saved, loaded, undone; and flattened, so that nothing of what is gone can be found."""

from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns import (
    ConfigError,
    Crop,
    Keep,
    Move,
    QueryError,
    Recolour,
    Remove,
    Rename,
    Rotate,
    Scale,
    Target,
    UnsupportedVersion,
)
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.edits import Edit
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.kinds import Layer, SectionInfo
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver import representations
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.semantic.edited import Edited
from tests.codec.scenes import random_scene, with_semantics
from tests.format.surgery import pack

FILE = Path(__file__).parents[1] / "golden" / "v1_semantics.csg"
ONE, TWO, THREE = Target((1,)), Target((2,)), Target((3,))
EVERYWHERE = 1e6
LOW, HIGH = (-EVERYWHERE, -EVERYWHERE, -EVERYWHERE), (EVERYWHERE, EVERYWHERE, EVERYWHERE)


@pytest.fixture(scope="module")
def scene() -> LoadedScene:
    return csgaussian_ns.load(FILE)


@pytest.fixture(scope="module")
def long_data() -> bytes:
    """Several chunks, whose objects lie in all of them."""
    return encode(with_semantics(random_scene(90)), chunk_anchors=30).data


def half_of(scene: LoadedScene) -> Crop:
    middle = float(np.median(scene.position[:, 0]))
    return Crop(LOW, (middle, EVERYWHERE, EVERYWHERE))


def kept_rows(scene: LoadedScene) -> np.ndarray:
    assert isinstance(scene.scene, Edited)
    return ~scene.scene.look.hidden


def test_edits_are_saved_and_undone(scene: LoadedScene, tmp_path: Path):
    after = scene.edited(Remove(ONE), Rotate(TWO, (0.0, 0.0, 1.0), 90.0)).edited(Rename(TWO, "cup"))
    assert [thing.name for thing in after.objects] == ["cup", scene.objects[3].name] and "3 edits" in repr(after)
    after.save(tmp_path / "edited.csg")
    again = csgaussian_ns.load(tmp_path / "edited.csg")
    assert again.edits == after.edits and again.objects.all == after.objects.all and again.digest() == scene.digest()
    [camera] = scene.orbit(1, 64, 48).values()
    pictures = [one.draw(camera).image for one in (scene, after, again)]
    assert np.array_equal(pictures[1], pictures[2]) and np.abs(pictures[0] - pictures[1]).max() > 0.01
    assert again.original.data == scene.data and np.array_equal(again.original.draw(camera).image, pictures[0])
    undone = again.original.edited(*again.edits[:-1])
    assert undone.objects[2].name == scene.objects[2].name and len(undone.edits) == 2
    unedited = csgaussian_ns.load(tmp_path / "edited.csg", edits=False)
    assert unedited.edits == () and unedited.data == scene.data and len(unedited.objects) == 3
    assert len(csgaussian_ns.load(after.data, semantics=False).objects) == 2, "edits of objects need them"
    named = again.with_meta(name="table")
    assert named.edits == again.edits and len(named.objects) == 2
    assert csgaussian_ns.load(named.data).objects.all == again.objects.all


def test_what_cannot_be_edited(scene: LoadedScene):
    after = scene.edited(Remove(ONE))
    with pytest.raises(QueryError, match="no object 1; the scene has 2"):
        after.edited(Move(ONE, (1.0, 0.0, 0.0)))
    with pytest.raises(QueryError, match="no object 7"):
        scene.edited(Keep(Target((2, 7))))
    with pytest.raises(ConfigError, match="at least one"):
        scene.edited(Remove(Target(())))
    with pytest.raises(ConfigError, match="whole objects"):
        scene.edited(Remove(Target((1,), percent=20.0)))
    colours = csgaussian_ns.load(FILE.with_name("v1_inr.csg"))
    with pytest.raises(QueryError, match="no object 1; the scene has no objects"):
        colours.edited(Remove(ONE))
    cropped = colours.edited(half_of(colours))
    assert 0 < kept_rows(cropped).sum() < len(cropped) and cropped.semantics is None


def test_edits_of_a_representation_that_knows_none(scene: LoadedScene, monkeypatch: pytest.MonkeyPatch):
    data = scene.edited(half_of(scene)).data
    assert isinstance(scene.coded, CodedScene)
    coded = scene.coded
    plain = representations.Opened(scene.scene, "cubes", coded)
    cubes = representations.Representation(SceneMeta, lambda container, wanted: coded, lambda coded: plain)
    monkeypatch.setitem(representations._KNOWN, representations.ANCHORS, cubes)
    with pytest.raises(UnsupportedVersion, match="edits of cubes are unknown"):
        csgaussian_ns.load(data)
    assert csgaussian_ns.load(data, edits=False).edits == ()


CASES: dict[str, tuple[Edit, ...]] = {
    "one object": (Remove(TWO), Rename(THREE, "lamp")),
    "all objects": (Remove(Target((1, 2, 3))),),
    "all else": (Keep(ONE), Move(ONE, (1.0, 2.0, 0.0))),
    "names": (Rename(ONE, "cup"),),
    "motions": (Remove(ONE), Scale(TWO, 2.0), Recolour(Target((2, 3)), (1.0, 0.0, 0.0))),
}


@pytest.mark.parametrize("name", [*CASES, "a half"])
@pytest.mark.parametrize("chunks", ["golden", "long"])
def test_flattened_is_what_was_seen(scene: LoadedScene, long_data: bytes, name: str, chunks: str):
    before = scene if chunks == "golden" else csgaussian_ns.load(long_data)
    after = before.edited(*CASES.get(name, (half_of(before),)))
    flat = flattened(after.data)
    found, kept = csgaussian_ns.load(flat.data), kept_rows(after)
    assert flat.anchors == (~kept).sum() and len(found) == kept.sum() and flat.objects == 3 - len(found.objects)
    assert after.semantics is not None and found.semantics is not None
    for part in ("feature", "offset", "scaling", "mask"):
        assert np.array_equal(getattr(found.anchors, part), getattr(before.anchors, part)[kept]), part
    assert np.array_equal(found.grid, before.grid[kept])
    assert np.array_equal(found.semantics.feature, after.semantics.feature[kept])
    assert [(thing.name, thing.anchors) for thing in found.objects] == [(t.name, t.anchors) for t in after.objects]
    [camera] = before.orbit(1, 64, 48).values()
    assert np.abs(found.draw(camera).image - after.draw(camera).image).max() < 1e-5
    assert all(isinstance(edit, Move | Scale | Recolour) for edit in found.edits)
    assert flattened(flat.data).data == flat.data, "once is enough"


def test_nothing_is_left_of_what_is_gone(long_data: bytes):
    before = csgaussian_ns.load(long_data)
    named = before.edited(Rename(ONE, "the secret thing"))
    secret = csgaussian_ns.load(flattened(named.data).data)
    assert secret.semantics is not None
    assert b"the secret thing" in content_of(read_container(secret.data), "LABL")
    edited = secret.edited(Rename(ONE, "another name"), Remove(ONE))
    flat = flattened(edited.data)
    old, new, found = read_container(secret.data), read_container(flat.data), csgaussian_ns.load(flat.data)
    contents = [bytes(section.body) for section in new.sections()]
    contents += [content_of(new, kind) for kind in ("META", "NETE", "NETR", "NETS", "LABL")]
    for name in (b"the secret thing", b"another name"):
        assert not any(name in content for content in contents) and name not in flat.data
    gone = secret.semantics.label == 1
    voxels = set(map(tuple, found.grid.tolist()))
    assert gone.any() and voxels.isdisjoint(map(tuple, secret.grid[gone].tolist())) and len(found) == (~gone).sum()
    touched = {number for number in range(3) if gone[30 * number : 30 * (number + 1)].any()}
    assert flat.chunks == (len(touched), 3) and touched
    for kind in ("POSI", "MASK", "COLR", "SEMA"):
        bodies = {bytes(old.read(entry).body) for entry in old.of_kind(kind) if entry.info.chunk in touched}
        assert bodies.isdisjoint(contents), f"{kind}: streams with what is gone in them"


def test_untouched_chunks_keep_their_streams(long_data: bytes):
    before = csgaussian_ns.load(long_data)
    first, rest = before.position[:30], before.position[30:]
    low = float(rest[:, 0].min())
    box = Crop((low - 0.1, -EVERYWHERE, -EVERYWHERE), HIGH)
    assert (first[:, 0] < low - 0.1).any()
    flat = flattened(before.edited(box).data)
    assert flat.chunks == (1, 3)
    old, new = read_container(long_data), read_container(flat.data)
    for kind in ("POSI", "MASK", "COLR"):
        for here, there in zip(reversed(old.of_kind(kind)), reversed(new.of_kind(kind)[-2:]), strict=False):
            assert bytes(old.read(here).body) == bytes(new.read(there).body)


def test_what_is_unknown_goes_with_what_is_gone(scene: LoadedScene):
    container = read_container(scene.data)
    note = Section(SectionInfo("NOTE", Layer.SEMANTIC, critical=False), b"about all anchors")
    data = pack([*container.sections(), note], container.header.rows)
    other = csgaussian_ns.load(data)
    assert b"about all anchors" in other.edited(Remove(ONE)).data
    flat = flattened(other.edited(Remove(ONE)).data)
    assert flat.unknown == ("NOTE",) and b"about all anchors" not in flat.data
    assert b"about all anchors" in flattened(other.edited(Rename(ONE, "x")).data).data


def test_nothing_at_all_is_refused(scene: LoadedScene):
    far = Crop(HIGH, (2 * EVERYWHERE, 2 * EVERYWHERE, 2 * EVERYWHERE))
    with pytest.raises(ConfigError, match="leave nothing of the scene"):
        flattened(scene.edited(far).data)
