"""From Gaussians in steps to the bytes of a ``.csg`` file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32, Int64

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.attributes import semantic_layout
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.container import pack
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.gaussians.chunks import encode_chunk
from csgaussian_ns.format.gaussians.meta import GaussianMeta
from csgaussian_ns.format.gaussians.rows import Rows
from csgaussian_ns.format.kinds import Layer, Run
from csgaussian_ns.format.layout import MustUnderstand, Section
from csgaussian_ns.format.limits import BYTES_PER_SYMBOL, DEFAULT_LIMITS
from csgaussian_ns.format.morton import morton_key
from csgaussian_ns.format.networks.encodings import IntegerFactorised
from csgaussian_ns.format.networks.fixed_point import IntegerLayer, IntegerNetwork
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import IntegerHyperprior
from csgaussian_ns.format.networks.positional import VoxelBox
from csgaussian_ns.format.object_bytes import write_objects
from csgaussian_ns.format.objects import ObjectTexts, object_table
from csgaussian_ns.format.semantic_chunks import encode_semantic_chunk, write_nets
from csgaussian_ns.format.streams.positions import common_origin
from csgaussian_ns.format.threads import in_order, threads_for

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
    rows: Rows,
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
    origin = common_origin(rows.grid)
    order, runs = _runs(rows.grid, origin)
    rows = Rows(rows.grid[order], rows.values[order])
    wheres = [Run(number, run.start, run.stop - run.start) for number, run in enumerate(runs)]
    jobs = [(Rows(rows.grid[run], rows.values[run]), origin, where) for run, where in zip(runs, wheres, strict=True)]
    memory = CHUNK * rows.values.shape[1] * BYTES_PER_SYMBOL
    chunks = []
    for chunk in in_order(encode_chunk, jobs, threads_for(len(jobs), memory, DEFAULT_LIMITS.max_memory_bytes, threads)):
        chunks.append(chunk)
        progress(len(chunks), len(jobs))
    ordered = None if labels is None else Labels(labels.label[order], labels.names)
    return file_of(packed_section("META", write_facts(meta)), chunks, rows.grid, ordered)


def _numbers(labels: Labels) -> Int64[np.ndarray, " N"]:
    return np.arange(1, len(labels.names) + 1)


def file_of(
    meta: Section,
    chunks: Sequence[tuple[Section, Section]],
    grid: Int32[np.ndarray, "N 3"],
    labels: Labels | None,
    others: Sequence[Section] = (),
) -> bytes:
    """The bytes of a file whose chunks are coded.

    Args:
        meta: META.
        chunks: POSI and SPLT of each, in order.
        grid: Voxels of all Gaussians, in the order of the chunks.
        labels: Their objects, if anything is known of them, in that order.
        others: Further sections; those of the semantic layer last.
    """
    sections = [meta, *(positions for positions, _ in chunks), *(splats for _, splats in chunks)]
    sections += [section for section in others if section.info.layer < Layer.SEMANTIC]
    if labels is not None and labels.names:
        sections += _semantics(grid, labels, [splats.info.run for _, splats in chunks])
    sections += [section for section in others if section.info.layer >= Layer.SEMANTIC]
    return pack(sections, len(grid), MustUnderstand.REPRESENTATION)


def _runs(
    grid: Int32[np.ndarray, "N 3"], origin: Int32[np.ndarray, "3"]
) -> tuple[Int64[np.ndarray, " N"], list[slice]]:
    """Order of the file, and its chunks: in Morton order all first Gaussians of their voxels, all second ones, ..."""
    keys = morton_key(grid.astype(np.int64) - origin).astype(np.int64)
    by_key = np.argsort(keys, kind="stable")
    sorted_keys = keys[by_key]
    begins = np.concatenate([[True], sorted_keys[1:] != sorted_keys[:-1]]) if len(keys) else np.zeros(0, bool)
    first = np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))
    copy = np.arange(len(keys)) - first
    if copy.max(initial=0) >= MOST_COPIES:
        raise QuantisationError(
            f"{int(copy.max()) + 1} Gaussians lie in one place, to a step; a file holds {MOST_COPIES} at most. Take "
            "smaller steps, or leave out those that repeat"
        )
    order = by_key[np.argsort(copy, kind="stable")]
    runs, start = [], 0
    for count in np.bincount(copy, minlength=1).tolist():
        runs += [slice(at, min(at + CHUNK, start + count)) for at in range(start, start + count, CHUNK)]
        start += count
    return order, runs


def _semantics(grid: Int32[np.ndarray, "N 3"], labels: Labels, wheres: Sequence[Run]) -> Iterator[Section]:
    """Objects whose features are not known: one channel of zeros, which costs nothing."""
    model, count = _certain(), len(labels.names)
    values = np.zeros((len(grid), 1), np.float32)
    made = []
    for where in wheres:
        run = slice(where.first_row, where.first_row + where.rows)
        inside = labels.label[run] > 0
        made.append(encode_semantic_chunk(model, grid[run], values[run], labels.label[run], inside, count, where))
    table = object_table(labels.label, grid, np.concatenate([integers for _, integers in made]), count)
    yield write_nets(model, everywhere=False)
    yield packed_section("LABL", write_objects(table, ObjectTexts.of(labels.names, None, "")))
    for section, _ in made:
        yield section


def _certain() -> IntegerHyperCarm:
    """An entropy model of one channel that expects 0, as surely as a table can."""
    weight, bias = np.zeros((3, 1), np.int8), np.array([0, -4096, 0], np.int64)
    network = IntegerNetwork((IntegerLayer(weight, bias, np.ones(3, np.int64), 1, -4096, 4096),), 511)
    layout = semantic_layout(1, 1.0)
    return IntegerHyperCarm(layout, IntegerHyperprior(layout, IntegerFactorised(VoxelBox((0, 0, 0), 0)), network))
