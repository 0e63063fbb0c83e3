"""The decoded anchors around an anchor as training sees them: ``format.networks.near`` in floating point."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.shapes import Bool, Float, Int, Int64
from csgaussian_ns.format.chunks import CHUNK_ANCHORS
from csgaussian_ns.format.morton import morton_order
from csgaussian_ns.format.networks.near import Near, Neighbourhood, find_near
from csgaussian_ns.format.networks.requantise import INPUT_LIMIT
from csgaussian_ns.format.streams.positions import common_origin


@dataclass(frozen=True)
class Surroundings:
    """Neighbours of some anchors.

    Attributes:
        wave: Of each anchor.
        rows: Its neighbours among all anchors of the scene; 0 where there are fewer.
        weight: What each of them counts; of an anchor with neighbours their sum is 1.
        facts: How many there are and how near the nearest is, in 0..1.
    """

    wave: Int[Tensor, " V"]
    rows: Int[Tensor, "V n"]
    weight: Float[Tensor, "V n"]
    facts: Float[Tensor, "V 2"]

    def at(self, index: Int[Tensor, " n"]) -> "Surroundings":
        """Of some of the anchors."""
        return Surroundings(self.wave[index], self.rows[index], self.weight[index], self.facts[index])

    def seen(self, values: Float[Tensor, "A C"]) -> Float[Tensor, "V inputs"]:
        """Weighted means of values of all anchors, and the facts behind them; without gradient to neighbours."""
        means = torch.nn.functional.embedding_bag(
            self.rows, values.detach().contiguous(), mode="sum", per_sample_weights=self.weight
        )
        return torch.cat([means, self.facts], dim=-1)

    def members(self, anchors: int) -> tuple[Int[Tensor, " m"], "Surroundings"]:
        """Which anchors, out of so many, are neighbours at all, and the same neighbours counted among these."""
        used = torch.zeros(anchors, dtype=torch.bool, device=self.rows.device)
        used[self.rows.reshape(-1)] = True
        number = used.cumsum(0) - 1
        return used.nonzero()[:, 0], Surroundings(self.wave, number[self.rows], self.weight, self.facts)


def chunks_of(
    voxels: Int[np.ndarray, "A 3"], kept: Bool[np.ndarray, " A"] | None = None
) -> Iterator[Int64[np.ndarray, " n"]]:
    """Anchors of each chunk of a file, in its order, out of those at the given voxels that are kept."""
    there = np.arange(len(voxels)) if kept is None else np.flatnonzero(kept)
    if len(there):
        inside = voxels[there].astype(np.int64)
        ordered = there[morton_order(inside - common_origin(voxels[there]).astype(np.int64))]
        for start in range(0, len(ordered), CHUNK_ANCHORS):
            yield ordered[start : start + CHUNK_ANCHORS]


def surroundings(
    grid: Int[Tensor, "A 3"], selection: Neighbourhood, kept: Bool[Tensor, " A"] | None = None
) -> Surroundings:
    """Who sees whom once the anchors are in a file: chunk by chunk, in its order.

    Args:
        grid: Distinct voxels of all anchors of the scene.
        selection: Which neighbours count.
        kept: Which anchors the file will hold; the others see nobody and are seen by nobody.
    """
    voxels = grid.cpu().numpy()
    found = Near(
        selection.waves_of(voxels),
        np.full((len(voxels), selection.most), -1, np.int32),
        np.zeros((len(voxels), selection.most), np.int64),
        np.zeros((len(voxels), 2), np.int64),
    )
    for chunk in chunks_of(voxels, None if kept is None else kept.cpu().numpy()):
        near = find_near(voxels[chunk], selection)
        found.rows[chunk] = np.where(near.rows < 0, -1, chunk[near.rows])
        found.weight[chunk], found.facts[chunk] = near.weight, near.facts
    total = found.weight.sum(axis=1, keepdims=True)
    return Surroundings(
        torch.from_numpy(found.wave).to(grid.device),
        torch.from_numpy(found.rows.clip(0).astype(np.int64)).to(grid.device),
        torch.from_numpy((found.weight / np.maximum(total, 1)).astype(np.float32)).to(grid.device),
        torch.from_numpy((found.facts / INPUT_LIMIT).astype(np.float32)).to(grid.device),
    )
