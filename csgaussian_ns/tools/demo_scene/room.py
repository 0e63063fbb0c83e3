"""The room around the table: floor, walls with window, posters and shelf, and the two lights."""

import math
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.geometry import Surface, box, lathe, patch, transformed
from csgaussian_ns.tools.demo_scene.layout import TABLE
from csgaussian_ns.tools.demo_scene.textures import Material, Rgb, material

HALF_X, HALF_Y = 2.2, 2.0
FLOOR, CEILING = -0.75, 1.75
COARSE = 0.08
"""Tessellation of walls; light changes slowly there."""


@dataclass(frozen=True)
class Lamp:
    """A rectangular light.

    Attributes:
        points: Sample points on it, equal shares.
        facing: Unit normal, the side that shines.
        power: Radiance times area, linear RGB.
    """

    points: Float[np.ndarray, "L 3"]
    facing: Float[np.ndarray, "3"]
    power: Float[np.ndarray, "3"]


def _rectangle(
    centre: Float[np.ndarray, "3"], u: Float[np.ndarray, "3"], v: Float[np.ndarray, "3"], side: int
) -> Float[np.ndarray, "L 3"]:
    """``side`` x ``side`` points on the rectangle ``centre`` +- ``u`` +- ``v``."""
    t = (np.arange(side) + 0.5) / side * 2 - 1
    a, b = np.meshgrid(t, t, indexing="ij")
    return centre + a.reshape(-1, 1) * u + b.reshape(-1, 1) * v


def lamps() -> tuple[Lamp, Lamp]:
    """Ceiling panel (warm, makes the crisp shadows) and window (cool, fills from the side)."""
    panel = _rectangle(np.array([0.45, -0.35, CEILING - 0.03]), np.array([0.22, 0, 0]), np.array([0, 0.22, 0]), 7)
    window = _rectangle(np.array([-HALF_X + 0.08, 0.1, 0.65]), np.array([0, 0.75, 0]), np.array([0, 0, 0.55]), 6)
    return (
        Lamp(panel, np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.93, 0.82]) * 4.6),
        Lamp(window, np.array([1.0, 0.0, 0.0]), np.array([0.80, 0.92, 1.0]) * 6.0),
    )


def _wall(index: int, low: float, high: float, skin: Material, depth: float = 0.0) -> Surface:
    """Inside of wall ``index`` (0 = +x, then counter-clockwise) between two heights, ``depth`` into the room."""
    corners = [(HALF_X, -HALF_Y), (HALF_X, HALF_Y), (-HALF_X, HALF_Y), (-HALF_X, -HALF_Y)]
    sign = 1 - depth / HALF_X
    (x1, y1), (x0, y0) = corners[index], corners[(index + 1) % 4]
    x0, x1, y0, y1 = x0 * sign, x1 * sign, y0 * sign, y1 * sign
    return patch([(x0, y0, low), (x1, y1, low), (x1, y1, high), (x0, y0, high)], skin, COARSE)


def _hung(index: int, along: float, z: float, parts: list[Surface]) -> list[Surface]:
    """Hang parts that face -y from the origin on the inside of wall ``index``, ``along`` its width."""
    yaw = (-math.pi / 2, 0.0, math.pi / 2, math.pi)[index]
    distance = HALF_X if index % 2 == 0 else HALF_Y
    cos, sin = math.cos(yaw), math.sin(yaw)
    return transformed(parts, (cos * along - sin * distance, sin * along + cos * distance, z), yaw)


def _poster(art: Float[np.ndarray, "H W 3"], width: float, height: float, rim: Rgb) -> list[Surface]:
    """Framed picture, back on the plane y = 0, looking at -y."""
    bars = material(tx.flat(8, 8, rim), gloss=0.1)
    board = box((width, 0.02, height), material(art), edge=0.07)
    posts = box((0.03, 0.035, height + 0.06), bars, edge=0.07)
    rails = box((width, 0.035, 0.03), bars, edge=0.07)
    half = width / 2 + 0.015
    return [
        *transformed(board, (0, -0.012, 0)),
        *transformed(posts, (-half, -0.0175, -0.03)),
        *transformed(posts, (half, -0.0175, -0.03)),
        *transformed(rails, (0, -0.0175, height)),
        *transformed(rails, (0, -0.0175, -0.03)),
    ]


