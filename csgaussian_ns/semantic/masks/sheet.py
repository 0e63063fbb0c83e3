"""Contact sheets: many photos of a scene, each beside itself with its masks in colour."""

import colorsys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from csgaussian_ns.core.png import write_png
from csgaussian_ns.core.shapes import UInt8, UInt16

CELL_WIDTH = 240
"""Of one picture of a pair, in pixels."""
COLUMNS, ROWS = 3, 6
"""Pairs on a sheet."""
STRIP, GAP = 14, 6
"""Height of the line above a pair; space between pairs."""
GOLDEN = 0.618034
"""Steps of the golden ratio around the circle of hues keep neighbours in number apart."""


def overlay(image: UInt8[np.ndarray, "H W 3"], layers: UInt16[np.ndarray, "L H W"]) -> UInt8[np.ndarray, "H W 3"]:
    """A photo with its masks coloured and outlined; what no mask covers is dark.

    Args:
        image: The photo.
        layers: Label maps at its size, later ones on top.
    """
    tinted = image.astype(np.float32) * 0.3
    for labels in layers:
        numbers, where = np.unique(labels, return_inverse=True)
        colours = np.array([_colour(int(number)) for number in numbers], np.float32)
        mixed = 0.45 * image + 0.55 * colours[where.reshape(labels.shape)]
        mixed[_outline(labels)] = 255
        tinted = np.where(labels[..., None] > 0, mixed, tinted)
    return tinted.clip(0, 255).astype(np.uint8)


def pair(
    title: str, image: UInt8[np.ndarray, "H W 3"], layers: UInt16[np.ndarray, "L H W"] | None
) -> UInt8[np.ndarray, "h w 3"]:
    """``title`` above photo | photo with masks, reduced to the width of two cells; without masks the right is black."""
    height = max(1, round(image.shape[0] * CELL_WIDTH / image.shape[1]))
    small = np.asarray(Image.fromarray(image).resize((CELL_WIDTH, height)))
    right = np.zeros_like(small)
    if layers is not None:
        rows = ((np.arange(height) + 0.5) * layers.shape[1] / height).astype(np.intp)
        columns = ((np.arange(CELL_WIDTH) + 0.5) * layers.shape[2] / CELL_WIDTH).astype(np.intp)
        right = overlay(small, layers[:, rows][:, :, columns])
    strip = Image.new("RGB", (2 * CELL_WIDTH, STRIP), "white")
    ImageDraw.Draw(strip).text((2, 1), title, fill="black", font=ImageFont.load_default())
    return np.concatenate([np.asarray(strip), np.concatenate([small, right], axis=1)])


def write_sheets(folder: Path, pairs: Iterable[UInt8[np.ndarray, "h w 3"]]) -> list[Path]:
    """Write ``contact_sheet_01.png`` and so on; sheets of an earlier, longer run are removed."""
    written = []
    for number, batch in enumerate(_batches(pairs, COLUMNS * ROWS), start=1):
        path = folder / f"contact_sheet_{number:02d}.png"
        write_png(path, _grid(batch))
        written.append(path)
    for old in set(folder.glob("contact_sheet_*.png")) - set(written):
        old.unlink(missing_ok=True)
    return written


def _colour(number: int) -> tuple[float, float, float]:
    red, green, blue = colorsys.hsv_to_rgb(number * GOLDEN % 1.0, 0.85 if number % 2 else 0.6, 1.0)
    return 255 * red, 255 * green, 255 * blue


def _outline(labels: UInt16[np.ndarray, "H W"]) -> np.ndarray:
    """Pixels whose right or lower neighbour has another label."""
    edge = np.zeros(labels.shape, bool)
    edge[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    edge[:-1] |= labels[:-1] != labels[1:]
    return edge


def _grid(pairs: list[np.ndarray]) -> UInt8[np.ndarray, "H W 3"]:
    """Pairs of any heights in rows of ``COLUMNS`` on white."""
    columns = min(COLUMNS, len(pairs))
    height = max(len(item) for item in pairs) + GAP
    width = 2 * CELL_WIDTH + GAP
    sheet = np.full((height * -(-len(pairs) // columns), width * columns, 3), 255, np.uint8)
    for index, item in enumerate(pairs):
        top, left = height * (index // columns), width * (index % columns)
        sheet[top : top + len(item), left : left + item.shape[1]] = item
    return sheet


def _batches(items: Iterable[np.ndarray], size: int) -> Iterator[list[np.ndarray]]:
    batch: list[np.ndarray] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
