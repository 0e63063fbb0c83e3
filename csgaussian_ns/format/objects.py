"""The objects of a scene: what follows from the labels in integers, what is known besides, and both in scene units."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from csgaussian_ns.core.semantic_layer import SceneObject
from csgaussian_ns.core.shapes import Float, Int, Int64
from csgaussian_ns.core.texts import MAX_TEXT_BYTES, is_storable, quoted

CENTRE_UNITS = 16
"""Centres are in 1/16 voxel."""
FEATURE_UNITS = 256
"""Mean features are in 1/256 base step; decoded ones are 256 times finer."""
BYTES_PER_NUMBER = 32
"""Of a float in a tuple."""
MAX_EMBEDDING = 4096
SOLIDITY_STEPS, MAX_SOLIDITY = 8, 64
"""A number n of OPAC stands for the power 2^(n / 8); 256 turns an opacity of 0.02 into 0.99."""
_VALUE_LIMIT = 1 << 36  # sums of 2**24 anchors stay below 2**61


@dataclass(frozen=True)
class ObjectTable:
    """What follows from the labels, one row per object; row i is the object with id i + 1. All int64.

    Attributes:
        anchors: Number of anchors ``[N]``.
        centre: Mean voxel ``[N, 3]``, in 1/16.
        lowest, highest: Corners of the box around its voxels ``[N, 3]``.
        feature: Mean feature ``[N, D]`` in 1/256 base step.
    """

    anchors: NDArray[np.int64]
    centre: NDArray[np.int64]
    lowest: NDArray[np.int64]
    highest: NDArray[np.int64]
    feature: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.anchors)

    def columns(self) -> list[NDArray[np.int64]]:
        """All of them, in the order of the file."""
        return [self.anchors[:, None], self.centre, self.lowest, self.highest, self.feature]


@dataclass(frozen=True)
class ObjectTexts:
    """What a writer knows of the objects besides, and what a reader gets of it.

    Attributes:
        names: One per object, empty if unknown.
        embeddings: One per object, int8 direction ``[E]`` or ``None``.
        encoder: Name of the encoder of the embeddings.
    """

    names: tuple[str, ...]
    embeddings: tuple[NDArray[np.int8] | None, ...]
    encoder: str = ""

    @staticmethod
    def of(
        names: tuple[str, ...],
        embeddings: Float[np.ndarray, "N E"] | None,
        encoder: str,
    ) -> "ObjectTexts":
        """From real vectors; only their direction is kept, and a row of zeros stands for none.

        Raises:
            ValueError: A text is too long or holds control characters, a vector is not finite, or no encoder is named.
        """
        for text in (*names, encoder):
            if not is_storable(text):
                raise ValueError(
                    f"name {quoted(text)}: expected at most {MAX_TEXT_BYTES} bytes of UTF-8, no control characters"
                )
        if embeddings is None:
            return ObjectTexts(names, (None,) * len(names), "")
        if not encoder or not np.isfinite(embeddings).all() or not 1 <= embeddings.shape[1] <= MAX_EMBEDDING:
            raise ValueError(f"embeddings must be finite, have 1..{MAX_EMBEDDING} channels, and name their encoder")
        return ObjectTexts(names, tuple(_direction(row) for row in embeddings.astype(np.float64)), encoder)


class ObjectSums:
    """What the table of a labelled scene follows from, summed chunk by chunk, in integers.

    Args:
        objects: How many.
        channels: Of a feature.
    """

    def __init__(self, objects: int, channels: int) -> None:
        self._count = np.zeros(objects, np.int64)
        self._voxels, self._values = np.zeros((objects, 3), np.int64), np.zeros((objects, channels), np.int64)
        self._lowest = np.full((objects, 3), np.iinfo(np.int64).max)
        self._highest = np.full((objects, 3), np.iinfo(np.int64).min)

    def add(
        self, labels: Int[np.ndarray, " A"], grid: Int[np.ndarray, "A 3"], values: Int64[np.ndarray, "A D"]
    ) -> None:
        """Count some anchors.

        Args:
            labels: 0 .. ``objects``, 0 for none.
            grid: Voxels.
            values: Decoded features in 1/2**16 base step.
        """
        inside = labels > 0
        owner, voxels = labels[inside] - 1, grid[inside].astype(np.int64)
        self._count += np.bincount(owner, minlength=len(self._count))
        np.add.at(self._voxels, owner, voxels)
        np.add.at(self._values, owner, values[inside].clip(-_VALUE_LIMIT, _VALUE_LIMIT))
        np.minimum.at(self._lowest, owner, voxels)
        np.maximum.at(self._highest, owner, voxels)

    def table(self) -> ObjectTable:
        """The table of all anchors so far. Quotients are rounded to the nearest, halves up."""
        n, finer = np.maximum(self._count, 1)[:, None], (1 << 16) // FEATURE_UNITS
        centre = (2 * CENTRE_UNITS * self._voxels + n) // (2 * n)
        feature = (2 * self._values + finer * n) // (2 * finer * n)
        return ObjectTable(self._count.copy(), centre, self._lowest.copy(), self._highest.copy(), feature)


def object_table(
    labels: Int[np.ndarray, " A"], grid: Int[np.ndarray, "A 3"], values: Int64[np.ndarray, "A D"], objects: int
) -> ObjectTable:
    """The table of a scene at once; arguments as of ``ObjectSums``."""
    sums = ObjectSums(objects, values.shape[1])
    sums.add(labels, grid, values)
    return sums.table()


def scene_objects(
    table: ObjectTable,
    texts: ObjectTexts,
    voxel_size: float,
    base_step: float,
    embeddings: bool = True,
    solidity: bytes = b"",
) -> tuple[SceneObject, ...]:
    """Objects in units of the scene, ``BYTES_PER_NUMBER`` for each of their numbers; embeddings are most of them.

    Every machine rounds alike: one operation each, in float64. ``solidity`` is one number of OPAC each, or nothing.
    """
    corner = np.float32(voxel_size)
    result = []
    for i in range(len(table)):
        vector = texts.embeddings[i] if embeddings else None
        result.append(
            SceneObject(
                id=i + 1,
                name=texts.names[i],
                anchors=int(table.anchors[i]),
                centre=_point(table.centre[i] / CENTRE_UNITS * voxel_size),
                lowest=_point(table.lowest[i].astype(np.float32) * corner),
                highest=_point(table.highest[i].astype(np.float32) * corner),
                feature=_floats(table.feature[i] / FEATURE_UNITS * base_step),
                embedding=None if vector is None else _unit(vector),
                solidity=2.0 ** (solidity[i] / SOLIDITY_STEPS) if solidity else 1.0,
            )
        )
    return tuple(result)


def same_table(one: ObjectTable, other: ObjectTable) -> bool:
    """Whether all numbers agree."""
    return all(np.array_equal(a, b) for a, b in zip(one.columns(), other.columns(), strict=True))


def _floats(row: np.ndarray) -> tuple[float, ...]:
    return tuple(float(x) for x in row)


def _point(row: np.ndarray) -> tuple[float, float, float]:
    x, y, z = _floats(row)
    return x, y, z


def _unit(vector: Int[np.ndarray, " E"]) -> tuple[float, ...]:
    whole = [int(x) for x in vector]
    length = math.sqrt(sum(x * x for x in whole))
    return tuple(x / length for x in whole)


def _direction(row: Float[np.ndarray, " E"]) -> NDArray[np.int8] | None:
    largest = np.abs(row).max()
    return np.round(row * (127 / largest)).astype(np.int8) if largest > 0 else None
