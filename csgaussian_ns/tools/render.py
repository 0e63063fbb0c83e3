"""``csg render``: pictures or a film of a ``.csg`` or ``.ply`` file, from given cameras or around it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile, name_of, open_file
from csgaussian_ns.tools.look import LookOptions, tell_if_empty
from csgaussian_ns.tools.maybe import Maybe
from csgaussian_ns.tools.outputs import output_folder, remove_earlier
from csgaussian_ns.tools.progress import with_progress
from csgaussian_ns.tools.viewpoints import NUMBERED, cameras_by, frames_per_second, named

if TYPE_CHECKING:
    import numpy as np

UNWRITTEN = (".avi", ".bmp", ".exr", ".gif", ".jpeg", ".jpg", ".m4v", ".mkv", ".mov", ".png", ".tif", ".tiff", ".webm")
"""Endings of pictures and films; whoever gives one does not expect a folder."""


@dataclass(frozen=True)
class Render:
    """Render a .csg file, or Gaussians in a .ply file, to PNG images or to an MP4 film."""

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """Folder for PNG images; a name that ends in .mp4 makes a film."""
    camera: Maybe[str] = None
    """'views', from where photos were taken, as the file may tell; 'orbit', the default of a film and where it does
    not; the folder of a capture (transforms.json, Blender's, COLMAP's); or the viewer's camera_path.json."""
    views: Maybe[int] = None
    """Number of views: 8 of an orbit and of those that the file tells of; all that a capture or a path has, or so many
    of them, evenly spread."""
    width: Maybe[int] = None
    """Image width in pixels: 480 of an orbit, else what the file says."""
    height: Maybe[int] = None
    """Image height in pixels: 270 of an orbit, else what the file says. With one of both, views of a file keep their
    shape."""
    fps: Maybe[int] = None
    """Frames per second of a film: 24, or what the camera path says."""
    look: tyro.conf.OmitArgPrefixes[LookOptions] = field(default_factory=LookOptions)
    """How objects are shown."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Decode, render, write."""
        from csgaussian_ns.receiver.load import load

        with open_file(self.file) as stream, self._writer() as write:
            scene = load(stream, semantics=self.look.needs_objects)
            appearance = self.look.of(scene)
            tell_if_empty(scene)
            camera = "orbit" if self._film and self.camera is None else named(self.camera, scene)
            cameras = cameras_by(camera, scene, self.views, self.width, self.height)
            if camera in NUMBERED and not self._film:
                remove_earlier(self.output)
            for name, camera in with_progress(list(cameras.items()), "rendering"):
                write(name, scene.render(camera, appearance))
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "images": list(cameras),
            "representation": scene.rows.lower(),
            "rows": len(scene),
        }
        answer(self.json, facts, f"{self.output}: {len(cameras)} images of {len(scene):,} {scene.rows}")

    @property
    def _film(self) -> bool:
        return self.output.suffix.lower() == ".mp4"

    @contextmanager
    def _writer(self) -> "Iterator[Callable[[str, np.ndarray], None]]":
        """What takes the name and the pixels of each picture."""
        if self._film:
            from csgaussian_ns.tools.video import open_film

            if self.output.is_dir():
                raise ConfigError(f"{self.output} is a folder; choose another name for the film")
            if self.fps is not None and self.fps < 1:
                raise ConfigError(f"--fps {self.fps}: expected at least 1")
            fps = frames_per_second(self.camera) if self.fps is None else self.fps
            with output_folder(self.output.parent), open_film(self.output, fps) as film:
                yield lambda name, pixels: film.add(pixels)
            return
        if self.output.suffix.lower() in UNWRITTEN and not self.output.is_dir():
            raise ConfigError(f"-o {self.output}: expected a folder for PNG images, or a name that ends in .mp4")
        from csgaussian_ns.core.png import write_png

        with output_folder(self.output):
            yield lambda name, pixels: write_png(self.output / f"{name}.png", pixels)
