"""The container: round trips, what a damaged or hostile file gives, partial reading."""

import io
import random
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress

import pytest

from csgaussian_ns.core.errors import FormatError, LimitExceeded, UnsupportedVersion
from csgaussian_ns.format import layout
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.kinds import Layer, SectionInfo
from csgaussian_ns.format.layout import ENTRY_BYTES, HEADER_BYTES, Section
from csgaussian_ns.format.limits import DecodeLimits
from tests.sampled_types import types_sampled

SECTIONS = [
    Section(SectionInfo("META"), b'{"a":1}'),
    Section(SectionInfo("POSI", rows=3, decoded_crc=7), b"12345678"),
    Section(SectionInfo("POSI", chunk=1, first_row=3, rows=2), b"x"),
    Section(SectionInfo("COLR", Layer.COLOUR, codec=1, symbols=184, rows=5, known_answer_crc=9), b"colour..."),
    Section(SectionInfo("SEMA", Layer.SEMANTIC, critical=False, rows=5), b"semantic"),
    Section(SectionInfo("LABL", Layer.SEMANTIC, critical=False), b"chair"),
]
TOC_END = HEADER_BYTES + ENTRY_BYTES * len(SECTIONS)
COLOUR_END = TOC_END + 8 + 8 + 8 + 16
FILE_END = COLOUR_END + 8 + 8


@pytest.fixture
def data():
    return pack(SECTIONS, rows=5)


def with_field(data, offset, form, value):
    """Change one field of header or table of contents, and make the checksum right again."""
    changed = bytearray(data)
    struct.pack_into("<" + form, changed, offset, value)
    toc_end = HEADER_BYTES + ENTRY_BYTES * len(SECTIONS)
    changed[44:48] = bytes(4)
    changed[44:48] = struct.pack("<I", zlib.crc32(changed[:toc_end]))
    return bytes(changed)


def entry_at(number):
    return HEADER_BYTES + ENTRY_BYTES * number


def test_round_trip(data):
    file = read_container(data)
    assert file.sections() == SECTIONS
    assert (file.header.rows, file.truncated, file.missing) == (5, False, ())
    assert len(data) == FILE_END == file.header.file_length
    assert pack(file.sections(), rows=5) == data


def test_no_sections_and_no_anchors():
    data = pack([], rows=0)
    assert len(data) == HEADER_BYTES
    file = read_container(data)
    assert file.sections() == [] and file.chunks("POSI") == ()


def test_golden_bytes():
    """Any change here is a change of the format: it needs a new version and an entry in the change log."""
    data = pack(
        [Section(SectionInfo("META"), b"{}"), Section(SectionInfo("LABL", Layer.SEMANTIC, False), b"8 bytes!")], 2
    )
    assert data == bytes.fromhex(
        "894353470d0a1a0a 0100 0000 00000000 00000000 02000000 c000000000000000"
        "4000000000000000 02000000 a96eab42 00000000000000000000000000000000"
        "4d455441 0100 00 00 00000000 00000000 b000000000000000 0200000000000000"
        "00000000 00000000 43bfa6a3 00000000 00000000 00000000"
        "4c41424c 0000 02 00 00000000 00000000 b800000000000000 0800000000000000"
        "00000000 00000000 b98673af 00000000 00000000 00000000"
        "7b7d000000000000 3820627974657321"
    )


def test_header_fields_lie_where_the_format_says(data):
    assert data[:8] == b"\x89CSG\r\n\x1a\n"
    assert struct.unpack_from("<HHIIIQQI", data, 8) == (1, 0, 0, 0, len(SECTIONS), FILE_END, 64, 5)
    entry = struct.unpack_from("<4sHBBIIQQIIIIII", data, entry_at(3))
    assert entry == (b"COLR", 1, 1, 1, 0, 184, TOC_END + 24, 9, 0, 5, zlib.crc32(b"colour..."), 0, 9, 0)


@pytest.mark.parametrize("as_source", [bytes, bytearray, memoryview, io.BytesIO])
def test_all_kinds_of_input(data, as_source):
    assert read_container(as_source(data)).sections() == SECTIONS


def test_files_are_read_in_parts(data, tmp_path):
    class Counting:
        size = len(data)
        ranges: list

        def __init__(self):
            self.ranges = []

        def read(self, offset, length):
            self.ranges.append((offset, length))
            return data[offset : offset + length]

    source = Counting()
    file = read_container(source)
    assert source.ranges == [(0, HEADER_BYTES), (0, TOC_END)]
    (colour,) = file.of_kind("COLR")
    assert file.read(colour) == SECTIONS[3]
    assert source.ranges[2:] == [(TOC_END + 24, 16)]

    path = tmp_path / "a.csg"
    path.write_bytes(data)
    with open(path, "rb") as opened:
        assert read_container(opened).sections() == SECTIONS


