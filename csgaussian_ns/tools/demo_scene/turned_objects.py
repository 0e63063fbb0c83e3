"""The round things of the catalogue: everything that comes from a potter's wheel, a lathe or a mould.

Each maker returns surfaces that stand on z = 0 around the z axis. Sizes are a little larger than life, so that ten
objects fill a small picture.
"""

import math

import numpy as np

from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.geometry import Surface, arc_points, lathe, round_profile, transformed, tube
from csgaussian_ns.tools.demo_scene.textures import Rgb, material


def mug(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Mug with a handle and a ring of dots."""
    image = tx.dots(256, 512, color, tx.CREAM, 9, 12, 0.24)
    image = tx.band(tx.band(image, color, 0.0, 4 / 9), color, 7 / 9, 1.0)  # whole rows of dots only
    image = tx.band(tx.band(image, tx.CREAM, 0.405, 0.43), tx.CREAM, 0.795, 0.82)
    glaze = material(tx.worn(image, rng, 0.12), gloss=0.22, sharpness=60)
    inside = material(tx.worn(tx.flat(64, 128, tx.CREAM), rng, 0.15), gloss=0.1)
    r, h = 0.056, 0.125
    shell = lathe([(0, 0), (r - 0.008, 0), (r, 0.008), (r, h), (r - 0.003, h + 0.003), (r - 0.006, h)], glaze)
    cup = lathe([(r - 0.006, h), (r - 0.007, 0.012), (0.0, 0.012)], inside)
    plain = material(tx.worn(tx.flat(64, 64, color), rng, 0.15), gloss=0.22, sharpness=60)
    return [*shell, *cup, *tube(arc_points((r - 0.003, 0, 0.064), (0.040, 0.042), -90, 90), 0.0085, plain)]


def teapot(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Round teapot with spout, handle and lid."""
    image = tx.dots(256, 512, color, tx.shade(color, 1.65), 6, 14, 0.2)
    image = tx.band(tx.band(image, tx.CREAM, 0.50, 0.53), tx.CREAM, 0.93, 1.0)
    glaze = material(tx.worn(image, rng, 0.12), gloss=0.3, sharpness=70)
    plain = material(tx.worn(tx.flat(64, 64, color), rng, 0.15), gloss=0.3, sharpness=70)
    knob = material(tx.flat(32, 32, tx.CREAM), gloss=0.2)
    body = lathe([(0, 0), (0.055, 0), (0.056, 0.008), *round_profile(0.088, 0.082, -52, 58)], glaze)
    lid = lathe([(0.050, 0.155), (0.047, 0.165), (0.034, 0.175), (0.012, 0.181), (0, 0.183)], plain)
    top = transformed(lathe(round_profile(0.014, 0.0), knob), (0, 0, 0.191))
    t = np.linspace(0, 1, 24)
    spout = np.stack([0.068 + 0.085 * t, np.zeros(24), 0.062 + 0.012 * t + 0.075 * t**2], axis=-1)
    nozzle = tube(spout, 0.025 - 0.014 * t**0.7, plain)
    handle = transformed(tube(arc_points((0.078, 0, 0.085), (0.052, 0.052), -88, 88), 0.010, plain), yaw=math.pi)
    return [*body, *lid, *top, *nozzle, *handle]


def vase(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Tall marbled vase."""
    stone = material(tx.marble(384, 384, tx.shade(color, 1.35), tx.shade(color, 0.45), rng), gloss=0.28, sharpness=60)
    z = np.linspace(0.006, 0.27, 40)
    t = z / 0.27
    outer = 0.042 + 0.034 * np.sin(math.pi * np.clip(t * 1.15, 0, 1)) ** 1.5 - 0.016 * t + 0.030 * t**9
    inner = [(float(r) - 0.005, float(h)) for r, h in zip(outer[::-1][:14], z[::-1][:14], strict=True)]
    profile = [(0.0, 0.0), (0.036, 0.0), *zip(outer.tolist(), z.tolist(), strict=True), *inner, (0.0, inner[-1][1])]
    return lathe(profile, stone)


def tin_can(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Tin can with a printed label."""
    label = tx.stripes(256, 640, color, tx.shade(color, 0.75), 0, 40)
    label = tx.band(tx.band(label, tx.CREAM, 0.26, 0.74), tx.DARK, 0.72, 0.74)
    for u in (0.25, 0.75):
        label = tx.text(label, "TOMATO", tx.shade(color, 0.6), (u, 0.57), 0.24)
        label = tx.text(label, "soup - 400 g", tx.DARK, (u, 0.36), 0.12)
    paper = material(tx.worn(label, rng, 0.1), gloss=0.08)
    steel = material(tx.worn(tx.stripes(128, 128, (0.72, 0.72, 0.74), (0.60, 0.60, 0.63), 5), rng, 0.2), gloss=0.35)
    r, h = 0.052, 0.15
    wall = lathe([(r, 0.006), (r, h - 0.006)], paper)
    rim = [
        (r, h - 0.006),
        (r + 0.002, h - 0.003),
        (r + 0.001, h),
        (r - 0.004, h),
        (r - 0.005, h - 0.005),
        (0, h - 0.005),
    ]
    return [*wall, *lathe([(0, 0), (r, 0), (r, 0.006)], steel), *lathe(rim, steel)]


def globe(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Globe on a turned wooden foot with a brass half ring."""
    land = tx.noise(256, 512, (4, 6), rng, 5)
    _, v = tx.coordinates(256, 512)
    land = land - 0.13 * np.abs(2 * v - 1) ** 3
    height = np.clip((land - 0.52) * 7, 0, 1)
    earth = tx.mix((0.30, 0.52, 0.24), (0.70, 0.56, 0.34), height)
    sea = tx.mix((0.08, 0.26, 0.52), (0.16, 0.46, 0.68), tx.noise(256, 512, (6, 12), rng, 3))
    image = tx.mix(sea, earth, np.clip((land - 0.5) * 60, 0, 1))
    image = tx.mix(image, (0.93, 0.94, 0.95), (np.abs(2 * v - 1) > 0.93).astype(float))
    paper = material(image, gloss=0.2, sharpness=80)
    timber = material(tx.wood(128, 128, (0.50, 0.30, 0.16), rng), gloss=0.15)
    brass = material(tx.worn(tx.flat(32, 128, (0.80, 0.62, 0.28)), rng, 0.2), gloss=0.5, sharpness=50)
    ball = transformed(lathe(round_profile(0.086, 0.0), paper), pitch=math.radians(23))
    foot = lathe([(0, 0), (0.062, 0), (0.062, 0.012), (0.040, 0.020), (0.014, 0.030), (0.011, 0.062)], timber)
    ring = transformed(
        tube(arc_points((0, 0, 0), (0.097, 0.097), -115, 67, 48), 0.005, brass), (0, 0, 0.155), math.pi / 2
    )
    return [*transformed(ball, (0, 0, 0.155), yaw=rng.random() * 6.28), *foot, *ring]


def beach_ball(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Ball with six coloured gores."""
    u, v = tx.coordinates(192, 384)
    gores = [tx.CREAM, color, tx.CREAM, tx.PALETTE["blue"], tx.CREAM, tx.PALETTE["yellow"]]
    image = np.asarray(gores)[(u * 6).astype(int)]
    image = tx.mix(image, tx.CREAM, (np.abs(2 * v - 1) > 0.9).astype(float))
    skin = material(tx.worn(image, rng, 0.12), gloss=0.25, sharpness=50)
    return transformed(transformed(lathe(round_profile(0.068, 0.0), skin), pitch=0.7), (0, 0, 0.068))


def apple(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Apple with a stem."""
    u, v = tx.coordinates(128, 256)
    blush = np.clip(tx.noise(128, 256, (3, 10), rng, 4) * 1.6 - 0.35 + 0.2 * np.sin(2 * math.pi * u), 0, 1)
    image = tx.mix((0.80, 0.70, 0.22), (0.68, 0.09, 0.09), blush * np.clip(4 * v, 0.3, 1))
    image = tx.mix(image, (0.90, 0.82, 0.52), (tx.noise(128, 256, (40, 80), rng, 1) > 0.9).astype(float))
    peel = material(image, gloss=0.3, sharpness=40)
    t = np.linspace(-math.pi / 2, math.pi / 2, 40)
    swell = 0.058 * (1 + 0.09 * np.sin(t))
    dimple = 0.016 * np.exp(-((np.cos(t) / 0.35) ** 2)) * (np.sin(t) > 0)
    radius, height = np.maximum(swell * np.cos(t), 0.0), 0.052 + 0.052 * np.sin(t) - dimple
    stem = np.stack([0.01 * np.linspace(0, 1, 8) ** 2, np.zeros(8), np.linspace(0.082, 0.116, 8)], axis=-1)
    bark = material(tx.flat(16, 16, (0.30, 0.20, 0.10)))
    body = lathe(list(zip(radius.tolist(), height.tolist(), strict=True)), peel)
    return [*body, *tube(stem, 0.0032, bark, 0.003)]


def bowl(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Wide bowl with a zigzag band, hollow enough to hold an apple."""
    u, v = tx.coordinates(192, 640)
    zigzag = np.abs((u * 16) % 1 - 0.5) * 2
    image = tx.mix(tx.flat(192, 640, tx.CREAM), color, (np.abs(v - 0.55 - 0.18 * (zigzag - 0.5)) < 0.07).astype(float))
    image = tx.band(tx.band(image, color, 0.9, 1.0), color, 0.0, 0.3)
    outside = material(tx.worn(image, rng, 0.12), gloss=0.2)
    inside = material(tx.worn(tx.stripes(128, 256, color, tx.shade(color, 1.3), 5), rng, 0.14), gloss=0.2)
    r = 0.118
    shell = [(0, 0), (0.05, 0), (0.052, 0.008), *round_profile(r, r + 0.006, -66, -18)]
    rim_r, rim_z = shell[-1]
    lip = [(rim_r, rim_z), (rim_r - 0.003, rim_z + 0.002), (rim_r - 0.006, rim_z)]
    hollow = [(x, z) for x, z in reversed(round_profile(r - 0.007, r + 0.006, -90, -20))]
    return [*lathe(shell, outside), *lathe([*lip[:2], *hollow], inside)]


def donut(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Iced donut with sprinkles."""
    size = (256, 512)
    _, v = tx.coordinates(*size)
    dough = tx.worn(tx.flat(*size, (0.72, 0.47, 0.22)), rng, 0.35, 14)
    icing = tx.worn(tx.flat(*size, tx.PALETTE["pink"]), rng, 0.1)
    image = tx.mix(dough, icing, (np.abs(v - 0.74) < 0.21 + 0.07 * tx.noise(*size, (2, 14), rng, 2)).astype(float))
    sprinkle = np.asarray([tx.PALETTE[c] for c in ("white", "yellow", "blue", "green")])
    for _ in range(110):
        y, x = int(rng.integers(24, 106)), int(rng.integers(0, 512))
        dy, dx = (2, 6) if rng.random() < 0.5 else (5, 3)
        image[y : y + dy, x : x + dx] = sprinkle[rng.integers(4)]
    return lathe(round_profile(0.031, 0.031, -180, 180, ring=0.056), material(image, gloss=0.2, sharpness=30))


def wooden_pawn(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Turned chess pawn."""
    timber = material(tx.wood(256, 256, (0.78, 0.56, 0.32), rng), gloss=0.2)
    foot = [(0, 0), (0.052, 0), (0.054, 0.010), (0.048, 0.022), (0.036, 0.028), (0.034, 0.034)]
    neck = [(0.020, 0.075), (0.016, 0.110), (0.032, 0.116), (0.032, 0.122), (0.016, 0.128)]
    return lathe([*foot, *neck, *round_profile(0.031, 0.153, -52, 90)], timber)


def bottle(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Bottle with a paper label and a cork."""
    glaze = tx.worn(tx.flat(384, 384, color), rng, 0.3, 12)
    label = tx.text(tx.frame(tx.flat(96, 200, tx.CREAM), tx.DARK, 0.04), "OLIVE OIL", tx.DARK, (0.5, 0.66), 0.26)
    label = tx.text(label, "first press 1926", tx.shade(color, 0.7), (0.5, 0.32), 0.16)
    for left in (10, 180):
        glaze[180:276, left : left + 180] = label[:, 10:190]
    glass = material(glaze, gloss=0.4, sharpness=90)
    cork = material(tx.worn(tx.flat(32, 64, (0.70, 0.52, 0.34)), rng, 0.5, 16))
    body = [(0, 0), (0.046, 0), (0.049, 0.006), (0.049, 0.150), (0.045, 0.170), (0.032, 0.190), (0.020, 0.204)]
    return [
        *lathe([*body, (0.017, 0.225), (0.017, 0.262), (0, 0.262)], glass),
        *lathe([(0.0125, 0.262), (0.0125, 0.280), (0, 0.280)], cork),
    ]


def cactus(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Round cactus in a clay pot."""
    clay = tx.band(tx.worn(tx.flat(128, 384, (0.72, 0.38, 0.22)), rng, 0.3), (0.80, 0.47, 0.29), 0.55, 0.95)
    pot = [(0, 0), (0.045, 0), (0.060, 0.080), (0.067, 0.080), (0.068, 0.102), (0.060, 0.102), (0.058, 0.090)]
    soil = material(tx.worn(tx.flat(96, 96, (0.22, 0.15, 0.10)), rng, 0.8, 24))
    ribs = tx.stripes(256, 512, (0.20, 0.46, 0.22), (0.34, 0.62, 0.30), 0, 14)
    spines = tx.dots(256, 512, (0, 0, 0), (1, 1, 1), 22, 14, 0.16)[..., 0]
    skin = material(tx.worn(tx.mix(ribs, (0.93, 0.90, 0.70), spines), rng, 0.2))
    t = np.linspace(-0.9, math.pi / 2, 32)
    profile = [(max(0.0, 0.047 * math.cos(a)), 0.150 + 0.064 * math.sin(a)) for a in t]
    flower = material(tx.stripes(32, 64, tx.PALETTE["pink"], tx.PALETTE["yellow"], 0, 8))
    return [
        *lathe(pot, material(clay)),
        *lathe([(0.058, 0.092), (0, 0.092)], soil),
        *lathe(profile, skin),
        *transformed(lathe(round_profile(0.015, 0.0), flower), (0.010, 0, 0.216)),
    ]
