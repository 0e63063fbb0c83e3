"""A scene of a file, as ``csgaussian_ns.load`` gives it."""

from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.core.geometry import check_camera
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, UInt8
from csgaussian_ns.core.texts import counted
from csgaussian_ns.core.types import Anchors, Camera, Rendering
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.format.facts import FREE, changed_facts, parse_facts
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.rewrite import rewrite
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver.capture_views import capture_views
from csgaussian_ns.receiver.objects import Objects
from csgaussian_ns.receiver.opened import Coded
from csgaussian_ns.receiver.orbit import Meta, check_orbit, orbit
from csgaussian_ns.receiver.representations import representation
from csgaussian_ns.receiver.sources import check_output
from csgaussian_ns.render.draw import draw
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene, Seen
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.edited import Edited, edited
from csgaussian_ns.semantic.edited_objects import settled
from csgaussian_ns.semantic.query import LookableScene, pick
from csgaussian_ns.semantic.shown import ShownObjects, look_of


@dataclass(frozen=True, repr=False, eq=False)
class LoadedScene:
    """A scene that can be drawn from any camera, asked for its objects, and saved. Immutable; arrays are numpy's.

    Attributes:
        scene: What is drawn.
        meta: Where it lies, and other facts of the file.
        rows: What its rows are called: ``anchors`` or ``Gaussians``.
        content: The file; ``None`` where only parts of it came.
        coded: What was decoded, of a ``.csg`` file: as it was before any edit.
        edits: What was edited, in order. ``scene`` shows it.
        before: The scene before all edits, if there are any.
        limits: With which the file was read, and is read again when it is changed.
    """

    scene: Scene
    meta: Meta
    rows: str
    content: bytes | None
    coded: Coded | None = None
    edits: tuple[Edit, ...] = ()
    limits: DecodeLimits = DEFAULT_LIMITS
    before: "LoadedScene | None" = None

    def __repr__(self) -> str:
        objects = f", {len(self.objects)} objects" if self.semantics is not None else ""
        objects += f", {counted(len(self.edits), 'edit')}" if self.edits else ""
        objects += ", cut after the colours" if self.truncated else ""
        length = "parts of a file" if self.content is None else f"{len(self.content) / 1e6:.3f} MB"
        return f"<{type(self).__name__} of {len(self):,} {self.rows}{objects}, {length}>"

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.position)

    @property
    def data(self) -> bytes:
        """The file.

        Raises:
            ConfigError: Only parts of it came.
        """
        if self.content is None:
            raise ConfigError("only parts of the file were fetched; load all of it to save it or to change its facts")
        return self.content

    @property
    def position(self) -> Float[np.ndarray, "R 3"]:
        """Of each row, in the frame of the scene; of those that edits removed, too."""
        return self.scene.position

    @property
    def hidden(self) -> Bool[np.ndarray, " R"]:
        """Rows that edits removed."""
        return self.scene.hidden

    @property
    def plain(self) -> GaussianScene | None:
        """The Gaussians of a scene that is made of them and was not edited; ``None`` of others."""
        return self.scene.plain

    @property
    def unmoved(self) -> Float[np.ndarray, "R 3"]:
        """``position`` before all edits."""
        return self.position if self.before is None else self.before.position

    @property
    def background(self) -> Float[np.ndarray, "3"] | None:
        """RGB as in photos behind the scene; black where ``None``."""
        return self.scene.background

    @property
    def anchors(self) -> Anchors:
        """Attributes of the anchors as they were decoded, before any edit.

        Raises:
            ConfigError: The file holds Gaussians.
        """
        return self._anchors().anchors

    @property
    def slots(self) -> Bool[np.ndarray, "R K"]:
        """Which of its slots each row draws a Gaussian in; of a PLY file, its only one."""
        return np.ones((len(self), 1), np.bool_) if self.coded is None else self.coded.slots

    @property
    def grid(self) -> np.ndarray:
        """Voxel of each anchor ``[A, 3]``; errors as of ``anchors``."""
        return self._anchors().grid

    @property
    def semantics(self) -> SemanticLayer | None:
        """What is known of each anchor; ``None`` where the file says nothing."""
        known = self.scene if isinstance(self.scene, Edited) else self.coded
        return None if known is None else known.semantics

    @property
    def truncated(self) -> bool:
        """Whether the file was cut after its colours."""
        return self.coded is not None and self.coded.truncated

    @property
    def objects(self) -> Objects:
        """By number or name: ``scene.objects["red mug"]``. Empty where nothing is known."""
        return Objects(() if self.semantics is None else self.semantics.objects)

    def digest(self) -> str:
        """SHA-256 of what was decoded, the same on every device; a PLY file has none (``ConfigError``)."""
        return self._coded().digest()

    def seen(self, camera: Camera, only: Bool[np.ndarray, " R"] | None = None) -> Seen:
        """The Gaussians that ``camera`` sees; see ``scene.scene.Scene``."""
        return self.scene.seen(camera, only)

    def orbit(self, views: int = 8, width: int = 480, height: int = 270) -> dict[str, Camera]:
        """Cameras around what edits left of the scene, by name.

        Raises:
            ConfigError: No views or endlessly many, or images of no or of an endless size.
        """
        check_orbit(views, width, height)
        return orbit(self.position[~self.hidden], self.meta, views, width, height)

    def views(self, width: int | None = None) -> dict[str, Camera]:
        """Where photos were taken, by name, as the file tells of some; empty where it tells of none.

        Pictures are as large as the photos, or so wide; errors as of ``orbit``.
        """
        return capture_views(self.meta.extra, width)

    def cameras(self, transforms: str | Path) -> dict[str, Camera]:
        """The cameras of a capture in the frame of the scene, or those of a saved flight, by name.

        ``transforms`` is the folder of a capture as nerfstudio, Blender or COLMAP writes it, or its file of cameras;
        or a ``camera_path.json`` of nerfstudio's viewer. ``DataError``: it cannot be used.
        """
        from csgaussian_ns.receiver.given_cameras import cameras_in

        return cameras_in(Path(transforms), self.meta)

    def shown(self, appearance: Appearance) -> LookableScene:
        """The scene with objects hidden, moved, recoloured or lit up.

        Raises:
            QueryError: There is no such object, or the scene knows none.
        """
        if not appearance.operations and appearance.layer == "colour":
            return self
        if self.semantics is None:
            raise QueryError("the scene holds no objects, so none of them can be shown otherwise")
        return ShownObjects(self, look_of(self, appearance))

    def render(self, camera: Camera, appearance: Appearance | None = None) -> UInt8[np.ndarray, "H W 3"]:
        """A picture, in bytes as of a PNG file; see ``draw`` for more."""
        image = self.draw(camera, appearance).image
        return (image.clip(0, 1) * 255 + 0.5).astype(np.uint8)

    def draw(self, camera: Camera, appearance: Appearance | None = None, with_depth: bool = False) -> Rendering:
        """Colours over the background, coverage and, if asked for, depth, in single precision.

        Args:
            camera: From where; ``orbit``, ``views`` and ``cameras`` give some.
            appearance: Operations on objects; none by default.
            with_depth: Draw expected depth, too.

        Raises:
            ConfigError: The camera cannot be used.
            QueryError: ``appearance`` is about an object that is not there.
        """
        check_camera(camera)
        return draw(self.shown(appearance or Appearance()), camera, with_depth=with_depth)

    def select(self, camera: Camera, column: int, row: int, appearance: Appearance | None = None) -> SceneObject | None:
        """The object that one sees at a pixel of ``render``; ``None`` where that is none.

        Raises:
            ConfigError: The camera cannot be used, or the pixel is no pair of whole numbers.
            QueryError: The pixel is outside the image, or the scene holds no objects.
        """
        check_camera(camera)
        if not (isinstance(column, Integral) and isinstance(row, Integral)):
            raise ConfigError(f"pixel {column!r:.20}, {row!r:.20}: expected whole numbers, a column and a row")
        shown = self.shown(appearance or Appearance())
        found = pick(shown, camera, (column, row)).objects
        return found[0] if found else None

    @property
    def original(self) -> "LoadedScene":
        """The scene as it was before all edits.

        ``scene.original.edited(*scene.edits[:-1])`` undoes the last one.

        Raises:
            FormatError: The file is damaged.
        """
        return self if self.before is None else replace(self.before, content=with_edits(self._container(), ()))

    def edited(self, *edits: Edit) -> "LoadedScene":
        """The scene after these edits, which follow those that it has. Nothing is coded anew: ``save`` adds some bytes.

        Raises:
            QueryError: There is no such object, or no longer.
            ConfigError: None of our edits, or one that a file cannot hold; the scene is of a PLY file, or its file was
                cut.
        """
        self._coded()
        for edit in edits:
            if not isinstance(edit, Edit):
                raise ConfigError(f"expected edits, such as Remove(scene.objects['cup'].target), got {edit!r:.80}")
        return self.original._holding((*self.edits, *settled(edits, self.objects)))

    def _holding(self, edits: tuple[Edit, ...]) -> "LoadedScene":
        """An unedited scene with other edits in its file, as they make it."""
        return showing(replace(self, content=with_edits(self._container(), edits)), edits) if edits else self

    def save(self, path: str | Path) -> None:
        """Write the file, byte by byte as it was loaded but for what ``with_meta`` and ``edited`` changed.

        Raises:
            ConfigError: It cannot be written; only parts of the file came; a PLY file under a name of another format.
        """
        check_output(Path(path), self.data)
        replace_file(Path(path), self.data)

    def with_meta(self, **changes: Any) -> "LoadedScene":
        """The same scene with other facts, such as ``name`` or ``extra``; no other section changes.

        Raises:
            ConfigError: Facts that a file cannot hold, or that decoding depends on; the file is a PLY file.
        """
        plain, edits = self.original, self.edits
        coded = plain._coded()
        fixed = changes.keys() - set(FREE)
        if fixed:
            raise ConfigError(f"{', '.join(sorted(fixed))}: expected some of {', '.join(FREE)}; the rest is not free")
        container = plain._container()
        told = changed_facts(content_of(container, "META"), type(coded.meta), changes)
        anew: Any = replace(coded, meta=parse_facts(told, type(coded.meta)))  # type: ignore[type-var]
        scene, data = representation(container).opened(anew).scene, rewrite(container, {"META": told})
        changed = replace(plain, scene=scene, meta=anew.meta, content=data, coded=anew)
        return changed._holding(edits)

    def _container(self) -> Container:
        return read_container(self.data, self.limits)

    def _coded(self) -> Coded:
        if self.coded is None:
            raise ConfigError("a PLY file has no sections, edits or digest; csg import makes a .csg file of it")
        return self.coded

    def _anchors(self) -> CodedScene:
        coded = self._coded()
        if not isinstance(coded, CodedScene):
            raise ConfigError(f"this scene is of {self.rows}: it has no anchors")
        return coded


def showing(plain: LoadedScene, edits: tuple[Edit, ...]) -> LoadedScene:
    """An unedited scene as the edits that its file holds make it; errors as of ``semantic.edited.edited``."""
    return replace(plain, scene=edited(plain, edits), edits=edits, before=plain) if edits else plain