def test_every_truncation_is_refused_or_colour_only(data):
    for length in range(len(data)):
        if length < COLOUR_END:
            with pytest.raises(FormatError):
                read_container(data[:length])
        else:
            file = read_container(data[:length])
            complete = 4 if length < COLOUR_END + 8 else 5
            assert file.truncated and file.sections() == SECTIONS[:complete]
            assert [entry.info for entry in file.missing] == [section.info for section in SECTIONS[complete:]]


def test_every_truncation_without_semantics_is_refused():
    data = pack(SECTIONS[:4], rows=5)
    for length in range(len(data)):
        with pytest.raises(FormatError):
            read_container(data[:length])


def test_every_flipped_bit_is_found(data):
    for bit in range(8 * len(data)):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            file = read_container(damaged)
            assert bit >= 8 * TOC_END  # header and table never get this far
            file.sections()


def test_appended_bytes_are_refused(data):
    with pytest.raises(FormatError, match="appended"):
        read_container(data + b"\0")


@pytest.mark.parametrize(
    ("offset", "form", "value", "error", "message"),
    [
        (8, "H", 2, UnsupportedVersion, r"bytes 8 to 9.*2\.0"),
        (8, "H", 0, UnsupportedVersion, r"bytes 8 to 9.*0\.0"),
        (12, "I", 2, UnsupportedVersion, "bytes 12 to 15"),
        (20, "I", 2**32 - 1, LimitExceeded, "bytes 20 to 23.*max_sections"),
        (20, "I", 60000, FormatError, "bytes 24 to 31"),
        (24, "Q", 2**64 - 8, LimitExceeded, "max_file_bytes"),
        (24, "Q", FILE_END + 8, FormatError, "sections end at byte"),
        (24, "Q", FILE_END + 1, FormatError, "multiple of 8"),
        (24, "Q", 64, FormatError, "bytes 24 to 31"),
        (32, "Q", 72, FormatError, "bytes 32 to 39"),
        (40, "I", 2**32 - 1, LimitExceeded, "max_rows"),
        (40, "I", 4, FormatError, "rows 3 to 5, the scene has 4"),
        (48, "I", 1, FormatError, "bytes 48 to 63"),
        (entry_at(0), "4s", b"mETA", FormatError, "A-Z"),
        (entry_at(0), "4s", b"ZZZZ", UnsupportedVersion, "unknown, and the file cannot be read without it"),
        (entry_at(0) + 4, "H", 2, UnsupportedVersion, "must-understand"),
        (entry_at(0) + 6, "B", 3, UnsupportedVersion, "layer 3"),
        (entry_at(0) + 6, "B", 1, FormatError, "layer COLOUR, critical True; expected COMMON and True"),
        (entry_at(0) + 6, "B", 2, FormatError, "layer SEMANTIC, critical True; expected COMMON and True"),
        (entry_at(3) + 4, "H", 0, FormatError, "critical False; expected COLOUR and True"),
        (entry_at(4) + 4, "H", 1, FormatError, "critical True; expected SEMANTIC and False"),
        (entry_at(0) + 8, "I", 1, FormatError, "expected zeros.*'chunk': 1"),
        (entry_at(0) + 36, "I", 1, FormatError, "expected zeros.*'rows': 1"),
        (entry_at(1) + 12, "I", 3, FormatError, "expected zeros.*'symbols': 3"),
        (entry_at(5) + 32, "I", 2, FormatError, "expected zeros.*'first_row': 2"),
        (entry_at(5) + 48, "I", 5, FormatError, "expected zeros.*'known_answer_crc': 5"),
        (entry_at(2) + 8, "I", 0, FormatError, "twice"),
        (entry_at(3) + 12, "I", 2**32 - 1, LimitExceeded, "max_symbols_per_chunk"),
        (entry_at(0) + 16, "Q", TOC_END - 8, FormatError, "begins at byte"),
        (entry_at(0) + 16, "Q", 2**64 - 8, FormatError, "begins at byte"),
        (entry_at(1) + 16, "Q", TOC_END, FormatError, "begins at byte"),
        (entry_at(1) + 16, "Q", TOC_END + 16, FormatError, "begins at byte"),
        (entry_at(0) + 24, "Q", 2**64 - 1, FormatError, "at least one"),
        (entry_at(0) + 24, "Q", 0, FormatError, "at least one"),
        (entry_at(0) + 24, "Q", 9, FormatError, "begins at byte"),
        (entry_at(5) + 24, "Q", 9, FormatError, "at least one"),
        (entry_at(2) + 32, "I", 2**32 - 1, FormatError, "rows 4294967295"),
        (entry_at(2) + 52, "I", 1, FormatError, "last four bytes"),
    ],
)
def test_wrong_fields_are_named(data, offset, form, value, error, message):
    with pytest.raises(FormatError, match=message) as caught:
        read_container(with_field(data, offset, form, value))
    assert type(caught.value) is error


