"""Several files as one scene."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Target
from csgaussian_ns.core.errors import ConfigError, CsgError, FormatError, LimitExceeded, QueryError, UnsupportedVersion
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.groups import GroupMeta, pack_group
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.listed import objects_of_file
from csgaussian_ns.receiver.merge import merged, overturned
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.semantic.appearance import Appearance, Hide
from csgaussian_ns.tools import cli
from tests.export.scenes import random_gaussians, ring
from tests.format.fuzzing import LIMITS, attack
from tests.format.fuzzing import Target as Fuzzed
from tests.format.surgery import with_checksums

GOLDEN = Path(__file__).parents[1] / "golden"
ANCHORS = (GOLDEN / "v1_semantics.csg").read_bytes()
TURNED = Similarity.about((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 90.0, 0.5).then(Similarity(shift=(1.0, 0.0, 0.0)))
STILL = Similarity()


@pytest.fixture(scope="module")
def plain() -> bytes:
    splats = Splats(random_gaussians(80, degree=1), np.arange(80) % 3)
    return import_gaussians(splats, Settings()).data


def test_parts_keep_their_bytes_and_stand_where_they_shall(plain: bytes):
    group = csgaussian_ns.load(merged([ANCHORS, plain], [STILL, TURNED]))
    first, second = csgaussian_ns.load(ANCHORS), csgaussian_ns.load(plain)
    assert ANCHORS in group.data and plain in group.data and group.rows == "rows"
    assert len(group) == len(first) + len(second)
    assert np.array_equal(group.position[: len(first)], first.position)
    assert np.allclose(group.position[len(first) :], TURNED.at(second.position), atol=1e-6)
    assert [thing.id for thing in group.objects] == [1, 2, 3, 4, 5]
    assert [thing.name for thing in group.objects][:3] == [thing.name for thing in first.objects]
    there, here = group.objects[4], second.objects[1]
    assert np.allclose(there.centre, TURNED.at(np.array([here.centre]))[0]) and there.anchors == here.anchors
    inside = group.position[group.semantics.label == 4]  # type: ignore[union-attr]
    assert (inside >= np.array(there.lowest) - 1e-3).all() and (inside <= np.array(there.highest) + 1e-3).all()
    assert objects_of_file(read_container(group.data)) == tuple(replace(t, embedding=None) for t in group.objects)


def test_a_picture_is_that_of_what_is_in_it(plain: bytes):
    """Two halves of a scene, merged, look like the scene; a moved part looks as its file does from the moved camera."""
    scene = random_gaussians(60)
    half = np.arange(60) < 30
    files = [import_gaussians(Splats(scene).where(rows), Settings(step=0.1)).data for rows in (half, ~half)]
    assert likeness(csgaussian_ns.load(merged(files, [STILL, STILL])), scene, ring(2)) > 50
    alone = csgaussian_ns.load(merged([plain], [TURNED]))
    for camera in ring(2):
        direct = csgaussian_ns.load(plain).draw(TURNED.seen_from(camera)).image
        assert np.abs(alone.draw(camera).image - direct).max() < 0.02


def test_a_group_is_flattened_file_by_file(plain: bytes):
    """Edits of the files and of the whole; what can stay an edit stays one, by its new number."""
    inner = csgaussian_ns.load(plain).edited(Remove(Target((1,))), Move(Target((2,)), (0.5, 0.0, 0.0))).data
    group = csgaussian_ns.load(merged([ANCHORS, inner, plain], [STILL, TURNED, STILL]))
    assert [thing.id for thing in group.objects] == [1, 2, 3, 5, 6, 7]
    edited = group.edited(
        Remove(Target((1, 6, 7))),
        Recolour(Target((3,)), (1.0, 0.0, 0.0)),
        Move(Target((5,)), (0.0, 0.0, 1.0)),
        Rename(Target((2,)), "kept"),
        Crop((-90.0, -90.0, -90.0), (90.0, 90.0, 90.0)),
    )
    flat = flattened(edited.data)
    left = csgaussian_ns.load(flat.data)
    assert flat.left == (2, 3, 5) and flat.row == "row" and flat.anchors == len(group) - len(left)
    assert [(thing.id, thing.name) for thing in left.objects] == [(1, "kept"), (2, "Gerät 2"), (3, "")]
    assert [(type(edit), edit.target.ids) for edit in left.edits] == [(Recolour, (2,)), (Move, (3,))]  # type: ignore[union-attr]
    assert likeness(left, edited, ring(2)) > 40 and len(flat.data) < len(edited.data)
    assert len(left.position[~left.hidden]) == len(left) == len(edited.position[~edited.hidden])
    nothing = group.edited(Crop((90.0, 90.0, 90.0), (91.0, 91.0, 91.0)))
    with pytest.raises(ConfigError, match="leave nothing of the scenes"):
        flattened(nothing.data)
    alone = flattened(group.edited(Keep(Target((6,)))).data)
    assert csgaussian_ns.load(alone.data).rows == "Gaussians" and alone.objects == 6


def test_borders_move_where_features_are_known(plain: bytes):
    def resized(data: bytes, percent: float) -> np.ndarray:
        return csgaussian_ns.load(data).shown(Appearance((Hide(Target((1,), percent)),))).hidden

    assert resized(ANCHORS, 30.0).sum() > resized(ANCHORS, 0.0).sum()
    for data in (plain, merged([ANCHORS, ANCHORS], [STILL, TURNED])):
        with pytest.raises(QueryError, match="border of object 1 cannot move by 30 per cent: no features"):
            resized(data, 30.0)
        assert resized(data, 0.0).any()


def test_edits_inside_and_outside(plain: bytes, tmp_path: Path):
    inner = csgaussian_ns.load(plain).edited(Remove(Target((1,)))).data
    group = csgaussian_ns.load(merged([ANCHORS, inner], [STILL, TURNED]))
    assert [thing.id for thing in group.objects] == [1, 2, 3, 5]
    changed = group.edited(
        Move(Target((2,)), (0.0, 0.0, 2.0)), Remove(Target((5,))), Recolour(Target((1,)), (1.0, 0.0, 0.0))
    )
    changed.save(tmp_path / "edited.csg")
    again = csgaussian_ns.load(tmp_path / "edited.csg")
    assert [thing.id for thing in again.objects] == [1, 2, 3] and len(again.edits) == 3
    assert np.allclose(np.array(again.objects[2].centre) - group.objects[2].centre, (0, 0, 2))
    camera = ring(1)[0]
    assert np.array_equal(again.render(camera), changed.render(camera))
    quick = csgaussian_ns.load(tmp_path / "edited.csg", semantics=False)
    assert np.array_equal(quick.render(camera), changed.render(camera))
    assert again.original.digest() == group.digest() and again.original.data == group.data
    with pytest.raises(ConfigError, match="edited as a whole, which none of its files"):
        merged([again.data, plain], [STILL, STILL])


def test_groups_of_groups_are_taken_apart(plain: bytes):
    once = merged([ANCHORS, plain], [STILL, TURNED])
    twice = csgaussian_ns.load(merged([plain, once], [STILL, TURNED]))
    assert len(read_container(twice.data).of_kind("PART")) == 3
    deep = csgaussian_ns.load(plain).position
    assert np.allclose(twice.position[-80:], TURNED.at(TURNED.at(deep)), atol=1e-5)
    nested = pack_group([(once, len(csgaussian_ns.load(once)))], GroupMeta(placements=(STILL,)))
    with pytest.raises(UnsupportedVersion, match="is a group itself"):
        csgaussian_ns.load(nested)


def test_captures_of_one_world_meet(plain: bytes):
    """Both were normalised in their own way; in the frame of captures a point of one world is one point."""
    moved = {"transform": (0.0, -1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 2.0, 0.0, 0.0, 1.0, 3.0), "scale": 0.5}
    other = csgaussian_ns.load(plain).with_meta(**moved)
    group = csgaussian_ns.load(merged([other.data, plain], [STILL, STILL]))
    turn = np.array(moved["transform"]).reshape(3, 4)
    expected = 0.5 * (csgaussian_ns.load(plain).position @ turn[:, :3].T + turn[:, 3])
    assert np.allclose(group.position[80:], expected, atol=1e-5)
    assert np.array_equal(group.position[:80], other.position) and group.meta.scale == 0.5
    laid = csgaussian_ns.load(merged([other.data, plain], [STILL, STILL], frame="normalised"))
    assert np.array_equal(laid.position[:80], laid.position[80:])


def test_wrong_groups_are_refused(plain: bytes):
    meta = GroupMeta(placements=(STILL,))
    for files, facts, error, told in (
        ([(plain[:-8], 80)], meta, CsgError, "cut"),
        ([(plain, 81)], meta, FormatError, "has not the 81 rows"),
        ([(b"nonsense" * 20, 3)], meta, FormatError, "no .csg file"),
    ):
        with pytest.raises(error, match=told):
            csgaussian_ns.load(pack_group(files, facts))
    with pytest.raises(ConfigError, match="1 scenes with 2 placements"):
        pack_group([(plain, 80)], GroupMeta(placements=(STILL, STILL)))
    for wrong in (Similarity(factor=1e12), Similarity(turn=(2.0, 0.0, 0.0, 0.0)), Similarity(shift=(1e300, 0.0, 0.0))):
        with pytest.raises(ConfigError, match="META: a placement"):
            pack_group([(plain, 80)], GroupMeta(placements=(wrong,)))
    group = merged([plain, ANCHORS], [STILL, STILL])
    [only] = csgaussian_ns.stream(group)
    assert only.digest() == csgaussian_ns.load(group).digest()
    with pytest.raises(ConfigError, match="read whole"):
        list(csgaussian_ns.stream(group, camera=ring(1)[0]))
    with pytest.raises(ConfigError, match="read whole"):
        csgaussian_ns.load(merged([plain], [STILL]), chunks=[0])


def test_numbers_of_objects_do_not_depend_on_what_is_asked_for(plain: bytes):
    """A part whose objects were edited decodes them in any case; without the others' they would count from 1."""
    inner = csgaussian_ns.load(plain).edited(Remove(Target((1,)))).data
    group = csgaussian_ns.load(merged([ANCHORS, inner], [STILL, STILL]), semantics=False)
    assert group.semantics is None and len(group.position[~group.hidden]) == len(group) - 27


