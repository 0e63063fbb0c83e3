"""Things of blades, leaves and wires, a pixel or two wide in most views. Same contract as ``turned_objects``."""

import math
from collections.abc import Sequence

import numpy as np

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.tools.demo_scene import textures as tx
from csgaussian_ns.tools.demo_scene.geometry import (
    Surface,
    arc_points,
    box,
    lathe,
    patch,
    round_profile,
    transformed,
    tube,
)
from csgaussian_ns.tools.demo_scene.textures import Material, Number, Rgb, material

WIRE = 0.0022
"""Radius of wires."""


def _ring(radius: Number, wire: Number, skin: Material) -> list[Surface]:
    """A wire bent to a circle around the z axis."""
    t = np.linspace(-math.pi, math.pi, 13)
    return lathe(np.stack([radius + wire * np.cos(t), wire * np.sin(t)], axis=-1), skin)


def _wire(path: Float[np.ndarray, "P 3"], radius: Number | Float[np.ndarray, " P"], skin: Material) -> list[Surface]:
    """A tube too thin for anybody to count its sides."""
    return tube(path, radius, skin, sides=6)


def _leaf(start: Float[np.ndarray, "3"], tip: Float[np.ndarray, "3"], width: Number, skin: Material) -> list[Surface]:
    """Two pointed faces back to back, a hair apart, widest in their middle."""
    along = tip - start
    across = np.cross(along, (0.0, 0.0, 1.0))
    across = across / max(np.linalg.norm(across), 1e-9) * width / 2
    normal = np.cross(across, along)
    lift = normal / np.linalg.norm(normal) * 5e-4
    middle = start + 0.45 * along + (0, 0, 0.06 * np.linalg.norm(along))
    front = [start + lift, middle + across + lift, tip + lift, middle - across + lift]
    back = [start - lift, middle - across - lift, tip - lift, middle + across - lift]
    return [patch(np.stack(front), skin), patch(np.stack(back), skin)]


def _stem(
    start: Sequence[Number] | Float[np.ndarray, "3"], yaw: Number, reach: Number, rise: Number, count: int = 14
) -> Float[np.ndarray, "P 3"]:
    """A path that goes up and leans over."""
    t = np.linspace(0, 1, count)
    flat = reach * t**1.8
    return np.asarray(start) + np.stack([flat * math.cos(yaw), flat * math.sin(yaw), rise * (t - 0.25 * t**3)], -1)