@pytest.mark.parametrize("offset", [10, 16, entry_at(4) + 4])
def test_what_a_minor_version_may_add_is_read(data, offset):
    """Minor version, optional header flags, optional flags of an entry."""
    assert len(read_container(with_field(data, offset, "H", 0xFF00)).sections()) == len(SECTIONS)


def test_unknown_optional_section_is_kept(data):
    changed = with_field(data, entry_at(4), "4s", b"NEW1")
    kinds = [section.info.kind for section in read_container(changed).sections()]
    assert kinds == ["META", "POSI", "POSI", "COLR", "NEW1", "LABL"]
    assert pack(read_container(changed).sections(), rows=5) == changed


@pytest.mark.parametrize("number", [0, 2, 5])
def test_padding_and_bodies_are_checked_when_read(data, number):
    entry = read_container(data).entries[number]
    for place in range(entry.offset, entry.end):
        damaged = bytearray(data)
        damaged[place] ^= 0x10
        file = read_container(damaged)
        with pytest.raises(FormatError, match=f"section {entry.info.kind} chunk {entry.info.chunk}"):
            file.read(entry)
        for other in file.entries:
            if other != entry:
                file.read(other)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [((0, 0, 3), (1, 3, 2), None), ((0, 0, 3), (1, 2, 2), "from row 3"), ((0, 0, 3), (2, 3, 2), "chunk 1"),
     ((0, 0, 3), (1, 3, 1), "hold 4 rows"), ((1, 3, 2), (0, 0, 3), None)],
)  # fmt: skip
def test_chunks_share_out_the_anchors(first, second, message):
    sections = [Section(SectionInfo("POSI", chunk=c, first_row=f, rows=n), b"x") for c, f, n in (first, second)]
    file = read_container(pack(sections, rows=5))
    if message is None:
        assert [entry.info.chunk for entry in file.chunks("POSI")] == [0, 1]
    else:
        with pytest.raises(FormatError, match=message):
            file.chunks("POSI")


@pytest.mark.parametrize(
    "sections",
    [
        [Section(SectionInfo("META"), b"")],
        [Section(SectionInfo("meta"), b"x")],
        [Section(SectionInfo("META2"), b"x")],
        [Section(SectionInfo("META", chunk=-1), b"x")],
        [Section(SectionInfo("META", codec=256), b"x")],
        [Section(SectionInfo("META"), b"x")] * 2,
        [SECTIONS[4], SECTIONS[0]],
        [Section(SectionInfo("POSI", rows=9), b"x")],
    ],
)
def test_the_writer_refuses_what_no_reader_would_take(sections):
    with pytest.raises(ValueError):
        pack(sections, rows=5)


def test_limits_name_themselves(data):
    with pytest.raises(LimitExceeded, match=r"DecodeLimits\(max_rows=5\)"):
        read_container(data, DecodeLimits(max_rows=4))
    assert read_container(data, DecodeLimits(max_rows=5)).header.rows == 5


def test_random_mutations(data):
    """Only FormatError, and quickly, whatever the bytes; half of them with a correct checksum over the table."""
    draw = random.Random(1)
    start = time.process_time()
    for number in range(20_000):
        damaged = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(12, len(damaged))] = draw.choice((0, 1, 127, 255, draw.randrange(256)))
        if number % 2:
            damaged = with_field(damaged, 8, "H", 1)
        with types_sampled(number), suppress(FormatError):
            read_container(damaged).sections()
    assert time.process_time() - start < 20


def test_the_container_loads_no_torch():
    program = "import sys, csgaussian_ns.format.container; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_record_sizes():
    assert (layout.HEADER_BYTES, layout.ENTRY_BYTES) == (64, 56)


def test_a_file_that_knows_its_size_is_a_file(data):
    class Sized(io.BytesIO):
        size = len(data)

    assert read_container(Sized(data)).sections() == SECTIONS
