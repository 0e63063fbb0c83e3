"""A scene drawn in another appearance: the one place where things are hidden, moved, recoloured and lit up."""

import colorsys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from csgaussian_ns.core.arrays import constants, like, namespace, single, to_numpy, without_gradients
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.types import Anchors, Camera, Gaussians
from csgaussian_ns.scene.scene import Scene, Seen, joined
from csgaussian_ns.semantic.appearance import (
    Appearance,
    Colour,
    Hide,
    Highlight,
    Isolate,
    Move,
    Recolour,
    Target,
)
from csgaussian_ns.semantic.grow import resized
from csgaussian_ns.semantic.pca import principal_colours
from csgaussian_ns.semantic.query import QueryableScene, by_id, select, semantics_of

LIGHT: Colour = (1.0, 0.55, 0.05)
LIGHT_SHARE = 0.5
"""Of the colour of what is lit up. Orange is rare in rooms, and colour-blind people tell it by its brightness."""
DIMMED = 0.45
"""Brightness that is left of the rest: what is lit up shows even where it is orange by itself."""
GOLDEN = 0.618034
"""Hues this far apart on the colour wheel stay distinct, however many there are."""
LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue (ITU-R BT.601)."""


@dataclass(frozen=True)
class Look:
    """What an appearance means for the rows of one scene.

    Attributes:
        hidden: Are not drawn, and are out of the way of clicks.
        lit: Shine in ``LIGHT``, and dim the others.
        tinted: Have the colour that ``tint`` gives, RGB in [0, 1].
        shift: How far each is moved.
        paint: A colour for each instead of its own; ``None`` leaves them.
    """

    hidden: Bool[Any, " A"]
    lit: Bool[Any, " A"]
    tinted: Bool[Any, " A"]
    tint: Float[Any, "A 3"]
    shift: Float[Any, "A 3"]
    paint: Float[Any, "A 3"] | None = None

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


def look_of(scene: QueryableScene, appearance: Appearance) -> Look:
    """The rows of ``scene`` that its operations are about.

    Raises:
        QueryError: There is no such object, or the scene has none.
    """
    position = scene.anchors.position
    none = position[:, 0] != position[:, 0]
    look = Look(none, none, none, 0 * position, 0 * position, _paint(scene, appearance.layer))
    for step in appearance.operations:
        rows = rows_of(scene, step.target)
        where = namespace(rows).where
        if isinstance(step, Hide):
            look = replace(look, hidden=look.hidden | rows)
        elif isinstance(step, Isolate):
            look = replace(look, hidden=~rows)
        elif isinstance(step, Highlight):
            look = replace(look, lit=rows)
        elif isinstance(step, Move):
            look = replace(look, shift=look.shift + rows[:, None] * constants(step.shift, position))
        else:
            assert isinstance(step, Recolour)
            tint = where(rows[:, None], constants(step.colour, look.tint), look.tint)
            look = replace(look, tinted=look.tinted | rows, tint=tint)
    return look


def rows_of(scene: QueryableScene, target: Target) -> Bool[Any, " A"]:
    """The anchors of a target.

    Raises:
        QueryError: There is no such object, or the scene has none.
    """
    exactly = select(scene, [by_id(scene, number).objects[0] for number in target.ids]).anchors
    return resized(scene.anchors, semantics_of(scene), exactly, target.percent)


@dataclass(frozen=True)
class Shown:
    """A ``Scene`` in another look; one that can be asked about objects where ``scene`` can."""

    scene: Scene
    look: Look

    @property
    def position(self) -> Float[Any, "R 3"]:
        """With everything where it was moved to."""
        return self.scene.position + self.look.shift

    @property
    def background(self) -> Float[Any, "3"] | None:
        """Of the scene."""
        return self.scene.background

    @property
    def anchors(self) -> Anchors:
        """As the scene has them; hidden ones too."""
        return getattr(self.scene, "anchors")  # noqa: B009  # of a queryable scene

    @property
    def semantics(self) -> SemanticLayer | None:
        """As the scene has it."""
        return getattr(self.scene, "semantics", None)

    def seen(self, camera: Camera, only: Bool[Any, " R"] | None = None) -> Seen:
        """What ``camera`` sees then; see ``Scene``."""
        look, position = self.look, self.scene.position
        with without_gradients(position):
            kept = ~look.hidden if only is None else ~look.hidden & only
            away = (look.shift != 0).any(axis=1)
            parts = [self.scene.seen(camera, kept & ~away)]
            parts += [self._moved(camera, shift, kept) for shift in _different(look.shift[away & kept])]
            seen = parts[0] if len(parts) == 1 else joined(parts)
            return replace(seen, gaussians=look.coloured(seen.gaussians, seen.row))

    def _moved(self, camera: Camera, shift: tuple[float, float, float], kept: Bool[Any, " R"]) -> Seen:
        """Rows that are moved, as they are seen from a camera that is moved back; so light goes with them."""
        rows = kept & (self.look.shift == constants(shift, self.look.shift)).all(axis=1)
        back = np.eye(4)
        back[:3, 3] = shift
        view = to_numpy(camera.world_to_camera).astype(np.float64) @ back
        seen = self.scene.seen(replace(camera, world_to_camera=like(view, camera.world_to_camera)), rows)
        means = seen.gaussians.means + constants(shift, seen.gaussians.means)
        return Seen(camera, replace(seen.gaussians, means=means), seen.row)


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


def palette(label: Int[Any, " A"]) -> Float[Any, "A 3"]:
    """A colour for each object; dark grey for what belongs to none."""
    count = int(label.max()) if len(label) else 0
    colours = [(0.2, 0.2, 0.2)]
    colours += [colorsys.hsv_to_rgb(k * GOLDEN % 1, 0.75, 0.95 - 0.2 * (k % 2)) for k in range(count)]
    return constants(colours, single(label))[label]


def _paint(scene: QueryableScene, layer: str) -> Float[Any, "A 3"] | None:
    paints: dict[str, Callable[[SemanticLayer], Any]] = {
        "objects": lambda semantics: palette(semantics.label),
        "semantic": lambda semantics: principal_colours(semantics.feature),
    }
    return paints[layer](semantics_of(scene)) if layer in paints else None


def _different(rows: Float[Any, "R 3"]) -> list[tuple[float, float, float]]:
    """Each row once."""
    return [(float(x), float(y), float(z)) for x, y, z in np.unique(to_numpy(rows), axis=0)]
