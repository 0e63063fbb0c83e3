"""``csg merge``: the scenes of several ``.csg`` files in one."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import storable
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.edit import FACTOR, rotation_of
from csgaussian_ns.tools.inputs import SceneFiles, WeightsFile, name_of, open_csg
from csgaussian_ns.tools.look import Pairs, numbers_of, vector_of
from csgaussian_ns.tools.outputs import output_folder
from csgaussian_ns.tools.terminal import remark

if TYPE_CHECKING:
    from csgaussian_ns.core.similarity import Similarity


@dataclass(frozen=True)
class Merge:
    """Put the scenes of several .csg files into one file, byte by byte as they are, each where it shall stand.

    Files are counted from 1. Each is scaled and turned about its origin first, and then moved.
    """

    files: SceneFiles
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The .csg file to write."""
    move: Annotated[Pairs, tyro.conf.arg(metavar="N DX,DY,DZ ...")] = None
    """Move scenes."""
    rotate: Annotated[Pairs, tyro.conf.arg(metavar="N AXIS,DEGREES ...")] = None
    """Turn scenes; the axis is x, y, z or three numbers, as in z,90 or 0,0,1,90."""
    scale: Annotated[Pairs, tyro.conf.arg(metavar="N FACTOR ...")] = None
    """Make scenes larger or smaller."""
    frame: Literal["capture", "normalised"] = "capture"
    """Scenes stand where the worlds of their captures have them, or the frames that they were trained in are laid on
    each other. Motions are in the same frame."""
    name: str = ""
    """Name of the scene."""
    weights: WeightsFile = None
    json: AsJson = False

    def run(self) -> None:
        """Read, place, write, and say what is in the file."""
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.receiver.listed import objects_of_file
        from csgaussian_ns.receiver.merge import merged, overturned

        if len(self.files) < 2:
            raise ConfigError("expected at least two files to put into one")
        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")
        motions, files = self._motions(), []
        for path in self.files:
            with open_csg(path) as stream:
                files.append(stream.read())
                read_container(files[-1])
        data = merged(files, motions, self.frame, storable(self.name), f"csgaussian_ns {__version__}")
        container = read_container(data)
        objects = objects_of_file(container) or ()
        for number in overturned(container):
            remark(
                f"csg: scene {number} of the file has another side up than the first; turn it, as with "
                f"--rotate {number} x,90"
            )
        with output_folder(self.output.parent):
            replace_file(self.output, data)
        parts = len(container.of_kind("PART"))
        before = sum(map(len, files))
        facts = {
            "files": [name_of(path) for path in self.files],
            "output": str(self.output),
            "bytes": len(data),
            "bytes_before": before,
            "scenes": parts,
            "rows": container.header.rows,
            "objects": len(objects),
        }
        words = (
            f"{self.output}: {parts} scenes, {container.header.rows:,} rows, {len(objects)} objects, "
            f"{len(data) / 1e6:.3f} MB, {len(data) - before:+,} bytes to the files"
        )
        answer(self.json, facts, words)

    def _motions(self) -> "list[Similarity]":
        """Of each file, what was asked for.

        Raises:
            ConfigError: A number of no file, or one that is given twice.
        """
        from csgaussian_ns.core.similarity import Similarity

        motions = [Similarity()] * len(self.files)
        for option, pairs in (("--scale", self.scale), ("--rotate", self.rotate), ("--move", self.move)):
            seen = set()
            for key, text in pairs or ():
                if not key.isdecimal() or not 1 <= int(key) <= len(self.files) or int(key) in seen:
                    raise ConfigError(f"{option} {key}: expected a number of a file, 1 to {len(self.files)}, each once")
                seen.add(int(key))
                motions[int(key) - 1] = motions[int(key) - 1].then(_motion(option, text))
        return motions


def _motion(option: str, text: str) -> "Similarity":
    from csgaussian_ns.core.similarity import Similarity

    if option == "--move":
        return Similarity(shift=vector_of(option, text))
    if option == "--rotate":
        return Similarity.about((0.0, 0.0, 0.0), *rotation_of(text))
    [factor] = numbers_of(option, text, 1, FACTOR)
    if not 1e-6 <= factor <= 1e6:
        raise ConfigError(f"{option} {text}: expected {FACTOR}, from 1e-6 to 1e6")
    return Similarity(factor=factor)
