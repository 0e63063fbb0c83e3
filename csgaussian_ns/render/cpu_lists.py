"""Drawing lists of all tiles: the kernels of ``cpu_binning`` put to work."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.threads import run, split
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.cpu_binning import TILE_HEIGHT, TILE_WIDTH, fill_lists, list_pairs, sort_lists, tile_boxes

# Jobs per thread where tiles differ in cost: enough to balance, few enough that starting them costs nothing.
_JOBS_PER_THREAD = 4


@dataclass(frozen=True)
class DrawingLists:
    """Which splats each tile draws; see ``cpu_binning`` for slots and places.

    Attributes:
        columns: Tiles per row of tiles.
        tile_start: Where each tile's list starts; one more than there are tiles.
        place_splat: The splat at each place.
        slots: First and end slot of each splat.
        slot_tile, slot_place: Tile of each slot, and its place in the lists.
        shares: The tiles in portions of like cost.
    """

    columns: int
    tile_start: NDArray[np.int64]
    place_splat: NDArray[np.int32]
    slots: NDArray[np.int32]
    slot_tile: NDArray[np.int32]
    slot_place: NDArray[np.int32]
    shares: list[NDArray[np.int64]]


def drawing_lists(splats: NDArray[np.float32], camera: Camera, threads: int) -> DrawingLists:
    """Bin the rows of ``splats`` (see ``cpu_projection``) into tiles and sort each tile's list front to back."""
    width, height = camera.width, camera.height
    columns, tile_rows = -(-width // TILE_WIDTH), -(-height // TILE_HEIGHT)
    chunks = split(len(splats), threads)
    boxes, slots = np.empty((len(splats), 4), np.int32), np.empty((len(splats), 2), np.int32)
    room = run(tile_boxes, [(a, b, splats, width, height, boxes) for a, b in chunks], threads)
    first = [int(slot) for slot in np.cumsum([0, *room])]
    slot_tile, slot_splat, slot_place = (np.empty(first[-1], np.int32) for _ in range(3))
    counts = np.zeros((len(chunks), columns * tile_rows), np.int64)
    jobs = [
        (*chunk, slot, splats, boxes, width, height, columns, slot_tile, slot_splat, slots, count)
        for chunk, slot, count in zip(chunks, first[:-1], counts, strict=True)
    ]
    ends = run(list_pairs, jobs, threads)

    per_tile = counts.sum(0)
    tile_start = np.concatenate([np.zeros(1, np.int64), np.cumsum(per_tile)])
    cursors = tile_start[:-1] + np.cumsum(counts, 0) - counts  # chunk by chunk: lists start in the order of slots
    keys, place_splat = np.empty(tile_start[-1], np.uint64), np.empty(tile_start[-1], np.int32)
    bits = splats.view(np.uint32)
    jobs = [(*ends_at, slot_tile, slot_splat, bits, c, keys) for *ends_at, c in zip(first, ends, cursors, strict=False)]
    run(fill_lists, jobs, threads)
    shares = _shares(per_tile, threads)
    run(sort_lists, [(tiles, tile_start, keys, slot_splat, place_splat, slot_place) for tiles in shares], threads)
    return DrawingLists(columns, tile_start, place_splat, slots, slot_tile, slot_place, shares)


def _shares(per_tile: NDArray[np.int64], threads: int) -> list[NDArray[np.int64]]:
    """Tiles dealt out in turn, the longest lists first, so that no thread ends on a long one."""
    order = np.argsort(-per_tile, kind="stable")
    parts = 1 if threads == 1 else min(threads * _JOBS_PER_THREAD, len(order))
    return [np.ascontiguousarray(order[part::parts]) for part in range(parts)]
