"""A file without some of its anchors: chunks that lose some are coded anew, all others keep their bytes.

The rest decodes to the integers that it had: nothing is rounded again, because a value, its mean and its step in the
stream depend on its own anchor alone. A model of which that does not hold is refused.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.errors import UnsupportedVersion
from csgaussian_ns.core.shapes import Bool, Int32
from csgaussian_ns.format.attributes import VALUE_BITS
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.checks import values_crc
from csgaussian_ns.format.chunks import decode_chunk, encode_chunk
from csgaussian_ns.format.coded_file import CodedFile
from csgaussian_ns.format.container import pack
from csgaussian_ns.format.kinds import KINDS, Run
from csgaussian_ns.format.layout import Entry, Section
from csgaussian_ns.format.networks.hyperprior import pack_blocks
from csgaussian_ns.format.object_bytes import write_objects, write_tree
from csgaussian_ns.format.objects import ObjectSums, ObjectTable, ObjectTexts
from csgaussian_ns.format.semantic_chunks import SemanticReader, encode_semantic_chunk
from csgaussian_ns.format.streams.coders import coder_numbered
from csgaussian_ns.format.streams.labels import decode_labels, encode_labels
from csgaussian_ns.format.streams.positions import decode_positions, stream_origin


@dataclass(frozen=True)
class AnchorRows:
    """What can be known of all anchors without their networks.

    Attributes:
        grid: Voxels.
        label: Object of each; zeros where the file has no semantics.
    """

    grid: Int32[np.ndarray, "A 3"]
    label: Int32[np.ndarray, " A"]


def rows_of_file(file: CodedFile) -> AnchorRows:
    """Positions and labels of a whole file whose bounds are checked.

    Raises:
        FormatError: Damaged.
    """
    grid, label = [np.zeros((0, 3), np.int32)], [np.zeros(0, np.int32)]
    for number, (position, *_) in zip(file.numbers, file.chunks, strict=True):
        grid.append(decode_positions(file.container.read(position).body, position.info.rows))
        if file.semantics is None:
            label.append(np.zeros(len(grid[-1]), np.int32))
        else:
            label.append(_labels(file.semantics, number)[1])
    return AnchorRows(np.concatenate(grid), np.concatenate(label))


def thinned(file: CodedFile, rows: AnchorRows, kept: Bool[np.ndarray, " A"], names: Sequence[str]) -> bytes:
    """The file without some anchors, and without the objects that lose all of theirs; the others count from 1 again.

    Sections that this version does not know, and EDIT, are left out where anchors are: they may be about them.

    Args:
        file: Opened with all its chunks; its bounds are checked.
        rows: Its rows.
        kept: Which of them stay; at least one.
        names: Of its objects, in place of those that it has.

    Raises:
        FormatError: Damaged.
        UnsupportedVersion: Its entropy model looks at other anchors, so the rest would change.
    """
    work = _Thinning(file, rows, kept, tuple(names))
    made = {(section.info.kind, section.info.chunk): section for section in work.chunks()}
    if work.semantics is not None:
        made["LABL", 0] = packed_section("LABL", work.objects())
        made["OPAC", 0] = packed_section("OPAC", work.solidity())
        made["TREE", 0] = packed_section("TREE", work.tree())
    sections = []
    for entry in file.container.entries:
        kind = KINDS.get(entry.info.kind)
        key = entry.info.kind, entry.info.chunk
        if kind is not None and kind.chunked:
            key = entry.info.kind, work.numbers.get(entry.info.chunk, -1)
        if key in made:
            sections.append(made[key])
        elif entry.info.kind != "EDIT" and not (kind is not None and kind.chunked) and (kind or kept.all()):
            sections.append(file.container.read(entry))
    header = file.container.header
    return pack(sections, int(kept.sum()), header.must_understand, header.optional, header.minor)


class _Thinning:
    """Chunks of a file, one after the other.

    Attributes:
        semantics: Of the file.
        numbers: New number of each chunk that stays.
    """

    def __init__(self, file: CodedFile, rows: AnchorRows, kept: Bool[np.ndarray, " A"], names: tuple[str, ...]) -> None:
        self._file, self._rows, self._kept, self._names = file, rows, kept, names
        self.semantics, self.numbers = file.semantics, dict[int, int]()
        count = 0 if file.semantics is None else len(file.semantics.facts.table)
        before = np.bincount(rows.label, minlength=count + 1)
        after = np.bincount(rows.label[kept], minlength=count + 1)
        self._stay = np.flatnonzero(after[1:] > 0)
        self._new = np.zeros(count + 1, np.int32)
        self._new[self._stay + 1] = np.arange(1, len(self._stay) + 1)
        self._shrunk = (after < before) & (after > 0)
        self._shrunk[0] = False
        channels = 0 if file.semantics is None else file.semantics.facts.layout.channels
        self._sums = ObjectSums(count, channels)

    def chunks(self) -> Iterator[Section]:
        """Their sections; what they leave of objects is summed up on the way."""
        start, written = 0, 0
        for number, entries in zip(self._file.numbers, self._file.chunks, strict=True):
            rows = slice(start, start + entries[0].info.rows)
            start, stay = rows.stop, int(self._kept[rows].sum())
            if stay:
                where = Run(len(self.numbers), written, stay)
                self.numbers[number] = where.chunk
                yield from self._colours(entries, rows, where)
                if self.semantics is not None:
                    yield self._meaning(self.semantics, number, rows, where)
            written += stay

    def objects(self) -> bytes:
        """LABL of what is left."""
        assert self.semantics is not None
        facts, sums = self.semantics.facts, self._sums.table()
        shrunk = self._shrunk[1:, None]
        pairs = zip(facts.table.columns(), sums.columns(), strict=True)
        columns = [np.where(shrunk, summed, told)[self._stay] for told, summed in pairs]
        texts = ObjectTexts(
            tuple(self._names[i] for i in self._stay),
            tuple(facts.texts.embeddings[i] for i in self._stay),
            facts.texts.encoder,
        )
        return write_objects(ObjectTable(columns[0][:, 0], *columns[1:]), texts)

    def solidity(self) -> bytes:
        """OPAC of what is left."""
        assert self.semantics is not None
        numbers = self.semantics.facts.solidity
        return bytes(numbers[i] for i in self._stay) if numbers else b""

    def tree(self) -> bytes:
        """TREE of what is left."""
        assert self.semantics is not None
        tree = self.semantics.facts.tree
        return b"" if tree is None else write_tree(tree.without([int(i) + 1 for i in self._stay]))

    def _colours(self, entries: Sequence[Entry], rows: slice, where: Run) -> list[Section]:
        read, kept = self._file.container.read, self._kept[rows]
        if kept.all():
            return [read(entry).at(where) for entry in entries]
        bodies = [read(entry).body for entry in entries]
        grid, mask, values = decode_chunk(entries, bodies, self._file.model, self._file.layout)
        origin, coder = stream_origin(bodies[0]), coder_numbered(entries[2].info.codec, str(entries[2].info))
        left = values[kept]
        real = left / 2**VALUE_BITS
        coded = encode_chunk(self._file.model, self._file.layout, grid[kept], mask[kept], real, origin, where, coder)
        _check_same(coded.colours, values_crc(left))
        return [coded.positions, coded.masks, coded.colours]

    def _meaning(self, reader: SemanticReader, number: int, rows: slice, where: Run) -> Section:
        section, kept, label = reader.container.read(reader.entries[number]), self._kept[rows], self._rows.label[rows]
        new, objects = self._new[label[kept]], len(self._stay)
        of_shrunk = self._shrunk[label]
        if kept.all() and not of_shrunk.any():
            return _relabelled(reader, number, section, new, objects).at(where)
        grid = self._rows.grid[rows]
        values, _ = reader.chunk(section.info, section.body, grid)
        counted = kept & of_shrunk
        self._sums.add(label[counted], grid[counted], values[counted])
        if kept.all():
            return _relabelled(reader, number, section, new, objects).at(where)
        described = (label[kept] > 0) | reader.facts.everywhere
        left, coder = values[kept], coder_numbered(section.info.codec, str(section.info))
        coded, integers = encode_semantic_chunk(
            reader.model, grid[kept], left / 2**VALUE_BITS, new, described, objects, where, coder
        )
        _check_same(coded, coded.info.decoded_crc if np.array_equal(integers, left) else None)
        return coded


def _labels(reader: SemanticReader, number: int) -> tuple[bytes, Int32[np.ndarray, " n"]]:
    """The feature stream of a chunk as it stands, and its labels."""
    entry = reader.entries[number]
    blocks = ByteReader(reader.container.read(entry).body, str(entry.info))
    stream = bytes(blocks.block())
    return stream, decode_labels(blocks.rest(), entry.info.rows, len(reader.facts.table))


def _relabelled(
    reader: SemanticReader, number: int, section: Section, new: Int32[np.ndarray, " n"], objects: int
) -> Section:
    """A chunk with other labels of the same anchors. Its features need not be decoded.

    CRC-32 is affine: where only the end of a text changes, its CRC-32 changes by that of the ends.
    """
    stream, old = _labels(reader, number)
    if np.array_equal(old, new) and objects == len(reader.facts.table):
        return section
    ends = [zlib.crc32(labels.astype("<i4").tobytes()) for labels in (old, new)]
    info = replace(section.info, decoded_crc=section.info.decoded_crc ^ ends[0] ^ ends[1])
    return Section(info, pack_blocks([stream]) + encode_labels(new, objects))


def _check_same(section: Section, expected: int | None) -> None:
    if section.info.decoded_crc != expected:
        raise UnsupportedVersion(
            f"{section.info}: what is left would not decode to what it was, since the entropy model of this file looks "
            "at other anchors; keep the edits unflattened"
        )
