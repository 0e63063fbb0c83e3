"""What each kind of demo scene puts on the table, and how its cameras stand."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.tools.demo_scene import clear_objects as clear
from csgaussian_ns.tools.demo_scene import edged_objects as edged
from csgaussian_ns.tools.demo_scene import thin_objects as thin
from csgaussian_ns.tools.demo_scene import turned_objects as turned
from csgaussian_ns.tools.demo_scene.layout import (
    CATALOGUE,
    MAX_OBJECTS,
    PLAIN,
    CatalogueEntry,
    Item,
    Mixture,
    placed,
    top_of,
)
from csgaussian_ns.tools.demo_scene.options import MOST_OBJECTS, KindName
from csgaussian_ns.tools.demo_scene.rings import STANDARD, Standing
from csgaussian_ns.tools.demo_scene.textures import PALETTE

Units = list[list[Item]]
MAIN_SHARE = 0.65
"""Of the objects of a kind that are what it is called after; the rest stands among them as in a plain scene."""
SMALLER = 0.72
"""Size of things in clutter."""

GLASS = (
    CatalogueEntry("tumbler", clear.tumbler),
    CatalogueEntry("glass bowl", clear.glass_bowl),
    CatalogueEntry("mirror", clear.mirror),
    CatalogueEntry("{} glass bottle", clear.glass_bottle),
    CatalogueEntry("preserving jar", clear.jar),
    CatalogueEntry("wine glass", clear.wine_glass),
    CatalogueEntry("crystal ball", clear.crystal_ball),
    CatalogueEntry("rack of vials", clear.vial_rack),
)
THIN = (
    CatalogueEntry("{} fan", thin.fan),
    CatalogueEntry("fern", thin.fern),
    CatalogueEntry("{} wire basket", thin.wire_basket),
    CatalogueEntry("rubber plant", thin.rubber_plant),
    CatalogueEntry("tripod", thin.tripod),
    CatalogueEntry("wire globe", thin.wire_globe),
    CatalogueEntry("{} pinwheel", thin.pinwheel),
    CatalogueEntry("{} whisk", thin.whisk),
)
SMALL = (
    *(kind for kind in CATALOGUE if kind.carry),
    CatalogueEntry("{} capsule", edged.capsule),
    CatalogueEntry("{} party hat", edged.party_hat),
    CatalogueEntry("{} brick", edged.brick),
    CatalogueEntry("wooden pawn", turned.wooden_pawn),
    CatalogueEntry("beach ball", turned.beach_ball),
    CatalogueEntry("{} tea carton", edged.tea_carton),
)


@dataclass(frozen=True)
class Kind:
    """One kind of scene: its objects, how many unless somebody says, and the cameras around it."""

    mixture: Mixture
    objects: int
    cameras: Standing = STANDARD


def numbered(units: Units) -> Units:
    """The same units; objects of one name are told apart by a number."""
    count = Counter(item.name for unit in units for item in unit)
    seen: Counter[str] = Counter()

    def named(item: Item) -> Item:
        if count[item.name] == 1:
            return item
        seen[item.name] += 1
        return replace(item, name=f"{item.name} {seen[item.name]}")

    return [[named(item) for item in unit] for unit in units]


def _colours(rng: np.random.Generator) -> Callable[[CatalogueEntry], Item]:
    """Builds things, each in the next colour of a shuffled palette."""
    colours = [list(PALETTE)[i] for i in rng.permutation(len(PALETTE))]

    def build(kind: CatalogueEntry) -> Item:
        colour = colours[0]
        colours.append(colours.pop(0))
        return Item(kind.name.format(colour), kind.make(PALETTE[colour], rng))

    return build


def _among_others(main: Sequence[CatalogueEntry]) -> Callable[[int, np.random.Generator], Units]:
    """Mostly things of ``main``, the rest from the catalogue of plain scenes; an apple lies in a glass bowl."""

    def units(count: int, rng: np.random.Generator) -> Units:
        build, own = _colours(rng), min(len(main), round(MAIN_SHARE * count))
        chosen = [main[i] for i in rng.permutation(len(main))[:own]]
        others = [kind for kind in CATALOGUE if "bowl" not in kind.name and kind.name != "apple"]
        result = [[build(kind)] for kind in chosen]
        bowl = next((unit for unit in result if unit[0].name == "glass bowl"), None)
        left = count - own
        if bowl is not None and left:
            bowl += placed([build(next(kind for kind in CATALOGUE if kind.name == "apple"))], (0.0, 0.0, 0.0105))
            left -= 1
        result += [[build(others[i])] for i in rng.permutation(len(others))[:left]]
        return numbered(result)

    return units


def _stack(items: Sequence[Item], rng: np.random.Generator, turn: float, shift: float) -> list[Item]:
    """One on the other, each turned and shifted a little."""
    result, height = [], 0.0
    for item in items:
        where = (rng.uniform(-shift, shift), rng.uniform(-shift, shift), height)
        result += placed([item], where, rng.uniform(-turn, turn))
        height = top_of(result[-1].surfaces)
    return result


def _pile(count: int, rng: np.random.Generator) -> Units:
    """Stacks and rows of the same few things, all of one colour."""
    name = list(PALETTE)[rng.integers(len(PALETTE))]

    def copies(title: str, make: Callable[..., list], number: int) -> list[Item]:
        return [Item(title.format(name), make(PALETTE[name], rng)) for _ in range(number)]

    def bricks() -> list[Item]:
        low, other, top = copies("{} brick", edged.brick, 3)
        base = [*placed([low], (0, -0.0315, 0)), *placed([other], (0, 0.0315, 0))]
        return [*base, *placed([top], (0.004, 0.0, top_of(low.surfaces)), rng.uniform(1.2, 1.9))]

    groups: list[Callable[[], list[Item]]] = [
        lambda: _stack(copies("{} book", edged.book, 3), rng, 0.3, 0.008),
        bricks,
        lambda: _stack(copies("donut", turned.donut, 2), rng, 3.0, 0.002),
        lambda: copies("{} mug", turned.mug, 1),
        lambda: copies("{} mug", turned.mug, 1),
        lambda: copies("{} capsule", edged.capsule, 1),
        lambda: copies("{} tea carton", edged.tea_carton, 1),
        lambda: copies("{} tea carton", edged.tea_carton, 1),
        lambda: copies("{} capsule", edged.capsule, 1),
        lambda: _stack(copies("{} letter block", edged.letter_block, 2), rng, 0.4, 0.005),
    ]
    result: Units = []
    while sum(map(len, result)) < count:
        result.append(groups[len(result) % len(groups)]()[: count - sum(map(len, result))])
    return numbered(result)


def _clutter(count: int, rng: np.random.Generator) -> Units:
    """Small things of all kinds, several of each, some on books."""
    build, result = _colours(rng), []
    books = count // 6
    for _ in range(books):
        result.append([build(CatalogueEntry("{} book", edged.book))])
    order = [SMALL[i % len(SMALL)] for i in rng.permutation(max(count - books, len(SMALL)))]
    for number, kind in enumerate(order[: count - books]):
        item = build(kind)
        if number < books and kind.carry:
            top = top_of(result[number][0].surfaces)
            result[number] += placed([item], (rng.uniform(-0.02, 0.02), 0.0, top), rng.uniform(0, 6.28))
        else:
            result.append([item])
    return numbered([[_shrunk(item) for item in unit] for unit in result])


def _shrunk(item: Item) -> Item:
    smaller = [replace(part, vertices=part.vertices * np.float32(SMALLER)) for part in item.surfaces]
    return replace(item, surfaces=smaller)


KINDS: dict[KindName, Kind] = {
    "plain": Kind(PLAIN, 10),
    "glass": Kind(Mixture(_among_others(GLASS), MAX_OBJECTS), 10),
    "thin": Kind(Mixture(_among_others(THIN), MAX_OBJECTS, every=3), 10),
    "pile": Kind(Mixture(_pile, MAX_OBJECTS, close=True), 10),
    "clutter": Kind(Mixture(_clutter, MOST_OBJECTS["clutter"], every=4), 24, Standing(0.72, (0.30, 0.24, 0.03))),
}
"""By name."""
