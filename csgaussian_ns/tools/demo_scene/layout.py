"""Chooses the objects and puts them on the table so that they touch and hide each other but never intersect.

The table top is the plane z = 0 and its centre the origin. Objects arrive in units (a stack of books with something
on it, a filled bowl, one object); each unit slides in from outside towards the centre until it is as close to what
already stands there as it may come. That keeps every layout compact without a packing search.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.tools.demo_scene import edged_objects as edged
from csgaussian_ns.tools.demo_scene import turned_objects as turned
from csgaussian_ns.tools.demo_scene.geometry import Surface, transformed
from csgaussian_ns.tools.demo_scene.textures import PALETTE, Number, Rgb

TOUCHING = 0.004
"""Vertex distance at which two objects count as touching: below the tessellation length, so no gap shows."""
TRIES = 8
TABLE = (1.06, 0.86)
"""Size of the table top along x and y."""


@dataclass(frozen=True)
class CatalogueEntry:
    """One entry of the catalogue.

    Attributes:
        name: What it is called; ``{}`` stands for the colour of those that come in colours.
        make: Builds the surfaces from a colour and a random generator.
        carry: Small and light enough to stand on the books.
    """

    name: str
    make: Callable[[Rgb, np.random.Generator], list[Surface]]
    carry: bool = False


@dataclass(frozen=True)
class Item:
    """One object in its place; its id is its index in the scene's list plus one."""

    name: str
    surfaces: list[Surface]


BOOK = CatalogueEntry("{} book", edged.book)
CATALOGUE = (
    CatalogueEntry("{} mug", turned.mug, carry=True),
    CatalogueEntry("{} teapot", turned.teapot),
    CatalogueEntry("globe", turned.globe),
    CatalogueEntry("{} vase", turned.vase),
    CatalogueEntry("{} bowl", turned.bowl),
    CatalogueEntry("apple", turned.apple, carry=True),
    CatalogueEntry("{} gift box", edged.gift_box),
    CatalogueEntry("traffic cone", edged.traffic_cone),
    CatalogueEntry("{} tin can", turned.tin_can, carry=True),
    CatalogueEntry("beach ball", turned.beach_ball),
    CatalogueEntry("puzzle cube", edged.puzzle_cube, carry=True),
    CatalogueEntry("donut", turned.donut, carry=True),
    CatalogueEntry("wooden pawn", turned.wooden_pawn),
    CatalogueEntry("cactus", turned.cactus, carry=True),
    CatalogueEntry("{} bottle", turned.bottle),
    CatalogueEntry("{} tea carton", edged.tea_carton),
    CatalogueEntry("stone pyramid", edged.pyramid),
    CatalogueEntry("{} capsule", edged.capsule),
    CatalogueEntry("{} letter block", edged.letter_block, carry=True),
    CatalogueEntry("{} party hat", edged.party_hat),
)
MIN_OBJECTS = 4
MAX_OBJECTS = len(CATALOGUE) - 4
"""More do not fit on the table in every layout."""


def top_of(surfaces: Sequence[Surface]) -> float:
    """Largest z."""
    return max(float(s.vertices[:, 2].max()) for s in surfaces)


def points_of(surfaces: Sequence[Surface]) -> Float[np.ndarray, "V 3"]:
    """All vertices as float64."""
    return np.concatenate([s.vertices for s in surfaces]).astype(np.float64)


def placed(items: Sequence[Item], offset: Sequence[Number] | Float[np.ndarray, "3"], yaw: float = 0.0) -> list[Item]:
    """The same things turned about z, then shifted."""
    return [Item(item.name, transformed(item.surfaces, offset, yaw)) for item in items]


def _choose(count: int, rng: np.random.Generator) -> list[CatalogueEntry]:
    """Pick distinct kinds: one that the books can carry first, then the bowl and apple if they are among the rest."""
    carried = [kind for kind in CATALOGUE if kind.carry and kind.name != "apple"]
    first = carried[rng.integers(len(carried))]
    rest = [kind for kind in CATALOGUE if kind is not first]
    return [first, *(rest[i] for i in rng.permutation(len(rest))[: count - 3])]


def _units(count: int, rng: np.random.Generator) -> list[list[Item]]:
    """Build the objects and group what stands on or in one another; each unit stands on z = 0 around the origin."""
    colors = [list(PALETTE)[i] for i in rng.permutation(len(PALETTE))]
    taken = 0

    def build(kind: CatalogueEntry) -> Item:
        nonlocal taken
        color = colors[taken % len(colors)]
        taken += "{}" in kind.name
        return Item(kind.name.format(color), kind.make(PALETTE[color], rng))

    kinds = _choose(count, rng)
    lower, upper = build(BOOK), build(BOOK)
    height = top_of(lower.surfaces)
    upper = placed([upper], (0.006, -0.004, height), rng.uniform(0.15, 0.5))[0]
    spot = (rng.uniform(-0.03, 0.03), rng.uniform(-0.015, 0.015), top_of(upper.surfaces))
    units = [[lower, upper, *placed([build(kinds[0])], spot, rng.uniform(0, 6.28))]]
    built = {kind.name: build(kind) for kind in kinds[1:]}
    if "{} bowl" in built and "apple" in built:
        # The hollow of the bowl is a sphere cap whose lowest point is 13 mm above the table.
        units.append([built.pop("{} bowl"), *placed([built.pop("apple")], (0.0, 0.0, 0.0145))])
    units.extend([item] for item in built.values())
    return units


