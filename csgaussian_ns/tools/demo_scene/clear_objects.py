"""Things of glass, and a mirror; same contract as ``turned_objects``. Walls are thin and bend nothing; the ball does.

A wall passes most light, tinted by its albedo, and reflects the more the flatter one looks along it; of the rest it
shows its own colour.
"""

import itertools
import math
from dataclasses import replace

import numpy as np

from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.geometry import Surface, box, lathe, patch, round_profile, transformed, tube
from csgaussian_ns.tools.demo_scene.textures import Material, Rgb, material


def glass(tint: Rgb = (0.93, 0.97, 0.95), clear: float = 0.9, bend: float = 1.0) -> Material:
    """A clear wall."""
    return replace(material(tx.flat(8, 8, tint), gloss=0.9, sharpness=300), clear=clear, bend=bend)


def tumbler(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Water glass, wider at the top, with a thick foot."""
    r, h = 0.046, 0.15
    wall = lathe([(0, 0), (r - 0.008, 0), (r - 0.006, 0.004), (r + 0.006, h)], glass())
    return [*wall, *lathe([(r - 0.006, 0.014), (0, 0.014)], glass(clear=0.8))]


def wine_glass(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Bowl on a stem."""
    cup = [(0.0, 0.095), *round_profile(0.046, 0.142, -78, 35)]
    return [
        *lathe([(0, 0), (0.040, 0), (0.040, 0.003), (0.006, 0.012), (0.005, 0.090), (0.010, 0.097)], glass(clear=0.8)),
        *lathe(cup, glass()),
    ]


def glass_bottle(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Tinted bottle with a paper label on one side."""
    tint = tx.shade(color, 1.55)
    body = [(0, 0), (0.044, 0), (0.047, 0.006), (0.047, 0.150), (0.043, 0.170), (0.030, 0.190), (0.018, 0.204)]
    label = tx.text(tx.frame(tx.flat(96, 160, tx.CREAM), tx.DARK, 0.05), "SPRING", tx.DARK, (0.5, 0.6), 0.3)
    paper = material(tx.text(label, "water 0.5 l", tx.DARK, (0.5, 0.25), 0.16), gloss=0.05)
    bend = np.linspace(-0.7, 0.7, 13)
    corners = [(0.0478 * math.cos(a), 0.0478 * math.sin(a)) for a in bend]
    strips = []
    for k, ((x0, y0), (x1, y1)) in enumerate(itertools.pairwise(corners)):
        part = patch([(x0, y0, 0.05), (x1, y1, 0.05), (x1, y1, 0.115), (x0, y0, 0.115)], paper)
        uv = np.stack([(k + part.uv[:, 0]) / 12, part.uv[:, 1]], axis=-1).astype(np.float32)
        strips.append(replace(part, uv=uv))
    return [*lathe([*body, (0.014, 0.222), (0.014, 0.255)], glass(tint, 0.85)), *strips]


def jar(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Preserving jar with a metal lid."""
    lid = material(tx.worn(tx.checker(48, 192, color, tx.CREAM, 6, 24), rng, 0.15), gloss=0.3)
    wall = lathe([(0, 0), (0.050, 0), (0.055, 0.008), (0.055, 0.105), (0.045, 0.120), (0.045, 0.130)], glass())
    return [*wall, *lathe([(0, 0.128), (0.050, 0.128), (0.050, 0.150), (0, 0.150)], lid)]


def glass_bowl(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Wide bowl, as hollow as the glazed one, so that an apple lies in it."""
    r = 0.112
    return lathe([(0, 0.0085), (0.030, 0.0085), *round_profile(r, r + 0.004, -70, -15)], glass())


def crystal_ball(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Solid ball of glass on a dark ring; it turns what is behind it upside down."""
    ring = material(tx.worn(tx.flat(48, 96, (0.22, 0.16, 0.12)), rng, 0.3), gloss=0.2)
    ball = transformed(lathe(round_profile(0.058, 0.0), glass((0.98, 0.98, 0.98), 0.95, 1.5)), (0, 0, 0.070))
    return [*ball, *lathe([(0.020, 0.012), (0.020, 0), (0.046, 0), (0.046, 0.014), (0.036, 0.026)], ring)]


def vial_rack(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Three glass tubes in a wooden block."""
    timber = material(tx.wood(96, 160, (0.68, 0.48, 0.28), rng), gloss=0.1)
    vial = lathe([(0.0, 0.012), (0.012, 0.016), (0.013, 0.024), (0.013, 0.150)], glass())
    vials = [s for x in (-0.042, 0.0, 0.042) for s in transformed(vial, (x, 0, 0))]
    return [*box((0.135, 0.045, 0.035), timber), *vials]


def mirror(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Framed mirror that leans on its own foot."""
    w, h, rim = 0.17, 0.23, 0.014
    silver = replace(material(tx.flat(8, 8, (0.95, 0.96, 0.96))), mirror=0.93)
    back = material(tx.worn(tx.flat(64, 64, (0.30, 0.24, 0.20)), rng, 0.3))
    frame = material(tx.wood(32, 128, tx.shade(color, 0.8), rng), gloss=0.15)
    parts = transformed(box((w, 0.008, h), back), (0, 0.004, 0.008))
    parts += [patch([(-w / 2, -1e-3, 0.008), (w / 2, -1e-3, 0.008), (w / 2, -1e-3, h), (-w / 2, -1e-3, h)], silver)]
    for side in (-1, 1):
        parts += transformed(box((rim, 0.02, h + rim), frame), (side * (w + rim) / 2, 0, 0))
    for z in (0.0, h):
        parts += transformed(box((w, 0.02, rim), frame), (0, 0, z))
    foot = tube(np.linspace((0, 0.008, h * 0.7), (0, 0.11, 0.004), 12), 0.006, frame)
    return [*transformed(parts, (0, 0, 0.003), pitch=-math.radians(10)), *foot]
