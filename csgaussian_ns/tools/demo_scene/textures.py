"""Procedural textures. Images are sRGB in [0, 1], row 0 on top; ``Material`` holds the linear albedo."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from csgaussian_ns.core.shapes import Float, Float32

Number = float | int
"""Spelled out because the run-time type check of the tests does not take 0 for a float."""
Rgb = tuple[Number, Number, Number]
Texture = Float[np.ndarray, "H W 3"]
Field = Float[np.ndarray, "H W"]

PALETTE: dict[str, Rgb] = {
    "red": (0.78, 0.13, 0.12),
    "blue": (0.14, 0.32, 0.72),
    "yellow": (0.95, 0.76, 0.16),
    "green": (0.18, 0.52, 0.25),
    "purple": (0.46, 0.24, 0.62),
    "orange": (0.93, 0.46, 0.11),
    "teal": (0.10, 0.55, 0.57),
    "pink": (0.92, 0.48, 0.62),
    "white": (0.90, 0.89, 0.86),
    "brown": (0.44, 0.27, 0.16),
}
CREAM: Rgb = (0.94, 0.90, 0.80)
DARK: Rgb = (0.10, 0.10, 0.12)


@dataclass(frozen=True)
class Material:
    """What a surface looks like.

    Attributes:
        albedo: Linear reflectance in [0, 1], row 0 on top.
        gloss: Strength of the highlight, 0 (matt) to 1.
        sharpness: Exponent of the highlight; larger is smaller.
        emission: Radiance added as ``emission * albedo``; the surface then receives no light.
        clear: Share of the light that passes, tinted by the albedo; the rest is seen as on any surface.
        mirror: Share of the light that is reflected when one looks straight at it.
        bend: Refractive index of the inside against the outside; 1 stands for a thin wall, which bends nothing.
    """

    albedo: Float32[np.ndarray, "H W 3"]
    gloss: Number = 0.0
    sharpness: Number = 40.0
    emission: Number = 0.0
    clear: Number = 0.0
    mirror: Number = 0.0
    bend: Number = 1.0


def to_linear(srgb: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """SRGB values in [0, 1] to linear light."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0.04045) + 0.055) / 1.055) ** 2.4)


def material(image: Texture, gloss: Number = 0.0, sharpness: Number = 40.0, emission: Number = 0.0) -> Material:
    """Material from an sRGB image."""
    return Material(to_linear(np.clip(image, 0.0, 1.0)).astype(np.float32), gloss, sharpness, emission)


def shade(color: Rgb, factor: Number) -> Rgb:
    """``color`` mixed with black (factor < 1) or white (factor > 1, 2 is white)."""
    r, g, b = (c * factor if factor <= 1 else c + (1 - c) * (factor - 1) for c in color)
    return (r, g, b)


def flat(height: int, width: int, color: Rgb) -> Texture:
    """One colour."""
    return np.broadcast_to(np.asarray(color, dtype=np.float64), (height, width, 3)).copy()


def mix(a: Texture | Rgb, b: Texture | Rgb, weight: Field) -> Texture:
    """``a`` where ``weight`` is 0, ``b`` where it is 1."""
    w = weight[..., None]
    return np.asarray(a) * (1 - w) + np.asarray(b) * w