def _art(style: int, rng: np.random.Generator) -> Float[np.ndarray, "H W 3"]:
    """One of four poster designs."""
    h, w = 300, 220
    colors = [tx.PALETTE[list(tx.PALETTE)[i]] for i in rng.permutation(len(tx.PALETTE))[:4]]
    u, v = tx.coordinates(h, w)
    image = tx.worn(tx.flat(h, w, tx.CREAM), rng, 0.08)
    if style == 0:
        ridge = tx.noise(h, w, (1, 3), rng, 4)
        image = tx.mix((0.96, 0.80, 0.55), (0.42, 0.62, 0.80), v)
        for k, tint in enumerate(colors[:3]):
            image = tx.mix(image, tint, (v < 0.6 - 0.17 * k + 0.25 * (np.roll(ridge, 60 * k, 1) - 0.5)).astype(float))
        return tx.mix(image, (0.98, 0.95, 0.80), (np.hypot(u - 0.7, (v - 0.8) * h / w) < 0.09).astype(float))
    if style == 1:
        for k in range(4):
            ring = np.hypot(u - 0.3 - 0.13 * k, (v - 0.35 - 0.1 * k) * h / w)
            image = tx.mix(image, colors[k], ((ring < 0.3 - 0.05 * k) & (ring * 18 % 1 < 0.62)).astype(float))
        return tx.text(image, "CONCERT", tx.DARK, (0.5, 0.9), 0.11)
    if style == 2:
        image = tx.checker(h, w, colors[0], colors[1], 8, 6)
        disc = (np.hypot(u * 6 % 1 - 0.5, v * 8 % 1 - 0.5) < 0.36).astype(float)
        return tx.mix(image, tx.mix(colors[2], tx.CREAM, tx.noise(h, w, (4, 3), rng, 1)), disc)
    image = tx.marble(h, w, colors[0], tx.shade(colors[1], 1.5), rng, 2)
    return tx.text(tx.band(image, tx.CREAM, 0.06, 0.24), "MUSEUM", tx.DARK, (0.5, 0.15), 0.12)


def _shelf(rng: np.random.Generator) -> list[Surface]:
    """Bookcase with four boards of books, back on y = 0, standing on z = 0."""
    timber = material(tx.wood(160, 160, (0.55, 0.38, 0.22), rng, 2))
    width, depth, gap = 1.1, 0.24, 0.36
    surfaces = [
        s
        for side in (-1, 1)
        for s in transformed(
            box((0.03, depth, 4 * gap + 0.03), timber, edge=0.08), (side * (width / 2 + 0.015), -depth / 2, 0)
        )
    ]
    for level in range(5):
        surfaces += transformed(box((width, depth, 0.03), timber, edge=0.08), (0, -depth / 2, level * gap))
        x = -width / 2 + 0.01
        while level < 4 and x < width / 2 - 0.07:
            thick, tall = rng.uniform(0.03, 0.065), rng.uniform(0.20, 0.30)
            color = tx.PALETTE[list(tx.PALETTE)[rng.integers(len(tx.PALETTE))]]
            color = tx.shade(color, float(rng.uniform(0.45, 0.9)))
            back = tx.band(tx.worn(tx.flat(64, 16, color), rng, 0.2), tx.shade(color, 1.5), 0.70, 0.80)
            skin = material(tx.band(back, tx.shade(color, 0.5), 0.12, 0.16))
            surfaces += transformed(
                box((thick - 0.002, 0.17, tall), skin, edge=0.08), (x + thick / 2, -0.14, level * gap + 0.03)
            )
            x += thick + (0.12 if rng.random() < 0.1 else 0.0)
    return surfaces


def _window() -> list[Surface]:
    """Bright window with a wooden cross, looking at -y."""
    _, v = tx.coordinates(220, 300)
    rng = np.random.default_rng(7)
    hills = 0.30 + 0.25 * (tx.noise(220, 300, (1, 3), rng, 4) - 0.5)
    sky = tx.mix(
        (0.93, 0.95, 0.97), (0.62, 0.78, 0.95), np.clip(v + 0.3 * (tx.noise(220, 300, (4, 4), rng, 5) - 0.6), 0, 1)
    )
    view = tx.mix(
        sky,
        tx.mix((0.50, 0.66, 0.42), (0.34, 0.54, 0.36), tx.noise(220, 300, (6, 8), rng, 4)),
        (v < hills).astype(float),
    )
    glass = box((1.5, 0.02, 1.1), material(view, emission=0.5), edge=0.2)
    bar = material(tx.flat(8, 8, (0.90, 0.88, 0.84)))
    parts = transformed(glass, (0, -0.011, 0))
    for x, w, z, h in ((-0.775, 0.05, -0.05, 1.2), (0.775, 0.05, -0.05, 1.2), (0, 0.03, 0, 1.1)):
        parts += transformed(box((w, 0.06, h), bar, edge=0.05), (x, -0.03, z))
    for z, w, h in ((-0.05, 1.6, 0.05), (1.1, 1.6, 0.05), (0.55, 1.5, 0.03)):
        parts += transformed(box((w, 0.055, h), bar, edge=0.05), (0, -0.0275, z))
    return parts


