"""``csg select``: an object of a ``.csg`` file, asked for by click, id, name or text, with pictures of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError, QueryError
from csgaussian_ns.core.files import write_json
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile, name_of, open_csg
from csgaussian_ns.tools.maybe import Maybe
from csgaussian_ns.tools.viewpoints import cameras_by

if TYPE_CHECKING:
    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.receiver.scene import LoadedScene
    from csgaussian_ns.semantic.query import Match, Selection


@dataclass(frozen=True)
class Select:
    """Select an object of a .csg file and write its masks, cut-outs and anchors.

    Ask in one way: --pixel in a --view, --id, --name, --text, or --vector.
    """

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for what is written."""
    view: str = "0"
    """View that --pixel is in: its name, or its number from 0."""
    pixel: Maybe[str] = None
    """Column and row of a pixel, such as 240,135."""
    id: Maybe[int] = None
    """Number of an object or a whole, as csg info lists them."""
    name: Maybe[str] = None
    """Name of an object, or how its name begins; upper and lower case are the same."""
    text: Maybe[str] = None
    """What to look for; needs --text-weights."""
    text_weights: Annotated[Maybe[Path], tyro.conf.arg(aliases=["--text-encoder"])] = None
    """Weights of the text encoder that the file names."""
    vector: Maybe[Path] = None
    """An encoded text as .npy file, instead of --text."""
    level: int = 0
    """How large: 0 is the object itself, 1 what it is a part of, 2 what that is a part of, and so on; -1 is the largest
    whole that it is in, -2 the next smaller one. csg info lists wholes."""
    top: int = 1
    """Number of objects to select by --text or --vector."""
    camera: Maybe[str] = None
    """'views', from where photos were taken, as the file may tell; 'orbit', the default where it does
    not; the folder of a capture (transforms.json, Blender's, COLMAP's); or the viewer's camera_path.json."""
    views: Maybe[int] = None
    """Number of views: 8 of an orbit and of those that the file tells of; all that a capture or a path has, or so many
    of them, evenly spread."""
    width: Maybe[int] = None
    """Image width in pixels: 480 of an orbit, else what the file says."""
    height: Maybe[int] = None
    """Image height in pixels: 270 of an orbit, else what the file says. With one of both, views of a file keep their
    shape."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Decode, select, write, and say what was selected."""
        from csgaussian_ns.receiver.load import load
        from csgaussian_ns.semantic.query import at_level, semantics_of
        from csgaussian_ns.tools.selection import write_selection

        self._check()
        with open_csg(self.file) as stream:
            scene = load(stream)
        semantics_of(scene)
        cameras = cameras_by(self.camera, scene, self.views, self.width, self.height)
        selection, ranking = self._select(scene, cameras)
        if not len(selection):
            nothing = f"there is nothing at pixel {self.pixel} of view {self.view}: no object is seen there"
            answer(self.json, {"file": name_of(self.file), "output": None, "objects": []}, nothing)
            return
        selection = at_level(scene, selection, self.level)
        pixels = write_selection(scene, selection, cameras, self.output)
        ranked = [{"id": m.object.id, "name": m.object.name, "similarity": m.similarity} for m in ranking]
        facts = {
            "objects": [{"id": entry.id, "name": entry.name, "anchors": entry.anchors} for entry in selection.objects],
            "anchors": int(selection.anchors.sum()),
            "gaussians": int(selection.gaussians.sum()),
            "pixels": pixels,
            "ranking": ranked,
        }
        write_json(self.output / "selection.json", facts)
        told = ", ".join(f"{entry.id} {entry.name}".strip() for entry in selection.objects)
        seen = sum(count > 0 for count in pixels.values())
        anchors = f"{facts['anchors']:,} anchors, " if scene.rows == "anchors" else ""
        words = (
            f"selected {told}: {anchors}{facts['gaussians']:,} Gaussians, seen in {seen} of "
            f"{len(cameras)} views; masks, cut-outs, overlays and selection.npz in {self.output}"
        )
        answer(self.json, {"file": name_of(self.file), "output": str(self.output), **facts}, words)

    def _check(self) -> None:
        ways = {"--pixel": self.pixel, "--id": self.id, "--name": self.name, "--text": self.text}
        given = [way for way, value in {**ways, "--vector": self.vector}.items() if value is not None]
        if len(given) != 1:
            raise ConfigError(
                f"ask in one way: --pixel, --id, --name, --text or --vector; got {', '.join(given) or 'none of them'}"
            )
        if self.top < 1:
            raise ConfigError(f"--top {self.top}: expected at least 1")

    def _select(self, scene: "LoadedScene", cameras: "dict[str, Camera]") -> "tuple[Selection, tuple[Match, ...]]":
        from csgaussian_ns.semantic.query import by_id, by_name, by_text, pick, semantics_of
        from csgaussian_ns.tools.text_query import encoder_for, read_vector

        if self.pixel is not None:
            return pick(scene, view_of(cameras, self.view), pixel_of(self.pixel)), ()
        if self.id is not None:
            return by_id(scene, self.id), ()
        if self.name is not None:
            return by_name(scene, self.name), ()
        if self.vector is not None:
            return by_text(scene, read_vector(self.vector), count=self.top)
        assert self.text is not None
        encoder = encoder_for(semantics_of(scene), self.text_weights)
        return by_text(scene, encoder.encode_text([self.text])[0], encoder.name, self.top)


def view_of(cameras: "dict[str, Camera]", view: str) -> "Camera":
    """The camera of a name or number.

    Raises:
        QueryError: There is no such view.
    """
    if view in cameras:
        return cameras[view]
    names = list(cameras)
    if view.isdecimal() and int(view) < len(names):
        return cameras[names[int(view)]]
    raise QueryError(
        f"--view {view}: expected 0 to {len(names) - 1}, or one of {', '.join(names[:8])}"
        f"{' ...' if len(names) > 8 else ''}"
    )


def pixel_of(text: str) -> tuple[int, int]:
    """Column and row.

    Raises:
        ConfigError: Not two integers.
    """
    try:
        column, row = (int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(f"--pixel {text}: expected a column and a row, such as 240,135") from error
    return column, row
