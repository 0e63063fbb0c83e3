"""Masks of one view that may overlap, and the same as layers of label maps that do not."""

from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Bool, Int, Integer, UInt8, UInt16

MAX_ID = 65535
"""Ids are stored in 16 bits."""


@dataclass(frozen=True)
class MaskSet:
    """Masks of one view, packed to bits because hundreds of them are common.

    Attributes:
        packed: Rows of bits as ``numpy.packbits`` makes them; the padding at the end of a row is 0.
        width: Pixels in a row.
        ids: Number of each mask, 1 to ``MAX_ID``, all different.
    """

    packed: UInt8[np.ndarray, "M H B"]
    width: int
    ids: UInt16[np.ndarray, " M"]

    @classmethod
    def from_masks(cls, masks: Bool[np.ndarray, "M H W"], ids: Integer[np.ndarray, " M"] | None = None) -> "MaskSet":
        """Pack masks; without ``ids`` they are numbered from 1.

        Raises:
            DataError: An id is out of range or occurs twice.
        """
        numbers = np.arange(1, len(masks) + 1) if ids is None else ids
        return cls(np.packbits(masks, axis=-1), masks.shape[-1], checked_ids(numbers))

    @classmethod
    def from_label_map(cls, labels: Integer[np.ndarray, "H W"]) -> "MaskSet":
        """The masks of a label map in order of their ids; 0 is none.

        Raises:
            DataError: An id is out of range.
        """
        ids = checked_ids(np.unique(labels[labels != 0]))
        packed = np.zeros((len(ids), labels.shape[0], (labels.shape[1] + 7) // 8), np.uint8)
        for mask, number in zip(packed, ids, strict=True):
            mask[:] = np.packbits(labels == number, axis=-1)
        return cls(packed, labels.shape[1], ids)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.width, self.packed.shape[1]

    def areas(self) -> Int[np.ndarray, " M"]:
        """Pixels of each mask."""
        return np.array([np.unpackbits(mask).sum(dtype=np.int64) for mask in self.packed], dtype=np.int64)

    def layers(self) -> UInt16[np.ndarray, "L H W"]:
        """Spread the masks over label maps in which no two overlap, large ones first.

        Each mask goes whole to the first layer that has room for it; what is nested n deep so needs n layers. Empty
        masks are dropped. There is always at least one layer; 0 means no mask.
        """
        areas = self.areas()
        order = [int(index) for index in np.argsort(-areas, kind="stable") if areas[index] > 0]
        taken: list[UInt8[np.ndarray, "H B"]] = []
        maps: list[UInt16[np.ndarray, "H W"]] = []
        for index in order:
            mask = self.packed[index]
            free = (number for number, bits in enumerate(taken) if not np.any(bits & mask))
            layer = next(free, len(taken))
            if layer == len(taken):
                taken.append(np.zeros_like(mask))
                maps.append(np.zeros(self.size[::-1], np.uint16))
            taken[layer] |= mask
            maps[layer][np.unpackbits(mask, axis=-1, count=self.width).view(bool)] = self.ids[index]
        return np.stack(maps) if maps else np.zeros((1, *self.size[::-1]), np.uint16)


def checked_ids(ids: Integer[np.ndarray, " M"]) -> UInt16[np.ndarray, " M"]:
    """Numbers of masks as 16 bit.

    Raises:
        DataError: One is not from 1 to ``MAX_ID``, or occurs twice.
    """
    wrong = ids[(ids < 1) | (ids > MAX_ID)]
    if wrong.size:
        raise DataError(f"ids of masks must be 1 to {MAX_ID}; got {int(wrong[0])}. Renumber the masks of each view")
    values, counts = np.unique(ids, return_counts=True)
    if (counts > 1).any():
        raise DataError(f"the id {int(values[counts > 1][0])} is given to {int(counts.max())} masks; expected one each")
    return ids.astype(np.uint16)
