"""The section EDIT: its bytes, what it is bound to, and that a file is otherwise as it was."""

import struct
from pathlib import Path

import pytest

from csgaussian_ns.core.edits import Crop, Edit, Keep, Move, Recolour, Remove, Rename, Rotate, Target, in_words
from csgaussian_ns.core.errors import ConfigError, CsgError, FormatError, UnsupportedVersion
from csgaussian_ns.format import layout
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edit_bytes import read_edits, write_edits
from csgaussian_ns.format.edits import binding_of, edits_of, stored_edits, with_edits
from tests.format.surgery import rewritten

GOLDEN = Path(__file__).parents[1] / "golden"
DATA = (GOLDEN / "v1_semantics.csg").read_bytes()
ONE = Target((1,))
EDITS: tuple[Edit, ...] = (
    Rename(ONE, "Täßchen"),
    Rotate(Target((1, 3)), (0.0, 0.0, 1.0), 45.0, (1.0, 2.0, 3.0)),
    Remove(Target((2,))),
)


@pytest.fixture(scope="module")
def edited() -> bytes:
    return with_edits(read_container(DATA), EDITS)


def test_nothing_else_changes(edited: bytes):
    before, after = (read_container(data) for data in (DATA, edited))
    assert [entry.info.kind for entry in after.entries] == [*(entry.info.kind for entry in before.entries), "EDIT"]
    for old, new in zip(before.sections(), after.sections(), strict=False):
        assert (old.info, bytes(old.body)) == (new.info, bytes(new.body))
    assert 0 < len(edited) - len(DATA) < 250
    assert edits_of(after) == EDITS and stored_edits(after) == 3
    assert with_edits(after, ()) == DATA, "to the byte"
    scene = decode(edited)
    assert scene.edits == EDITS and scene.digest() == decode(DATA).digest()
    assert decode(edited, edits=False).edits == () and decode(edited, semantics=False).semantics is not None


def test_a_reader_that_knows_no_edits_refuses(edited: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(layout, "KINDS", {kind: known for kind, known in layout.KINDS.items() if kind != "EDIT"})
    assert read_container(DATA).entries
    with pytest.raises(UnsupportedVersion, match=r"EDIT.*a newer reader is needed"):
        read_container(edited)


def test_a_file_that_is_cut_before_its_edits(edited: bytes):
    cut = edited[:-8]
    with pytest.raises(FormatError, match=r"cut before its edits.*edits=False"):
        decode(cut)
    assert decode(cut, edits=False).truncated
    with pytest.raises(ConfigError, match="cut after its colours"):
        with_edits(read_container(DATA[:-8]), EDITS)


def test_edits_are_of_one_scene(edited: bytes):
    section = content_of(read_container(edited), "EDIT")
    other = with_edits(read_container((GOLDEN / "v1_inr.csg").read_bytes()), [Crop((0.0, 0.0, 0.0), (9.0, 9.0, 9.0))])
    foreign = rewritten(other, "EDIT", section)
    with pytest.raises(FormatError, match=r"made for another scene.*--undo 3"):
        decode(foreign)
    assert stored_edits(read_container(foreign)) == 3 and decode(foreign, edits=False).edits == ()
    renamed = rewritten(edited, "META", content_of(read_container(edited), "META").replace(b"random", b"ranged"))
    assert decode(renamed).edits == EDITS and b"ranged" in renamed, "facts are free"
    assert len(binding_of(read_container(other))) == 16


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Remove(Target(())), "at least one"),
        (Remove(Target((2, 1))), "ascending"),
        (Remove(Target((0,))), "1..65535"),
        (Remove(Target((1,), percent=10.0)), "whole objects"),
        (Move(ONE, (0.0, 2e9, 0.0)), "up to 1e\\+09"),
        (Rotate(ONE, (0.0, 0.0, 1.0), 5.0), "expected 7"),
        (Recolour(ONE, (0.0, 1.5, 0.0)), "0..1"),
        (Rename(ONE, "a\nb"), "control characters"),
        (Rename(ONE, "ü" * 128), "255 bytes"),
        (Crop((0.0, 0.0, 0.0), (1.0, 0.0, 1.0)), "higher ones"),
    ],
)
def test_what_no_file_holds(edit: Edit, message: str):
    with pytest.raises(ConfigError, match=f"edit 1 .*{message}"):
        with_edits(read_container(DATA), [edit])


def test_objects_that_are_not_there():
    for data, edit in ((DATA, Remove(Target((4,)))), ((GOLDEN / "v1_inr.csg").read_bytes(), Keep(ONE))):
        with pytest.raises(ConfigError, match=r"object \d is edited; the file has \d objects"):
            with_edits(read_container(data), [edit])
    with pytest.raises(ConfigError, match="at most 1024"):
        with_edits(read_container(DATA), [Remove(ONE)] * 1025)
    content = write_edits(binding_of(read_container(DATA)), [Keep(Target((9,)))])
    hostile = rewritten(with_edits(read_container(DATA), EDITS), "EDIT", content)
    with pytest.raises(FormatError, match="object 9 is edited"):
        decode(hostile)


def test_damage_is_told():
    content = write_edits(bytes(16), EDITS)
    for length in range(len(content)):
        with pytest.raises(FormatError):
            read_edits(content[:length])
    with pytest.raises(FormatError, match="too many"):
        read_edits(content + b"\0")
    with pytest.raises(UnsupportedVersion, match="operation 9 is unknown"):
        read_edits(bytes(16) + struct.pack("<HBHH", 1, 9, 1, 1))
    with pytest.raises(FormatError, match="names 1 objects"):
        read_edits(bytes(16) + struct.pack("<HBHH6d", 1, 8, 1, 1, *range(6)))
    with pytest.raises(FormatError, match="UTF-8"):
        read_edits(bytes(16) + struct.pack("<HBHHBB", 1, 7, 1, 1, 1, 0xFF))
    for code, numbers in ((3, (float("nan"), 0, 0)), (4, (0, 0, 0, 1, 0, 0, 0)), (5, (0, 0, 0, 0))):
        with pytest.raises(FormatError, match="EDIT: operation 1: "):
            read_edits(bytes(16) + struct.pack(f"<HBHH{len(numbers)}d", 1, code, 1, 1, *numbers))
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0x80
        try:
            assert len(read_edits(bytes(changed))[1]) == 3
        except CsgError:
            continue


def test_edits_in_words():
    assert list(map(in_words, EDITS)) == [
        "rename 1 to Täßchen",
        "rotate 1 3 by 45 degrees around 0,0,1 at 1,2,3",
        "remove 2",
    ]
    assert in_words(Recolour(ONE, (1.0, 0.5, 0.0))) == "recolour 1 #ff8000"
    assert in_words(Crop((-1.0, 0.0, 0.0), (1.0, 2.0, 3.0))) == "crop to -1,0,0 .. 1,2,3"
