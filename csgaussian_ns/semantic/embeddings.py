"""What each object looks like, as one vector: its best views cut out, encoded, and averaged.

As LangSplat (section 4.1) prepares its masks: everything outside the object black, padded to a square, 224 pixels.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Integer, UInt8
from csgaussian_ns.semantic.text import BATCH, TextEncoder

SIDE = 224
VIEWS_PER_OBJECT = 10
"""Views that are averaged, those where most of the object is seen. More change the mean little and cost time."""
MIN_PIXELS = 64
"""Views that show less of an object are left out: a patch of the encoder is 16 pixels wide."""


@dataclass(frozen=True)
class LabelledView:
    """A photo and the object that each of its pixels shows, 0 for none."""

    image: UInt8[np.ndarray, "H W 3"]
    labels: Integer[np.ndarray, "H W"]


def cut_out(
    image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"], side: int = SIDE
) -> UInt8[np.ndarray, "S S 3"]:
    """What ``mask`` covers: on black, in the middle of a square, scaled to ``side`` pixels.

    Raises:
        ValueError: The mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        raise ValueError("an empty mask cuts nothing out")
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    content = np.where(mask[box][..., None], image[box], 0).astype(np.uint8)
    height, width = content.shape[:2]
    square = np.zeros((max(height, width),) * 2 + (3,), np.uint8)
    top, left = (len(square) - height) // 2, (len(square) - width) // 2
    square[top : top + height, left : left + width] = content
    return np.array(Image.fromarray(square).resize((side, side), Image.Resampling.BICUBIC))


def best_cut_outs(
    views: Iterable[LabelledView], per_object: int = VIEWS_PER_OBJECT, min_pixels: int = MIN_PIXELS
) -> dict[int, list[UInt8[np.ndarray, "S S 3"]]]:
    """For each object its cut-outs from the views that show most of it, largest first; ties go to the earlier view.

    Objects that no view shows on ``min_pixels`` are missing. Views are read once and not kept.
    """
    best: dict[int, list[tuple[int, int, np.ndarray]]] = {}
    for number, view in enumerate(views):
        present, areas = np.unique(view.labels, return_counts=True)
        for label, area in zip(present.tolist(), areas.tolist(), strict=True):
            kept = best.setdefault(label, []) if label > 0 and area >= min_pixels else None
            if kept is None or (len(kept) == per_object and area <= kept[0][0]):
                continue
            entry = (area, -number, cut_out(view.image, view.labels == label))
            (heapq.heappush if len(kept) < per_object else heapq.heapreplace)(kept, entry)
    return {label: [entry[2] for entry in sorted(kept, key=_rank, reverse=True)] for label, kept in best.items()}


def object_embeddings(
    cut_outs: dict[int, list[UInt8[np.ndarray, "S S 3"]]],
    encoder: TextEncoder,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, Float[Tensor, " D"]]:
    """Mean direction of each object's cut-outs, of unit length.

    Args:
        cut_outs: See ``best_cut_outs``.
        encoder: Of pictures.
        progress: Called with the number of pictures done and in all.
    """
    flat = [(label, picture) for label, pictures in cut_outs.items() for picture in pictures]
    sums: dict[int, Tensor] = {}
    for start in range(0, len(flat), BATCH):
        batch = flat[start : start + BATCH]
        vectors = encoder.encode_images([picture for _, picture in batch])
        for (label, _), vector in zip(batch, vectors, strict=True):
            sums[label] = sums.get(label, torch.zeros(encoder.dim)) + vector
        progress(start + len(batch), len(flat))
    return {label: torch.nn.functional.normalize(total, dim=0) for label, total in sums.items()}


def with_embeddings(layer: SemanticLayer, vectors: dict[int, Float[Tensor, " D"]], encoder: str) -> SemanticLayer:
    """``layer`` with the vectors of its objects, and the encoder's name; objects without one stay without."""
    objects = tuple(_described(entry, vectors.get(entry.id)) for entry in layer.objects)
    return replace(layer, objects=objects, text_encoder=encoder if vectors else "")


def _described(entry: SceneObject, vector: Tensor | None) -> SceneObject:
    embedding = None if vector is None else tuple(float(x) for x in vector)
    return replace(entry, embedding=embedding)


def _rank(entry: tuple[int, int, np.ndarray]) -> tuple[int, int]:
    return entry[0], entry[1]
