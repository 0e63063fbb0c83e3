"""From Gaussians in steps to the bytes of a ``.csg`` file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Int32, Int64
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.container import pack
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.gaussians.chunks import encode_chunk
from csgaussian_ns.format.gaussians.known import Known
from csgaussian_ns.format.gaussians.meta import GaussianMeta
from csgaussian_ns.format.gaussians.rows import GaussianRows
from csgaussian_ns.format.kinds import Layer, Run
from csgaussian_ns.format.layout import MustUnderstand, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DEFAULT_LIMITS
from csgaussian_ns.format.morton import morton_key
from csgaussian_ns.format.streams.positions import common_origin

CHUNK = 1 << 14
"""Gaussians of a chunk."""
MOST_COPIES = 256
"""Gaussians on one voxel. The points of a chunk are distinct, so the second of each are in chunks of their own."""


@dataclass(frozen=True)
class Labels:
    """Which object each Gaussian belongs to.

    Attributes:
        label: 1 .. N, or 0 for none; none of 1 .. N is missing.
        names: Of the N objects; empty where unknown.
    """

    label: Int32[np.ndarray, " N"]
    names: tuple[str, ...]


def encode_gaussians(
    rows: GaussianRows,
    meta: GaussianMeta,
    labels: Labels | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bytes:
    """The bytes of a file.

    Args:
        rows: In any order; a reader gets them in that of the file.
        meta: Their steps, and other facts.
        labels: Their objects, if anything is known of them.
        threads: Chunks coded side by side, at most; by default one per core. Never changes the result.
        progress: Called with the number of chunks done and in all.

    Raises:
        QuantisationError: They span too many voxels, or too many are on one.
        ConfigError: Facts that no reader takes.
        ValueError: The labels are not 0 and all of 1 .. N.
    """
    if labels is not None and not np.array_equal(np.unique(labels.label[labels.label != 0]), _numbers(labels)):
        raise ValueError(f"labels of {len(labels.names)} objects; expected 0 and all of 1..{len(labels.names)}")
    known = None if labels is None else Known.of_labels(labels.label, labels.names)
    return file_of(rows, packed_section("META", write_facts(meta)), known, threads=threads, progress=progress)


def _numbers(labels: Labels) -> Int64[np.ndarray, " N"]:
    return np.arange(1, len(labels.names) + 1)


def file_of(
    rows: GaussianRows,
    meta: Section,
    known: Known | None,
    share: Int64[np.ndarray, " N"] | None = None,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> bytes:
    """The bytes of a file.

    Args:
        rows: In any order.
        meta: META.
        known: Their objects, if anything is known of them, in that order.
        share: Of each a number: those with a smaller one come earlier, and chunks come as a whole, so that reading on
            from the front gives a scene that grows; by default chunks are parts of space.
        threads: As of ``encode_gaussians``.
        progress: As there.

    Raises:
        QuantisationError: They span too many voxels, or too many are on one.
    """
    origin = common_origin(rows.grid)
    order, runs = _runs(rows.grid, origin, share)
    rows = GaussianRows(rows.grid[order], rows.values[order])
    wheres = [Run(number, run.start, run.stop - run.start) for number, run in enumerate(runs)]
    jobs = [
        (GaussianRows(rows.grid[run], rows.values[run]), origin, where) for run, where in zip(runs, wheres, strict=True)
    ]
    memory = CHUNK * rows.values.shape[1] * BYTES_PER_SYMBOL
    chunks = []
    for chunk in in_order(encode_chunk, jobs, threads_for(len(jobs), memory, DEFAULT_LIMITS.max_memory_bytes, threads)):
        chunks.append(chunk)
        progress(len(chunks), len(jobs))
    ordered = None if known is None else known.at(order)
    return file_of_chunks(meta, chunks, rows.grid, ordered, growing=share is not None)


def file_of_chunks(
    meta: Section,
    chunks: Sequence[tuple[Section, Section]],
    grid: Int32[np.ndarray, "N 3"],
    known: Known | None,
    others: Sequence[Section] = (),
    growing: bool = False,
) -> bytes:
    """The bytes of a file whose chunks are coded.

    Args:
        meta: META.
        chunks: POSI and SPLT of each, in order.
        grid: Voxels of all Gaussians, in the order of the chunks.
        known: Their objects, if anything is known of them, in that order.
        others: Further sections; those of the semantic layer last.
        growing: Chunk after chunk, in place of all positions first.
    """
    positions, splats = zip(*chunks, strict=True) if chunks else ((), ())
    sections = [meta, *((part for chunk in chunks for part in chunk) if growing else (*positions, *splats))]
    sections += [section for section in others if section.info.layer < Layer.SEMANTIC]
    if known is not None:
        sections += known.sections(grid, [section.info.run for section in splats])
    sections += [section for section in others if section.info.layer >= Layer.SEMANTIC]
    return pack(sections, len(grid), MustUnderstand.REPRESENTATION)


def _runs(
    grid: Int32[np.ndarray, "N 3"], origin: Int32[np.ndarray, "3"], share: Int64[np.ndarray, " N"] | None
) -> tuple[Int64[np.ndarray, " N"], list[slice]]:
    """Order of the file, and its chunks: in Morton order all first Gaussians of their voxels, all second ones, ...

    With shares the first Gaussian of a voxel is that of the smallest, and all first ones come share by share.
    """
    keys = morton_key(grid.astype(np.int64) - origin).astype(np.int64)
    by_key = np.argsort(keys, kind="stable") if share is None else np.lexsort((share, keys))
    sorted_keys = keys[by_key]
    begins = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]) if len(keys) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))
    copy = np.arange(len(keys)) - first
    if copy.max(initial=0) >= MOST_COPIES:
        raise QuantisationError(
            f"{int(copy.max()) + 1} Gaussians lie in one place, to a step; a file holds {MOST_COPIES} at most. Take "
            "smaller steps, or leave out those that repeat"
        )
    if share is not None:
        copy = np.where(copy == 0, share[by_key], copy + share.max(initial=0))
    order = by_key[np.argsort(copy, kind="stable")]
    runs, start = [], 0
    for count in np.bincount(copy, minlength=1).tolist():
        runs += [slice(at, min(at + CHUNK, start + count)) for at in range(start, start + count, CHUNK)]
        start += count
    return order, runs
