"""A file without some of its Gaussians: chunks that lose some are coded anew, all others keep their bytes."""

from collections.abc import Sequence

import numpy as np

from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.format.gaussians.chunks import GAUSSIAN_KINDS, encode_chunk
from csgaussian_ns.format.gaussians.known import known_of
from csgaussian_ns.format.gaussians.read import CodedGaussians, GaussianFile
from csgaussian_ns.format.gaussians.rows import GaussianRows
from csgaussian_ns.format.gaussians.write import file_of, file_of_chunks
from csgaussian_ns.format.kinds import KINDS, Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.streams.positions import stream_origin

_MADE = (*GAUSSIAN_KINDS, "META", "NETS", "LABL", "OPAC", "TREE", "SEMA", "EDIT")


def changed_gaussians(
    file: GaussianFile, coded: CodedGaussians, rows: GaussianRows, kept: Bool[np.ndarray, " N"], names: Sequence[str]
) -> bytes:
    """The file with other rows, without some of them; all is coded anew, in chunks that are parts of space.

    Args:
        file: Opened with all its chunks.
        coded: What is in it.
        rows: In place of those that are in it, in the same order.
        kept: Which of them stay; at least one.
        names: Of its objects, in place of those that it has.

    Raises:
        FormatError: Damaged.
        QuantisationError: The rows span too many voxels, or too many are on one.
    """
    [meta] = (file.container.read(entry) for entry in file.container.of_kind("META"))
    known = known_of(file, coded.rows.grid)
    left = None if known is None else known.named(names).at(np.flatnonzero(kept))
    return file_of(GaussianRows(rows.grid[kept], rows.values[kept]), meta, left)


def thinned_gaussians(
    file: GaussianFile, coded: CodedGaussians, kept: Bool[np.ndarray, " N"], names: Sequence[str]
) -> bytes:
    """The file without some Gaussians, and without the objects that lose all of theirs; others count from 1 again.

    What is left decodes to the integers that it had. Sections that this version does not know, and EDIT, are left out
    where Gaussians are: they may be about them.

    Args:
        file: Opened with all its chunks.
        coded: What is in it.
        kept: Which Gaussians stay; at least one.
        names: Of its objects, in place of those that it has.

    Raises:
        FormatError: Damaged.
    """
    container, chunks, start, written = file.container, list[tuple[Section, Section]](), 0, 0
    for entries in file.chunks:
        run = slice(start, start + entries[0].info.rows)
        start, stay = run.stop, kept[run]
        if not stay.any():
            continue
        where = Run(len(chunks), written, int(stay.sum()))
        positions, splats = (container.read(entry) for entry in entries)
        if stay.all():
            positions, splats = (one.at(where) for one in (positions, splats))
        else:
            rows = GaussianRows(coded.rows.grid[run][stay], coded.rows.values[run][stay])
            positions, splats = encode_chunk(rows, stream_origin(positions.body), where)
        chunks.append((positions, splats))
        written += where.rows
    [meta] = (container.read(entry) for entry in container.of_kind("META"))
    entries = [entry for entry in container.entries if entry.info.kind not in _MADE]
    others = [container.read(entry) for entry in entries if kept.all() or entry.info.kind in KINDS]
    known = known_of(file, coded.rows.grid)
    left = None if known is None else known.named(names).at(np.flatnonzero(kept))
    return file_of_chunks(meta, chunks, coded.rows.grid[kept], left, others, _is_growing(file))


def _is_growing(file: GaussianFile) -> bool:
    """Whether chunks lie one after the other, as ``csg arrange`` puts them."""
    first_splats = min((splats.offset for _, splats in file.chunks), default=0)
    return first_splats < max((positions.offset for positions, _ in file.chunks), default=0)