def _table(rng: np.random.Generator) -> list[Surface]:
    """Wooden table; its top is z = 0."""
    color = ((0.62, 0.42, 0.25), (0.72, 0.54, 0.34), (0.48, 0.30, 0.19))[rng.integers(3)]
    planks = material(tx.wood(480, 620, color, rng, 6), gloss=0.07, sharpness=18)
    rim = material(tx.wood(64, 400, tx.shade(color, 0.8), rng))
    x, y = TABLE
    thick = 0.035
    parts = transformed(box((x, y, thick), rim, edge=0.04), (0, 0, -thick))
    # Only the upper face, the fifth patch, is seen from near.
    parts[4] = patch([(-x / 2, -y / 2, 0), (x / 2, -y / 2, 0), (x / 2, y / 2, 0), (-x / 2, y / 2, 0)], planks)
    for sx in (-1, 1):
        for sy in (-1, 1):
            leg = box((0.06, 0.06, -FLOOR - thick), rim, edge=0.04)
            parts += transformed(leg, (sx * (x / 2 - 0.08), sy * (y / 2 - 0.08), FLOOR))
    return parts


def _floor_and_ceiling(rng: np.random.Generator) -> list[Surface]:
    """Parquet or tiles, a round rug, a white ceiling with the light panel."""
    if rng.random() < 0.5:
        ground = material(tx.wood(720, 800, (0.58, 0.43, 0.29), rng, 20))
    else:
        tiles = tx.checker(720, 800, (0.78, 0.74, 0.67), (0.42, 0.44, 0.45), 10, 11)
        ground = material(tx.worn(tiles, rng, 0.25, 40))
    a, b = (tx.PALETTE[list(tx.PALETTE)[i]] for i in rng.permutation(len(tx.PALETTE))[:2])
    rug = material(
        tx.worn(
            tx.mix(tx.stripes(256, 800, a, tx.CREAM, 7), b, tx.dots(256, 800, (0, 0, 0), (1, 1, 1), 7, 40)[..., 0]),
            rng,
            0.4,
            60,
        )
    )
    x, y = HALF_X, HALF_Y
    white = material(tx.worn(tx.flat(128, 128, (0.88, 0.87, 0.84)), rng, 0.06))
    panel = material(tx.flat(4, 4, (1.0, 0.97, 0.90)), emission=0.8)
    floor = patch([(-x, -y, FLOOR), (x, -y, FLOOR), (x, y, FLOOR), (-x, y, FLOOR)], ground, 0.06)
    above = patch([(-x, y, CEILING), (x, y, CEILING), (x, -y, CEILING), (-x, -y, CEILING)], white, COARSE)
    lamp = transformed(box((0.48, 0.48, 0.02), panel, edge=0.2), (0.45, -0.35, CEILING - 0.021))
    carpet = lathe([(1.15, FLOOR), (1.15, FLOOR + 0.012), (0.0, FLOOR + 0.012)], rug, 0.05)
    return [floor, above, *lamp, *carpet]


def furnish(rng: np.random.Generator) -> list[Surface]:
    """All background surfaces; every one of them has instance id 0."""
    hue = ((0.88, 0.83, 0.72), (0.70, 0.80, 0.82), (0.88, 0.76, 0.70), (0.76, 0.82, 0.70))[rng.integers(4)]
    height, width = 420, 760
    paper = tx.worn(tx.stripes(height, width, hue, tx.shade(hue, 0.93), 0, 34), rng, 0.14, 30)
    small = tx.dots(height, width, (0, 0, 0), (1, 1, 1), 24, 34, 0.12)[..., 0]
    wallpaper = material(tx.mix(paper, tx.shade(hue, 0.75), 0.8 * small))
    skirting = material(tx.wood(32, 512, (0.86, 0.84, 0.80), rng))
    surfaces = [*_table(rng), *_floor_and_ceiling(rng)]
    for index in range(4):
        surfaces += [_wall(index, FLOOR, CEILING, wallpaper), _wall(index, FLOOR, FLOOR + 0.12, skirting, 0.012)]
    surfaces += _hung(2, 0.1, 0.1, _window())
    surfaces += _hung(1, -0.55, FLOOR, _shelf(rng))
    styles = rng.permutation(4)
    spots = ((0, -0.75, 0.05), (0, 0.7, 0.0), (1, 1.1, 0.05), (3, -0.9, 0.0), (3, 0.55, 0.1))
    for k, (wall, along, z) in enumerate(spots):
        scale = float(rng.uniform(0.9, 1.15))
        rim = ((0.16, 0.12, 0.10), (0.85, 0.80, 0.70), (0.60, 0.42, 0.20))[k % 3]
        surfaces += _hung(wall, along, z, _poster(_art(int(styles[k % 4]), rng), 0.62 * scale, 0.85 * scale, rim))
    return surfaces
