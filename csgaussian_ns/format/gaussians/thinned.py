"""A file without some of its Gaussians: chunks that lose some are coded anew, all others keep their bytes."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool

from csgaussian_ns.format.gaussians.chunks import KINDS, encode_chunk
from csgaussian_ns.format.gaussians.read import CodedGaussians, GaussianFile
from csgaussian_ns.format.gaussians.rows import Rows
from csgaussian_ns.format.gaussians.write import Labels, file_of
from csgaussian_ns.format.kinds import KINDS as KNOWN
from csgaussian_ns.format.kinds import Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.streams.positions import stream_origin

_MADE = (*KINDS, "META", "NETS", "LABL", "SEMA", "EDIT")


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
            rows = Rows(coded.rows.grid[run][stay], coded.rows.values[run][stay])
            positions, splats = encode_chunk(rows, stream_origin(positions.body), where)
        chunks.append((positions, splats))
        written += where.rows
    [meta] = (container.read(entry) for entry in container.of_kind("META"))
    entries = [entry for entry in container.entries if entry.info.kind not in _MADE]
    others = [container.read(entry) for entry in entries if kept.all() or entry.info.kind in KNOWN]
    return file_of(meta, chunks, coded.rows.grid[kept], _labels(coded, kept, names), others)


def _labels(coded: CodedGaussians, kept: Bool[np.ndarray, " N"], names: Sequence[str]) -> Labels | None:
    if coded.semantics is None:
        return None
    label = coded.semantics.label[kept]
    left = np.unique(label[label > 0])
    new = np.zeros(len(names) + 1, np.int32)
    new[left] = np.arange(1, len(left) + 1)
    return Labels(new[label], tuple(str(names[number - 1]) for number in left))