def _slide_in(points: Float[np.ndarray, "V 3"], standing: KDTree, heading: float, gap: float) -> Float[np.ndarray, "3"]:
    """Offset that brings ``points`` from outside along ``heading`` to ``gap`` from what is placed, or to the centre.

    Moving by the current distance never jumps over an obstacle, so the result is the first contact.
    """
    direction = np.array([math.cos(heading), math.sin(heading), 0.0])
    reach = 1.2
    # Lower bounds of the distances: a step of s makes none of them smaller by more than s, so few need a new query.
    bound = np.zeros(len(points))
    while reach > 0.0:
        nearest = points[bound.argmin()] + direction * reach
        near = bound <= standing.query(nearest)[0]
        bound[near] = standing.query(points[near] + direction * reach)[0]
        step = float(bound.min()) - gap
        if step < 5e-4:
            break
        reach -= step
        bound -= step
    return direction * max(reach, 0.0)


def _room_left(points: Float[np.ndarray, "V 3"]) -> float:
    """Distance to the nearest table edge, negative if something sticks out."""
    spare = np.asarray(TABLE) / 2 - np.abs(points[:, :2])
    return float(spare.min())


@dataclass(frozen=True)
class Mixture:
    """What stands on the table.

    Attributes:
        units: Builds so many objects, grouped by what stands on or in one another; each unit stands on z = 0 around
            the origin.
        most: Objects that fit.
        close: Every unit touches its neighbour; else every other one does.
        every: One vertex in so many is looked at where things are pushed together.
    """

    units: Callable[[int, np.random.Generator], list[list[Item]]]
    most: int
    close: bool = False
    every: int = 1


PLAIN = Mixture(_units, MAX_OBJECTS)


def arrange(count: int, rng: np.random.Generator, mixture: Mixture = PLAIN) -> list[Item]:
    """Choose and place ``count`` objects.

    Args:
        count: Number of objects, ``MIN_OBJECTS`` to the most of the mixture.
        rng: Decides kinds, colours and places.
        mixture: What there is to choose from.

    Returns:
        The objects on the table; list order is id order.

    Raises:
        ConfigError: ``count`` is out of range, or no layout of that many objects fitted on the table.
    """
    if not MIN_OBJECTS <= count <= mixture.most:
        raise ConfigError(f"objects must be {MIN_OBJECTS} to {mixture.most}, got {count}")
    for _ in range(TRIES):
        items = _attempt(count, rng, mixture)
        if min(_room_left(points_of(item.surfaces)) for item in items) > 0.02:
            return items
    raise ConfigError(f"{count} objects did not fit on the table in {TRIES} tries; ask for fewer or another seed")


def _attempt(count: int, rng: np.random.Generator, mixture: Mixture) -> list[Item]:
    """One layout, which may stick out over the table's edge."""
    units = mixture.units(count, rng)
    # Tall things in the middle, low ones in front: from a ring of cameras everything is seen somewhere.
    units.sort(key=lambda unit: -max(top_of(item.surfaces) for item in unit) - rng.uniform(0, 0.05))
    standing: list[Item] = []
    cloud = np.zeros((0, 3))
    start = rng.uniform(0, 2 * math.pi)
    for index, unit in enumerate(units):
        unit = placed(unit, (0, 0, 0), rng.uniform(0, 2 * math.pi))
        points = np.concatenate([points_of(item.surfaces)[:: mixture.every] for item in unit])
        if index == 0:
            offset = np.array([rng.uniform(-0.06, 0.06), rng.uniform(-0.06, 0.06), 0.0])
        else:
            # Every other unit touches its neighbour; the rest leave a hand's breadth at most.
            gap = TOUCHING if index % 2 or mixture.close else float(rng.uniform(0.015, 0.05))
            tree = KDTree(cloud)
            headings = start + 2.4 * index + np.linspace(-0.5, 0.5, 5)
            offsets = [_slide_in(points, tree, heading, gap) for heading in headings]
            offset = max(offsets, key=lambda shift: min(_room_left(points + shift), 0.05) - 0.2 * np.linalg.norm(shift))
        standing += placed(unit, offset)
        cloud = np.concatenate([cloud, points + offset])
    middle = (cloud[:, :2].min(axis=0) + cloud[:, :2].max(axis=0)) / 2
    return placed(standing, (-middle[0], -middle[1], 0.0))