def test_what_parts_lost_is_out_of_the_way_of_the_orbit(plain: bytes):
    half = csgaussian_ns.load(plain).edited(Crop((-0.5, -0.5, -0.5), (0.5, 0.5, 0.5)))
    group = csgaussian_ns.load(merged([half.data, half.data], [STILL, STILL]))
    one, two = (next(iter(scene.orbit(1).values())).position for scene in (half, group))
    assert np.allclose(one, two, atol=1e-5) and len(group.position[~group.hidden]) == 2 * len(
        half.position[~half.hidden]
    )
    again = group.edited(Remove(Target((2,))))
    assert len(again.position[~again.hidden]) < len(group.position[~group.hidden])


def test_another_side_up_is_told(plain: bytes):
    lying = csgaussian_ns.load(plain).with_meta(extra={"up": [0, 1, 0]}).data
    upright = Similarity.about((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 90.0)
    assert overturned(read_container(merged([plain, lying], [STILL, STILL]))) == [2]
    assert overturned(read_container(merged([plain, lying], [STILL, upright]))) == []


def test_layers_of_what_has_no_features(plain: bytes):
    camera = ring(1)[0]
    for data in (plain, merged([plain, ANCHORS], [STILL, STILL])):
        scene = csgaussian_ns.load(data)
        assert scene.render(camera, Appearance(layer="objects")).any()
        with pytest.raises(QueryError, match="no features of these rows"):
            scene.render(camera, Appearance(layer="semantic"))


def test_limits_are_shared(plain: bytes):
    data = merged([plain, ANCHORS], [STILL, STILL])
    operations = DecodeLimits(max_network_operations=1000)
    with pytest.raises(LimitExceeded, match="max_network_operations"):
        csgaussian_ns.load(data, operations)
    for memory in (10_000, 1_000_000):
        with pytest.raises(LimitExceeded, match="max_memory_bytes"):
            csgaussian_ns.load(merged([plain] * 30, [STILL] * 30), DecodeLimits(max_memory_bytes=memory))


def test_damage_of_a_group(plain: bytes):
    data = merged([plain, ANCHORS], [STILL, TURNED])

    def digest(damaged: bytes) -> str:
        return csgaussian_ns.load(with_checksums(damaged), LIMITS, threads=1).digest()

    target = Fuzzed("group", 1, (data,), digest)
    assert sum(attack(target, number) for number in range(80)) > 40


def test_the_command(plain: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "a.csg").write_bytes(ANCHORS)
    (tmp_path / "b.csg").write_bytes(plain)
    files, made = [str(tmp_path / "a.csg"), str(tmp_path / "b.csg")], str(tmp_path / "both.csg")
    options = ["--rotate", "2", "z,90", "--scale", "2", "0.5", "--move", "2", "1,0,0"]
    assert cli.main(["merge", *files, "-o", made, *options]) == 0
    assert capsys.readouterr().out.startswith(f"{made}: 2 scenes, ")
    group = csgaussian_ns.load(made)
    assert np.allclose(group.position[-80:], TURNED.at(csgaussian_ns.load(plain).position), atol=1e-6)
    assert cli.main(["info", made]) == 0
    told = capsys.readouterr().out
    assert "rows of 2 scenes" in told and "PART" in told and "5 objects" in told
    assert cli.main(["verify", made]) == 0 and group.digest() in capsys.readouterr().out
    assert cli.main(["edit", made, "-o", made, "--remove", "5", "--crop=-9,-9,-9,9,9,9"]) == 0
    pictures = ["--views", "1", "--width", "40", "--height", "30"]
    assert cli.main(["render", made, "-o", str(tmp_path / "pictures"), *pictures]) == 0
    capsys.readouterr()
    for arguments, error in (
        ([files[0]], "at least two files"),
        ([*files, "--move", "3", "1,0,0"], "--move 3: expected a number of a file, 1 to 2"),
        ([*files, "--scale", "1", "0"], "--scale"),
        ([files[0], str(GOLDEN / "digests.json")], "digests.json: "),
    ):
        assert cli.main(["merge", *arguments, "-o", str(tmp_path / "no.csg")]) == 2
        assert error in capsys.readouterr().err and not (tmp_path / "no.csg").exists()


def test_what_was_merged_is_split_again(plain: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    edited = csgaussian_ns.load(ANCHORS).edited(Remove(Target((1,)))).data
    group, folder = tmp_path / "group.csg", tmp_path / "new" / "parts"
    group.write_bytes(merged([edited, plain], [STILL, TURNED]))
    assert cli.main(["split", str(group), "-o", str(folder)]) == 0
    assert capsys.readouterr().out.startswith(f"{folder}: scene_1.csg to scene_2.csg, ")
    assert [(folder / f"scene_{number}.csg").read_bytes() for number in (1, 2)] == [edited, plain]
    changed = csgaussian_ns.load(group).edited(Remove(Target((2,)))).data
    group.write_bytes(changed)
    (tmp_path / "one.csg").write_bytes(plain)
    for file, error in ((group, "edited as a whole"), (tmp_path / "one.csg", "one scene, not several")):
        assert cli.main(["split", str(file), "-o", str(tmp_path / "no")]) == 2
        assert error in capsys.readouterr().err and not (tmp_path / "no").exists()
