"""A file whose chunks are shares of the whole scene, the most important anchors first, instead of parts of space.

Whoever has read some of it has a coarse picture of everything. Anchors decode to the integers that they had: a value,
its mean and its step in the stream depend on its own anchor alone. A model of which that does not hold is refused.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import UnsupportedVersion
from csgaussian_ns.core.shapes import Bool, Int, Int32, Int64
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.checks import values_crc
from csgaussian_ns.format.chunks import decode_chunk, encode_chunk
from csgaussian_ns.format.coded_file import CodedFile
from csgaussian_ns.format.container import pack
from csgaussian_ns.format.kinds import KINDS, Layer, Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.morton import morton_key
from csgaussian_ns.format.semantic_chunks import encode_semantic_chunk
from csgaussian_ns.format.streams.coders import coder_numbered
from csgaussian_ns.format.streams.positions import stream_origin

Rows = np.ndarray
"""Numbers of anchors in the order of the file."""


class _All(NamedTuple):
    """All anchors of a file as integers."""

    grid: Int32[np.ndarray, "A 3"]
    mask: Bool[np.ndarray, "A K"]
    values: Int64[np.ndarray, "A D"]


def arranged(file: CodedFile, share: Int[np.ndarray, " A"], most: int) -> bytes:
    """The file with its anchors in other chunks; EDIT, and what this version does not know, are left out.

    Sections of colour come chunk by chunk, so that reading on from the front gives a scene that grows.

    Args:
        file: Opened with all its chunks, at least one; its bounds are checked.
        share: Of each anchor in the order of the file: a smaller one comes earlier.
        most: Anchors of a chunk, at most.

    Raises:
        FormatError: Damaged.
        UnsupportedVersion: Its entropy model looks at other anchors.
    """
    everything = _decoded(file)
    origin = stream_origin(file.container.read(file.chunks[0][0]).body)
    order = np.lexsort((morton_key(everything.grid - origin), share))
    runs = list(_runs(share[order], order, most))
    common = [file.container.read(entry) for entry in file.container.entries if _is_common(entry.info.kind, True)]
    known = [file.container.read(entry) for entry in file.container.entries if _is_common(entry.info.kind, False)]
    sections = [*common, *_colours(file, everything, origin, runs), *known, *_meanings(file, everything.grid, runs)]
    header = file.container.header
    return pack(sections, len(order), header.must_understand, header.optional, header.minor)


def _is_common(kind: str, colour: bool) -> bool:
    """Whether a section is kept as it is, in front of those of chunks, of colour or of semantics."""
    known = KINDS.get(kind)
    if known is None or known.chunked or kind == "EDIT":
        return False
    return (known.layer < Layer.SEMANTIC) == colour


def _runs(share: Int[np.ndarray, " A"], order: Int[np.ndarray, " A"], most: int) -> Iterator[Rows]:
    """Rows of each new chunk: a share of the scene, or a part of one."""
    starts = np.flatnonzero(np.diff(share, prepend=share[:1] - 1))
    for rows in np.split(order, starts[1:]):
        yield from np.array_split(rows, -(-len(rows) // most))


def _decoded(file: CodedFile) -> _All:
    parts = []
    for entries in file.chunks:
        bodies = [file.container.read(entry).body for entry in entries]
        parts.append(decode_chunk(entries, bodies, file.model, file.layout))
    return _All(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _where(runs: Sequence[Rows]) -> Iterator[tuple[Run, Rows]]:
    first = 0
    for number, rows in enumerate(runs):
        yield Run(number, first, len(rows)), rows
        first += len(rows)


def _colours(
    file: CodedFile, everything: _All, origin: Int32[np.ndarray, "3"], runs: Sequence[Rows]
) -> Iterator[Section]:
    info = file.chunks[0][2].info
    coder = coder_numbered(info.codec, str(info))
    for where, rows in _where(runs):
        grid, mask, values = (array[rows] for array in everything)
        coded = encode_chunk(file.model, file.layout, grid, mask, values / 2**VALUE_BITS, origin, where, coder)
        _check_same(coded.colours.info.decoded_crc == values_crc(values), coded.colours)
        yield from (coded.positions, coded.masks, coded.colours)


def _meanings(file: CodedFile, grid: Int32[np.ndarray, "A 3"], runs: Sequence[Rows]) -> Iterator[Section]:
    reader = file.semantics
    if reader is None:
        return
    parts, start = [], 0
    for entry in reader.entries:
        rows = slice(start, start + entry.info.rows)
        parts.append(reader.chunk(entry.info, reader.container.read(entry).body, grid[rows]))
        start = rows.stop
    values, labels = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    info = reader.entries[0].info
    coder = coder_numbered(info.codec, str(info))
    described = (labels > 0) | reader.facts.everywhere
    for where, rows in _where(runs):
        coded, integers = encode_semantic_chunk(
            reader.model,
            grid[rows],
            values[rows] / 2**VALUE_BITS,
            labels[rows],
            described[rows],
            len(reader.facts.table),
            where,
            coder,
        )
        _check_same(np.array_equal(integers, values[rows]), coded)
        yield coded


def _check_same(same: bool, section: Section) -> None:
    if not same:
        raise UnsupportedVersion(
            f"{section.info}: anchors would not decode to what they were, since the entropy model of this file looks "
            "at other anchors; leave them in their order"
        )
