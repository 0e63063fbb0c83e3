"""A scene drawn in another appearance: the one place where things are hidden, moved, recoloured and lit up."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from csgaussian_ns.core.arrays import constants, is_one_of, like, namespace, single, to_numpy, without_gradients
from csgaussian_ns.core.edits import Colour, Crop, Keep, Recolour, Remove, Rotate, Scale, Target
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Float64, Int
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.scene.scene import Scene, Seen, joined
from csgaussian_ns.semantic.appearance import Appearance, Hide, Highlight, Isolate, Operation
from csgaussian_ns.semantic.edited_objects import motion_of, settled
from csgaussian_ns.semantic.grow import resized
from csgaussian_ns.semantic.names import all_numbered
from csgaussian_ns.semantic.pca import principal_colours
from csgaussian_ns.semantic.query import DescribedScene, LookableScene, PlacedScene, semantics_of

LIGHT: Colour = (1.0, 0.55, 0.05)
LIGHT_SHARE = 0.5
"""Of the colour of what is lit up. Orange is rare in rooms, and colour-blind people tell it by its brightness."""
DIMMED = 0.45
"""Brightness that is left of the rest: what is lit up shows even where it is orange by itself."""
GOLDEN = 0.618034
"""Hues this far apart on the colour wheel stay distinct, however many there are."""
NO_FEATURES = "no features of these rows are known, as of imported or merged scenes"
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True)
class Look:
    """What an appearance means for the rows of one scene.

    Attributes:
        hidden: Are not drawn, and are out of the way of clicks.
        lit: Shine in ``LIGHT``, and dim the others.
        tinted: Have the colour that ``tint`` gives, RGB in [0, 1].
        group: Which of ``motions`` each follows.
        motions: Where rows go; the first one leaves them where they are.
        paint: A colour for each instead of its own; ``None`` leaves them.
    """

    hidden: Bool[Any, " A"]
    lit: Bool[Any, " A"]
    tinted: Bool[Any, " A"]
    tint: Float[Any, "A 3"]
    group: Int[Any, " A"]
    motions: tuple[Similarity, ...] = (Similarity(),)
    paint: Float[Any, "A 3"] | None = None

    def placed(self, position: Float[Any, "A 3"]) -> Float[Any, "A 3"]:
        """Where rows are then."""
        result = position
        for number, motion in enumerate(self.motions[1:], 1):
            rows = self.group == number
            if bool(rows.any()):
                result = namespace(position).where(rows[:, None], motion.at(position), result)
        return result

    def moved(self, rows: Bool[Any, " A"], motion: Similarity) -> "Look":
        """With some rows moved on from where they are."""
        group, chosen, motions = to_numpy(self.group), to_numpy(rows), list(self.motions)
        staying, now = np.bincount(group[~chosen], minlength=len(motions)), np.arange(len(motions))
        for number in np.unique(group[chosen]).tolist():
            moved = motions[number].then(motion)
            if number and not staying[number]:
                motions[number] = moved
            else:
                now[number] = len(motions)
                motions.append(moved)
        return replace(self, group=like(np.where(chosen, now[group], group), self.group), motions=tuple(motions))

    def coloured(self, gaussians: Gaussians, row: Int[Any, " N"]) -> Gaussians:
        """The Gaussians of one view in their new colours.

        Args:
            gaussians: As spawned; channels after RGB stay as they are.
            row: Which row each belongs to.
        """
        library = namespace(gaussians.colors)
        rgb, rest = gaussians.colors[:, :3], gaussians.colors[:, 3:]
        if self.paint is not None:
            rgb = self.paint[row]
        for colour in _different(self.tint[self.tinted]):
            rows = self.tinted & (self.tint == constants(colour, self.tint)).all(axis=1)
            rgb = recoloured(rgb, rows[row], colour)
        if bool(self.lit.any()):
            light = rgb + LIGHT_SHARE * (constants(LIGHT, rgb) - rgb)
            rgb = library.where(self.lit[row][:, None], light, DIMMED * rgb)
        return replace(gaussians, colors=library.concatenate([rgb, rest], axis=1))


def look_of(scene: PlacedScene, appearance: Appearance) -> Look:
    """The rows of ``scene`` that its operations are about.

    Args:
        scene: With objects where an operation or the layer asks for them, and features where a border moves.
        appearance: What shall be seen.

    Raises:
        QueryError: There is no such object, or the scene has none.
    """
    position, operations = scene.position, appearance.operations
    none = position[:, 0] != position[:, 0]
    look = Look(none, none, none, 0 * position, none * 0, paint=_paint(scene, appearance.layer))
    if any(isinstance(step, Rotate | Scale) and step.about is None for step in operations):
        operations = settled(operations, semantics_of(scene).objects)
    for step in operations:
        if isinstance(step, Crop):
            look = replace(look, hidden=look.hidden | ~_inside(step, position))
            continue
        rows, motion = rows_of(scene, step.target), motion_of(step)
        look = _then(look, step, rows) if motion is None else look.moved(rows, motion)
        if motion is not None:
            position = namespace(position).where(rows[:, None], motion.at(position), position)
    return look


def _then(look: Look, step: Operation, rows: Bool[Any, " A"]) -> Look:
    if isinstance(step, Hide | Remove):
        return replace(look, hidden=look.hidden | rows)
    if isinstance(step, Keep):
        return replace(look, hidden=look.hidden | ~rows)
    if isinstance(step, Isolate):
        return replace(look, hidden=~rows)
    if isinstance(step, Highlight):
        return replace(look, lit=rows)
    if isinstance(step, Recolour):
        tint = namespace(rows).where(rows[:, None], constants(step.colour, look.tint), look.tint)
        return replace(look, tinted=look.tinted | rows, tint=tint)
    return look  # another name looks the same


def _inside(box: Crop, position: Float[Any, "A 3"]) -> Bool[Any, " A"]:
    lowest, highest = constants(box.lowest, position), constants(box.highest, position)
    return ((position >= lowest) & (position <= highest)).all(axis=1)


def rows_of(scene: PlacedScene, target: Target) -> Bool[Any, " A"]:
    """The rows of a target.

    Raises:
        QueryError: There is no such object, or the scene has none; a border shall move, and no features are known.
    """
    layer = semantics_of(scene)
    exactly = is_one_of(layer.label, [thing.id for thing in all_numbered(layer.objects, target.ids)])
    if not target.percent:
        return exactly
    if not _has_features(layer):
        raise QueryError(
            f"the border of object {', '.join(map(str, target.ids))} cannot move by {target.percent:g} per cent: "
            f"{NO_FEATURES}; take whole objects"
        )
    return resized(scene.unmoved, scene.slots.any(axis=1), layer, exactly, target.percent)


@dataclass(frozen=True)
class Shown:
    """A ``Scene`` in another look."""

    scene: Scene
    look: Look

    @property
    def position(self) -> Float[Any, "R 3"]:
        """With everything where it was moved to."""
        return self.look.placed(self.scene.position)

    @property
    def background(self) -> Float[Any, "3"] | None:
        """Of the scene."""
        return self.scene.background

    @property
    def hidden(self) -> Bool[Any, " R"]:
        """Those of the scene, and what the look hides."""
        return self.look.hidden | self.scene.hidden

    @property
    def plain(self) -> None:
        """What is moved or lit is drawn so, not made so."""

    def seen(self, camera: Camera, only: Bool[Any, " R"] | None = None) -> Seen:
        """What ``camera`` sees then; see ``Scene``."""
        look, position = self.look, self.scene.position
        with without_gradients(position):
            kept = ~look.hidden if only is None else ~look.hidden & only
            parts = [self.scene.seen(camera, kept & (look.group == 0))]
            for number, motion in enumerate(look.motions[1:], 1):
                rows = kept & (look.group == number)
                if bool(rows.any()):
                    # Seen from a camera that is moved back, so that light goes with it.
                    part = self.scene.seen(motion.seen_from(camera), rows)
                    parts.append(replace(part, camera=camera, gaussians=motion.of_gaussians(part.gaussians)))
            seen = joined(parts)
            return replace(seen, gaussians=look.coloured(seen.gaussians, seen.row))


@dataclass(frozen=True)
class ShownObjects(Shown):
    """A scene with objects in another look, in which one looks for them."""

    scene: LookableScene

    @property
    def unmoved(self) -> Float[Any, "R 3"]:
        """As the scene has them."""
        return self.scene.unmoved

    @property
    def slots(self) -> Bool[Any, "R K"]:
        """As the scene has them; of hidden rows too."""
        return self.scene.slots

    @property
    def semantics(self) -> SemanticLayer | None:
        """As the scene has it."""
        return self.scene.semantics


def recoloured(
    rgb: Float[Any, "N 3"], chosen: Bool[Any, " N"], colour: Colour, strength: float = 0.7
) -> Float[Any, "N 3"]:
    """Colours with ``colour`` where ``chosen``, shaded as they were.

    Args:
        rgb: Of Gaussians as one view sees them.
        chosen: Which to change.
        colour: RGB in [0, 1].
        strength: 0 changes nothing, 1 leaves nothing of the old hue.
    """
    target = constants(colour, rgb)
    brightness = max(float(np.dot(colour, LUMINANCE)), 0.2)
    shade = (rgb @ constants(LUMINANCE, rgb) / brightness)[:, None]
    mixed = (1 - strength) * rgb + strength * (target * shade).clip(0, 1)
    return namespace(rgb).where(chosen[:, None], mixed, rgb)


def recolouring(colour: Float[np.ndarray, "3"], strength: float = 0.7) -> Float64[np.ndarray, "3 3"]:
    """What ``recoloured`` does to an RGB column, without its bounds."""
    target, luminance = np.asarray(colour, np.float64), np.array(LUMINANCE)
    return (1 - strength) * np.eye(3) + strength * np.outer(target, luminance) / max(float(target @ luminance), 0.2)


def palette(label: Int[Any, " A"]) -> Float[Any, "A 3"]:
    """A colour for each object; dark grey for what belongs to none."""
    count = int(label.max()) if len(label) else 0
    colours = [(0.2, 0.2, 0.2)]
    colours += [colorsys.hsv_to_rgb(k * GOLDEN % 1, 0.75, 0.95 - 0.2 * (k % 2)) for k in range(count)]
    return constants(colours, single(label))[label]


def _paint(scene: DescribedScene, layer: str) -> Float[Any, "A 3"] | None:
    paints: dict[str, Callable[[SemanticLayer], Any]] = {
        "objects": lambda semantics: palette(semantics.label),
        "semantic": _feature_colours,
    }
    return paints[layer](semantics_of(scene)) if layer in paints else None


def _has_features(semantics: SemanticLayer) -> bool:
    return semantics.feature.shape[1] > 0 and bool((semantics.feature != 0).any())


def _feature_colours(semantics: SemanticLayer) -> Float[Any, "A 3"]:
    if not _has_features(semantics):
        raise QueryError(f"{NO_FEATURES}; show the objects")
    return principal_colours(semantics.feature)


def _different(rows: Float[Any, "R 3"]) -> list[tuple[float, float, float]]:
    """Each row once."""
    return [(float(x), float(y), float(z)) for x, y, z in np.unique(to_numpy(rows), axis=0)]
