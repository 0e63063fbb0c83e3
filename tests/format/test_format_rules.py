"""What FORMAT.md says a reader MUST refuse, where no other test file is about it, and what a writer must not write."""

import dataclasses
import json
import zlib

import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.format.bodies import content_of, inflated, packed_section
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.kinds import KINDS, Layer, info_of
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.meta import SceneMeta
from tests.codec.scenes import random_scene, with_semantics
from tests.format.surgery import rewritten


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(with_semantics(random_scene(60)), chunk_anchors=40).data


def with_meta(data: bytes, **fields: object) -> bytes:
    """Other facts; ``None`` leaves one out."""
    facts = json.loads(content_of(read_container(data), "META")) | fields
    return rewritten(data, "META", json.dumps({k: v for k, v in facts.items() if v is not None}).encode())


FIELDS = [field.name for field in dataclasses.fields(SceneMeta)]


@pytest.mark.parametrize("field", FIELDS)
def test_no_fact_may_be_missing(data: bytes, field: str):
    with pytest.raises(FormatError, match=f"META: '{field}' must be"):
        decode(with_meta(data, **{field: None}))


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tool", 5, "must be a string, got int"),
        ("name", ["a"], "must be a string, got list"),
        ("name", "a\nb", "control characters"),
        ("tool", "ü" * 128, "more than 255 bytes"),
        ("extra", [], "must be an object, got list"),
        ("extra", {"a": {"b": [1, -1e30]}}, "'extra' is not finite, or at least 1e\\+30"),
        ("feature_dim", True, "must be an integer"),
        ("feature_dim", 1025, "must be an integer in 1..1024"),
        ("num_offsets", 4.0, "must be an integer in 1..32"),
        ("base_steps", [1, 1, 0], "must be positive"),
        ("background", [0, 0], "must be 3 finite numbers"),
        ("scale", 0, "must be a positive number"),
        ("voxel_size", 1e30, "must be a positive number"),
        ("voxel_size", 1e-46, "must be a positive number"),  # zero in float32
    ],
)
def test_facts_of_another_type_or_out_of_range(data: bytes, field: str, value: object, message: str):
    with pytest.raises(FormatError, match=f"META: .*{message}"):
        decode(with_meta(data, **{field: value}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_facts_are_json(data: bytes, number: str):
    content = json.dumps(json.loads(content_of(read_container(data), "META")) | {"extra": {"x": 7654}})
    assert decode(rewritten(data, "META", content.encode())).meta.extra == {"x": 7654}
    with pytest.raises(FormatError, match="META: "):
        decode(rewritten(data, "META", content.replace("7654", number).encode()))


@pytest.mark.parametrize("kind", ["SPLT", "PART"])
def test_sections_of_other_representations_are_refused(data: bytes, kind: str):
    container = read_container(data)
    colours = [section for section in container.sections() if section.info.layer < Layer.SEMANTIC]
    strange = pack([*colours, Section(info_of(kind), b"0")], container.header.rows)
    with pytest.raises(FormatError, match=f"sections {kind} in a scene of anchors"):
        decode(strange)


def test_unknown_facts_are_ignored(data: bytes):
    assert decode(with_meta(data, new=[1])).digest() == decode(data).digest()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "a\x1b[2J"},
        {"tool": "\ud800"},
        {"extra": {"x": float("nan")}},
        {"scale": float("inf")},
        {"scale": -1.0},
    ],
)
def test_facts_that_no_reader_takes_are_not_written(fields: dict):
    with pytest.raises(ConfigError, match="facts about the scene that a file cannot hold: META"):
        write_facts(dataclasses.replace(random_scene(5).meta, **fields))


@pytest.mark.parametrize("kind", ["META", "NETR", "POSI", "MASK", "COLR"])
def test_unknown_codecs_are_refused(data: bytes, kind: str):
    with pytest.raises(UnsupportedVersion, match=rf"{kind}.*code[cr] 9 is unknown"):
        decode(rewritten(data, kind, codec=9))


def test_unknown_entropy_models_are_refused(data: bytes):
    deflated = read_container(data).of_kind("NETE")[0].info.codec % 2
    with pytest.raises(UnsupportedVersion, match="NETE: entropy model 4 is unknown"):
        decode(rewritten(data, "NETE", codec=8 + deflated))


@pytest.mark.parametrize("kind", ["NETS", "LABL", "SEMA"])
def test_unknown_codecs_of_semantics_leave_the_colours(data: bytes, kind: str):
    plain = read_container(data).of_kind(kind)[0].info.codec % 2
    changed = rewritten(data, kind, codec=8 + plain)
    with pytest.raises(UnsupportedVersion, match=rf"{kind}.*(code[cr]|model) \d is unknown"):
        decode(changed)
    assert decode(changed, semantics=False).digest() == decode(data, semantics=False).digest()


@pytest.mark.parametrize("kind", ["MASK", "COLR", "SEMA"])
def test_symbols_are_counted(data: bytes, kind: str):
    entry = read_container(data).of_kind(kind)[0]
    with pytest.raises(FormatError, match=rf"{kind} chunk 0: promises {entry.info.symbols + 1} symbols"):
        decode(rewritten(data, kind, symbols=entry.info.symbols + 1))


@pytest.mark.parametrize(("kind", "most"), [("META", 1 << 16), ("NETE", 1 << 24), ("LABL", 1 << 24)])
def test_content_is_bounded_however_it_is_stored(kind: str, most: int):
    assert KINDS[kind].max_content == most
    largest = bytes(most)
    for codec, body in ((0, largest), (1, zlib.compress(largest))):
        assert len(inflated(codec, body, kind)) == most
    for codec, body in ((0, largest + b"0"), (1, zlib.compress(largest + b"0")), (1, zlib.compress(b"0") + b"0")):
        with pytest.raises(FormatError, match=f"{kind}: "):
            inflated(codec, body, kind)
    with pytest.raises(ConfigError, match=f"{kind} would have {most + 1} bytes"):
        packed_section(kind, largest + b"0")
