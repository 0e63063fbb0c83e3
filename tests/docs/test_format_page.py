"""The stand-alone reader of the format's page reads what the package reads, and refuses what it refuses."""

import re
from pathlib import Path
from typing import Any

import pytest

from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from tests.docs.pages import ROOT, blocks

PAGE = (ROOT / "docs/format.md").read_text()
READER = blocks(PAGE, "python")[0][1]
GOLDEN = sorted((ROOT / "tests/golden").glob("*.csg"))


@pytest.fixture(scope="module")
def reader() -> dict[str, Any]:
    known: dict[str, Any] = {}
    exec(READER, known)
    return known


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_files(reader: dict[str, Any], path: Path):
    data = path.read_bytes()
    rows, length, sections = reader["read_contents"](data)
    container = read_container(data)
    assert (rows, length) == (container.header.rows, len(data))
    expected = [
        (e.info.kind, e.info.layer, e.info.codec, e.info.chunk, e.offset, e.length, e.stored_crc)
        for e in container.entries
    ]
    assert sections == expected
    bodies = [reader["read_body"](data, section) for section in sections]
    assert bodies == [bytes(container.read(entry).body) for entry in container.entries]


def test_damage_is_noticed(reader: dict[str, Any]):
    data = (ROOT / "tests/golden/v1_semantics.csg").read_bytes()
    front = 64 + 56 * len(read_container(data).entries)
    for at in range(front):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        with pytest.raises(ValueError):
            reader["read_contents"](damaged)
    for end in range(0, front, 7):
        with pytest.raises(ValueError):
            reader["read_contents"](data[:end])
    _, _, sections = reader["read_contents"](data)
    for section in sections:
        damaged = bytearray(data)
        damaged[section[4]] ^= 1
        with pytest.raises(ValueError, match=f"{section[0]} is damaged"):
            reader["read_body"](damaged, section)


def test_it_is_short_and_needs_nothing():
    lines = [line for line in READER.splitlines() if line.strip()]
    assert len(lines) <= 40
    assert [line for line in lines if line.startswith(("import", "from"))] == ["import struct", "import zlib"]


def test_limits_are_those_of_the_package():
    for name in DecodeLimits.__dataclass_fields__:
        value = getattr(DEFAULT_LIMITS, name)
        assert f"| `{name}` | 2^{value.bit_length() - 1} |" in PAGE and value == 1 << value.bit_length() - 1


def test_sections_are_those_of_the_specification(reader: dict[str, Any]):
    specified = re.findall(
        r"^\| `([A-Z]{4})` \| [0-2] \|", (ROOT / "csgaussian_ns/format/FORMAT.md").read_text(), re.MULTILINE
    )
    told = [
        name
        for row in re.findall(r"^\| (`[A-Z].*?) \| [0-2]", PAGE, re.MULTILINE)
        for name in re.findall("[A-Z]{4}", row)
    ]
    assert sorted(told) == sorted(specified) == sorted(kind.decode() for kind in reader["KNOWN"]) and len(told) > 9