def coordinates(height: int, width: int) -> tuple[Field, Field]:
    """Texel centres (u, v) in (0, 1), v upwards."""
    v, u = np.meshgrid(1 - (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    return u, v


def noise(height: int, width: int, cells: tuple[int, int], rng: np.random.Generator, octaves: int = 4) -> Field:
    """Smooth value noise in [0, 1] that tiles in both directions; ``cells`` = lattice (rows, columns)."""
    u, v = coordinates(height, width)
    total, weight = np.zeros((height, width)), 0.0
    for octave in range(octaves):
        rows, cols = cells[0] << octave, cells[1] << octave
        lattice = rng.random((rows, cols))
        y, x = v * rows, u * cols
        iy, ix = y.astype(int), x.astype(int)
        fy, fx = y - iy, x - ix
        fy, fx = fy * fy * (3 - 2 * fy), fx * fx * (3 - 2 * fx)
        iy0, ix0, iy1, ix1 = iy % rows, ix % cols, (iy + 1) % rows, (ix + 1) % cols
        low = lattice[iy0, ix0] * (1 - fx) + lattice[iy0, ix1] * fx
        high = lattice[iy1, ix0] * (1 - fx) + lattice[iy1, ix1] * fx
        total += 0.5**octave * (low * (1 - fy) + high * fy)
        weight += 0.5**octave
    return total / weight


def worn(image: Texture, rng: np.random.Generator, amount: Number = 0.22, cells: int = 10) -> Texture:
    """Mottle an image: no real surface is one flat colour, and feature matching needs the grain."""
    height, width = image.shape[:2]
    columns = max(1, round(cells * width / height))
    return image * (1 - amount / 2 + amount * (noise(height, width, (cells, columns), rng, 4) - 0.5) * 2)[..., None]


def stripes(
    height: int, width: int, a: Rgb, b: Rgb, across: Number, along: Number = 0.0, duty: Number = 0.5
) -> Texture:
    """Stripes: ``along`` periods around (u) and ``across`` periods upwards (v); both make a spiral."""
    u, v = coordinates(height, width)
    return mix(a, b, ((u * along + v * across) % 1.0 < duty).astype(float))


def checker(height: int, width: int, a: Rgb, b: Rgb, rows: int, cols: int) -> Texture:
    """Checkerboard of ``rows`` x ``cols`` fields."""
    u, v = coordinates(height, width)
    return mix(a, b, ((np.floor(u * cols) + np.floor(v * rows)) % 2))


def dots(height: int, width: int, ground: Rgb, dot: Rgb, rows: int, cols: int, size: Number = 0.3) -> Texture:
    """Dots on a staggered lattice; ``size`` is the radius in cells."""
    u, v = coordinates(height, width)
    y = v * rows
    x = u * cols + 0.5 * (np.floor(y) % 2)
    return mix(ground, dot, (np.hypot(x % 1 - 0.5, y % 1 - 0.5) < size).astype(float))


def marble(height: int, width: int, ground: Rgb, vein: Rgb, rng: np.random.Generator, veins: int = 3) -> Texture:
    """Veins bent by noise."""
    u, v = coordinates(height, width)
    bend = noise(height, width, (3, 3), rng, 5)
    ridge = 1 - np.abs(np.sin(math.pi * (veins * u + v + 4 * bend)))
    return mix(ground, vein, np.clip(ridge**3 + 0.35 * (noise(height, width, (8, 8), rng, 3) - 0.4), 0, 1))


def wood(height: int, width: int, color: Rgb, rng: np.random.Generator, planks: int = 1) -> Texture:
    """Wood with the grain along u, laid as ``planks`` boards with end joints and dark gaps."""
    u, v = coordinates(height, width)
    board = np.minimum((v * planks).astype(int), planks - 1)
    bend = noise(height, width, (4 * planks, 3), rng, 4)
    rings = np.sin(2 * math.pi * (v * planks * 5 + 3.5 * bend + rng.random(planks)[board] * 7))
    fibre = noise(height, width, (40 * planks, 6), rng, 3)
    tone = 0.86 + 0.10 * rings + 0.35 * (fibre - 0.5) + (0.24 * (rng.random(planks) - 0.5))[board] * (planks > 1)
    image = np.asarray(color) * tone[..., None]
    if planks > 1:
        gap = np.abs(v * planks % 1.0 - 0.5) > 0.5 - 1.2 * planks / height
        joint = np.abs((u - rng.random(planks)[board] + 0.5) % 1.0 - 0.5) < 1.4 / width
        image = image * np.where(gap | joint, 0.45, 1.0)[..., None]
    return image


def text(image: Texture, words: str, color: Rgb, centre: tuple[Number, Number], size: Number) -> Texture:
    """Write ``words`` on an image: ``centre`` in (u, v), letter height ``size`` as a share of the image height."""
    height, width = image.shape[:2]
    canvas = Image.new("L", (width, height), 0)
    font = ImageFont.load_default(size=max(6.0, size * height))
    place = (centre[0] * width, (1 - centre[1]) * height)
    ImageDraw.Draw(canvas).text(place, words, fill=255, font=font, anchor="mm")
    return mix(image, color, np.asarray(canvas, dtype=np.float64) / 255.0)


def band(image: Texture, color: Rgb, low: Number, high: Number) -> Texture:
    """Paint the rows with ``low`` <= v < ``high``."""
    _, v = coordinates(*image.shape[:2])
    return mix(image, color, ((v >= low) & (v < high)).astype(float))


def frame(image: Texture, color: Rgb, rim: Number) -> Texture:
    """Paint a border of ``rim`` (share of the shorter side)."""
    height, width = image.shape[:2]
    image = image.copy()
    k = max(1, round(rim * min(height, width)))
    image[:k], image[-k:], image[:, :k], image[:, -k:] = color, color, color, color
    return image
