"""The things of the catalogue with edges, plus cone and capsule. Same contract as ``turned_objects``."""

import math

import numpy as np

from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.geometry import Surface, box, lathe, patch, round_profile, transformed
from csgaussian_ns.tools.demo_scene.textures import Rgb, material

TITLES = ("ATLAS", "GEOMETRY", "THE SEA", "GARDENS", "LIGHT", "POEMS")


def book(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Closed hardback lying flat: two boards, a spine and a block of pages."""
    x, y, z, board = 0.25, 0.18, 0.042, 0.004
    title = TITLES[rng.integers(len(TITLES))]
    cover = tx.frame(tx.worn(tx.flat(270, 375, color), rng, 0.14, 30), tx.shade(color, 0.6), 0.03)
    cover[40:46, 40:335] = cover[224:230, 40:335] = tx.CREAM
    cover = tx.text(cover, title, tx.CREAM, (0.5, 0.62), 0.2)
    cover = tx.text(cover, "volume " + "I" * int(rng.integers(1, 4)), tx.shade(color, 1.6), (0.5, 0.36), 0.11)
    spine_art = tx.text(tx.worn(tx.flat(64, 400, tx.shade(color, 0.8)), rng, 0.2), title, tx.CREAM, (0.5, 0.5), 0.6)
    cloth, spine = material(cover, gloss=0.08), material(spine_art, gloss=0.08)
    grain = tx.noise(96, 256, (48, 2), rng, 2)
    pages = material(tx.mix((0.80, 0.74, 0.62), (0.97, 0.94, 0.86), grain))
    block = box((x - 0.012, y - 0.012, z - 2 * board), pages)
    boards = box((x, y, board), cloth, front=spine)
    back = box((x, board, z), spine)
    return [
        *boards,
        *transformed(boards, (0, 0, z - board)),
        *transformed(block, (0, 0.004, board)),
        *transformed(back, (0, -y / 2 - board / 2 + 0.001, 0)),
    ]


def brick(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Plain building brick, hardly told from its like."""
    skin = material(tx.worn(tx.flat(96, 192, color), rng, 0.16, 14), gloss=0.1)
    return box((0.126, 0.062, 0.044), skin)


def gift_box(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Wrapped box with a ribbon and a bow."""
    ribbon = tx.PALETTE["yellow"] if color != tx.PALETTE["yellow"] else tx.PALETTE["red"]
    wrap = tx.worn(tx.dots(200, 200, color, tx.shade(color, 1.6), 7, 7, 0.22), rng, 0.14)
    u, v = tx.coordinates(200, 200)
    side = material(tx.mix(wrap, ribbon, (np.abs(u - 0.5) < 0.09).astype(float)), gloss=0.15)
    lid = material(
        tx.mix(wrap, ribbon, ((np.abs(u - 0.5) < 0.09) | (np.abs(v - 0.5) < 0.09)).astype(float)), gloss=0.15
    )
    satin = material(tx.worn(tx.stripes(32, 64, ribbon, tx.shade(ribbon, 0.85), 5), rng, 0.1), gloss=0.25)
    loop = lathe(round_profile(0.010, 0.0, -180, 180, ring=0.020), satin)
    loops = [
        s
        for yaw in (0.5, 2.1, 3.64, 5.24)
        for s in transformed(transformed(loop, (0.020, 0, 0), pitch=1.15), (0, 0, 0.126), yaw)
    ]
    return [*box((0.13, 0.13, 0.115), side, top=lid), *loops]


def letter_block(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Toy block with letters on all sides."""
    base = tx.frame(tx.worn(tx.flat(160, 160, (0.88, 0.76, 0.55)), rng, 0.2), color, 0.09)
    faces = [material(tx.text(base, letter, color, (0.5, 0.5), 0.72), gloss=0.1) for letter in "ABC"]
    return box((0.094, 0.094, 0.094), faces[0], top=faces[2], front=faces[1])


def puzzle_cube(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Cube of 3 x 3 coloured stickers."""
    names = ("white", "red", "blue", "orange", "green", "yellow")
    sides = []
    for _ in range(3):
        image = tx.flat(192, 192, DARK_PLASTIC)
        for row in range(3):
            for col in range(3):
                sticker = tx.PALETTE[names[rng.integers(6)]]
                image[row * 64 + 5 : row * 64 + 59, col * 64 + 5 : col * 64 + 59] = sticker
        sides.append(material(tx.worn(image, rng, 0.1), gloss=0.3, sharpness=50))
    return box((0.102, 0.102, 0.102), sides[0], top=sides[1], front=sides[2])


DARK_PLASTIC: Rgb = (0.07, 0.07, 0.08)


def tea_carton(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Upright carton with a printed front."""
    front = tx.band(tx.worn(tx.flat(320, 220, color), rng, 0.1), tx.CREAM, 0.30, 0.68)
    front = tx.text(front, "GREEN", tx.shade(color, 0.6), (0.5, 0.57), 0.13)
    front = tx.text(front, "TEA", tx.shade(color, 0.6), (0.5, 0.42), 0.15)
    front = tx.text(front, "20 bags", tx.CREAM, (0.5, 0.16), 0.08)
    leaf = tx.noise(320, 220, (5, 4), rng, 3) > 0.56
    _, v = tx.coordinates(320, 220)
    front = tx.mix(front, (0.62, 0.78, 0.36), (leaf & (v > 0.72)).astype(float))
    sides = tx.text(tx.stripes(320, 160, color, tx.shade(color, 0.85), 20), "TEA", tx.CREAM, (0.5, 0.5), 0.16)
    top = tx.frame(tx.worn(tx.flat(128, 160, tx.shade(color, 0.85)), rng, 0.15), tx.CREAM, 0.05)
    return box((0.12, 0.075, 0.175), material(sides, 0.05), top=material(top, 0.05), front=material(front, 0.05))


def pyramid(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Four-sided pyramid of stone bricks."""
    size = 240
    u, v = tx.coordinates(size, size)
    course = np.floor(v * 10)
    joint = (np.abs(v * 10 % 1 - 0.5) > 0.43) | (np.abs((u * 8 + 0.5 * (course % 2)) % 1 - 0.5) > 0.455)
    tone = rng.random((10, 9))[course.astype(int), np.floor(u * 8 + 0.5 * (course % 2)).astype(int)]
    bricks = tx.mix((0.66, 0.50, 0.30), (0.88, 0.74, 0.50), tone)
    stone = material(tx.worn(tx.mix(bricks, (0.40, 0.30, 0.19), joint.astype(float)), rng, 0.3, 20))
    half, tip = 0.085, (0.0, 0.0, 0.145)
    base = [(-half, -half, 0.0), (half, -half, 0.0), (half, half, 0.0), (-half, half, 0.0)]
    walls = [patch([base[i], base[(i + 1) % 4], tip, tip], stone) for i in range(4)]
    return [*walls, patch([base[0], base[3], base[2], base[1]], stone)]


def traffic_cone(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Orange cone with two white bands on a square foot."""
    orange = (0.95, 0.36, 0.08)
    image = tx.band(tx.band(tx.flat(256, 256, orange), (0.92, 0.92, 0.90), 0.30, 0.48), (0.92, 0.92, 0.90), 0.62, 0.76)
    plastic = material(tx.worn(image, rng, 0.16), gloss=0.2)
    rubber = material(tx.worn(tx.flat(96, 96, (0.90, 0.33, 0.08)), rng, 0.3), gloss=0.1)
    cone = lathe([(0.062, 0.012), (0.014, 0.235), (0.010, 0.240), (0, 0.240)], plastic)
    return [*box((0.148, 0.148, 0.014), rubber), *cone]


def capsule(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Two-coloured capsule lying on its side."""
    image = tx.band(tx.worn(tx.flat(256, 256, color), rng, 0.12), tx.CREAM, 0.5, 1.0)
    image = tx.band(image, tx.DARK, 0.495, 0.51)
    for u in (0.0, 0.25, 0.5, 0.75):
        image = tx.text(image, "500", tx.shade(color, 0.5), (u + 0.1, 0.66), 0.12)
    shell = material(image, gloss=0.4, sharpness=60)
    r, half = 0.040, 0.045
    body = lathe([*round_profile(r, -half, -90, 0), *round_profile(r, half, 0, 90)], shell)
    return transformed(body, (0, 0, r), pitch=math.pi / 2)


def party_hat(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Paper cone with spiral stripes and a pompom."""
    spiral = tx.stripes(320, 512, color, tx.CREAM, 5, 1)
    card = material(tx.worn(spiral, rng, 0.12), gloss=0.05)
    fluff = material(tx.worn(tx.flat(64, 64, tx.PALETTE["yellow"]), rng, 0.8, 20))
    return [
        *lathe([(0, 0), (0.066, 0), (0.004, 0.19)], card),
        *transformed(lathe(round_profile(0.019, 0.0), fluff), (0, 0, 0.196)),
    ]