def fan(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Desk fan: blades in a cage of wires on a pole."""
    plastic = material(tx.worn(tx.flat(96, 192, tx.CREAM), rng, 0.2), gloss=0.2)
    wing = material(tx.worn(tx.stripes(64, 128, color, tx.shade(color, 1.3), 4), rng, 0.15), gloss=0.2)
    steel = material(tx.worn(tx.flat(16, 64, (0.62, 0.62, 0.65)), rng, 0.3), gloss=0.4)
    r = 0.088
    head = lathe([(0, -0.045), (0.024, -0.045), (0.027, 0.0), (0.018, 0.012), (0, 0.012)], plastic)
    for k in range(4):
        blade = transformed(box((0.062, 0.034, 0.0022), wing), (0, 0, -0.001), pitch=0.5)
        head += transformed(transformed(blade, (0.046, 0, 0.004)), yaw=k * math.pi / 2)
    for radius, z in ((r, 0.0), (0.8 * r, 0.022), (0.45 * r, 0.026), (0.8 * r, -0.022)):
        head += transformed(_ring(radius, WIRE * 0.8, steel), (0, 0, z))
    for k in range(12):
        bar = np.array([(0.0, 0, 0.027), (0.45 * r, 0, 0.026), (0.8 * r, 0, 0.022), (r, 0, 0.0), (0.8 * r, 0, -0.022)])
        head += transformed(_wire(bar, WIRE * 0.6, steel), yaw=k * math.pi / 6)
    pole = tube(np.linspace((0, 0.03, 0.008), (0, 0.03, 0.14), 12), 0.008, plastic)
    foot = lathe([(0, 0), (0.062, 0), (0.060, 0.012), (0.010, 0.016), (0, 0.016)], plastic)
    return [*foot, *pole, *transformed(head, (0, 0, 0.148), pitch=math.pi / 2 - 0.12)]


def fern(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Pot with fronds: arching stems with a row of leaflets on both sides."""
    clay = material(tx.worn(tx.flat(96, 256, (0.72, 0.38, 0.22)), rng, 0.3))
    soil = material(tx.worn(tx.flat(64, 64, (0.20, 0.14, 0.10)), rng, 0.8, 24))
    green = material(tx.worn(tx.stripes(48, 48, (0.16, 0.42, 0.14), (0.26, 0.54, 0.20), 0, 4), rng, 0.2))
    stalk = material(tx.flat(16, 32, (0.24, 0.36, 0.14)))
    parts = lathe([(0, 0), (0.036, 0), (0.050, 0.070), (0.052, 0.084), (0.046, 0.084), (0.044, 0.074)], clay)
    parts += lathe([(0.045, 0.076), (0, 0.076)], soil)
    for k in range(9):
        path = _stem((0, 0, 0.07), 0.7 * k + rng.uniform(-0.2, 0.2), rng.uniform(0.06, 0.11), rng.uniform(0.10, 0.20))
        parts += _wire(path, np.linspace(0.0024, 0.0009, len(path)), stalk)
        for at in range(4, len(path)):
            forward = path[at] - path[at - 1]
            side = np.cross(forward, (0.0, 0.0, 1.0))
            side = side / np.linalg.norm(side)
            size = 0.034 * math.sin(math.pi * (0.2 + 0.75 * at / len(path)))
            for sign in (-1, 1):
                tip = path[at] + sign * size * side + 0.6 * size * forward / np.linalg.norm(forward)
                parts += _leaf(path[at], tip, 0.45 * size, green)
    return parts


def rubber_plant(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Glazed pot with a few long, broad leaves."""
    glaze = material(tx.worn(tx.flat(96, 192, color), rng, 0.2), gloss=0.25)
    soil = material(tx.worn(tx.flat(64, 64, (0.20, 0.14, 0.10)), rng, 0.8, 24))
    veins = tx.stripes(96, 96, (0.10, 0.34, 0.18), (0.22, 0.50, 0.24), 0, 9)
    green = material(tx.worn(veins, rng, 0.2), gloss=0.15)
    stalk = material(tx.flat(16, 32, (0.20, 0.32, 0.14)))
    parts = [
        *lathe([(0, 0), (0.042, 0), (0.046, 0.08), (0.041, 0.08)], glaze),
        *lathe([(0.044, 0.07), (0, 0.07)], soil),
    ]
    for k in range(7):
        path = _stem((0, 0, 0.066), 0.9 * k + rng.uniform(-0.2, 0.2), rng.uniform(0.02, 0.04), rng.uniform(0.05, 0.13))
        parts += _wire(path, 0.0018, stalk)
        out = path[-1] - path[0]
        flat = np.array([out[0], out[1], 0.0]) / max(float(np.hypot(out[0], out[1])), 1e-9)
        parts += _leaf(path[-1], path[-1] + 0.085 * flat + (0, 0, rng.uniform(0.0, 0.06)), 0.036, green)
    return parts


def wire_basket(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Open basket of rings and upright wires."""
    wire = material(tx.worn(tx.flat(16, 64, tx.shade(color, 0.7)), rng, 0.2), gloss=0.4)
    parts = []
    for k in range(5):
        parts += transformed(_ring(0.055 + 0.009 * k, WIRE, wire), (0, 0, 0.004 + 0.028 * k))
    for k in range(14):
        bar = np.linspace((0.055, 0, 0.004), (0.091, 0, 0.116), 10)
        parts += transformed(_wire(bar, 0.8 * WIRE, wire), yaw=2 * math.pi * k / 14)
    for k in range(4):
        across = np.linspace((-0.055, 0, 0.004), (0.055, 0, 0.004), 16)
        parts += transformed(_wire(across, 0.8 * WIRE, wire), yaw=math.pi * k / 4)
    return parts


def tripod(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Three thin legs under a small ball."""
    metal = material(tx.worn(tx.flat(32, 64, (0.16, 0.16, 0.18)), rng, 0.4), gloss=0.3)
    knob = material(tx.worn(tx.dots(64, 128, color, tx.CREAM, 6, 8), rng, 0.12), gloss=0.3)
    leg = _wire(np.linspace((0.005, 0, 0.205), (0.088, 0, 0.0035), 20), 0.0032, metal)
    parts = [s for k in range(3) for s in transformed(leg, yaw=2.094 * k)]
    brace = _wire(np.linspace((0, 0, 0.075), (0.058, 0, 0.075), 8), WIRE, metal)
    parts += [s for k in range(3) for s in transformed(brace, yaw=2.094 * k)]
    return [*parts, *transformed(lathe(round_profile(0.021, 0.0), knob), (0, 0, 0.215))]


def wire_globe(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Rings at all angles around a bead, on a stem."""
    brass = material(tx.worn(tx.flat(32, 128, (0.80, 0.62, 0.28)), rng, 0.2), gloss=0.5)
    bead = material(tx.worn(tx.flat(32, 64, color), rng, 0.15), gloss=0.4)
    parts = []
    for k in range(5):
        parts += transformed(_ring(0.074, WIRE, brass), (0, 0, 0.128), yaw=0.7 * k, pitch=0.2 + 0.33 * k)
    parts += transformed(lathe(round_profile(0.018, 0.0), bead), (0, 0, 0.128))
    parts += _wire(np.linspace((0, 0, 0.004), (0, 0, 0.128), 16), WIRE, brass)
    return [*parts, *lathe([(0, 0), (0.042, 0), (0.040, 0.008), (0.004, 0.016)], brass)]


def pinwheel(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Paper windmill on a stick in a wooden cube."""
    timber = material(tx.wood(64, 64, (0.72, 0.54, 0.34), rng))
    paper = [material(tx.worn(tx.dots(48, 48, c, tx.CREAM, 5, 5), rng, 0.1)) for c in (color, tx.PALETTE["yellow"])]
    parts = []
    for k in range(6):
        sail = _leaf(np.array([0.004, 0, 0.0]), np.array([0.082, 0.014, 0.012]), 0.052, paper[k % 2])
        parts += transformed(sail, yaw=k * math.pi / 3)
    stick = _wire(np.linspace((0, 0.006, 0.03), (0, 0.006, 0.18), 16), 0.003, timber)
    return [*box((0.055, 0.055, 0.04), timber), *stick, *transformed(parts, (0, -0.004, 0.176), pitch=math.pi / 2)]


def whisk(color: Rgb, rng: np.random.Generator) -> list[Surface]:
    """Kitchen whisk that stands on its handle: loops of wire."""
    grip = material(tx.worn(tx.flat(64, 96, color), rng, 0.15), gloss=0.2)
    steel = material(tx.worn(tx.flat(16, 64, (0.66, 0.66, 0.68)), rng, 0.2), gloss=0.5)
    handle = lathe([(0, 0), (0.024, 0), (0.024, 0.006), (0.011, 0.012), (0.010, 0.10), (0.006, 0.11), (0, 0.11)], grip)
    loop = _wire(arc_points((0, 0, 0.172), (0.036, 0.066), -95, 275, 40), 0.0014, steel)
    return [*handle, *(s for k in range(5) for s in transformed(loop, yaw=math.pi * k / 5))]
