"""``csg import``: plain Gaussians of other programs as a ``.csg`` file, without training, with the loss measured."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.texts import counted, storable
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SPZ, SceneFile, name_of, open_file, path_of
from csgaussian_ns.tools.maybe import Maybe
from csgaussian_ns.tools.outputs import output_folder
from csgaussian_ns.tools.terminal import remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from csgaussian_ns.receiver.importing import Imported
    from csgaussian_ns.scene.splats import Splats

UP = {".spz": (0.0, 1.0, 0.0), ".splat": (0.0, -1.0, 0.0)}
"""Which way is up, by the ending of a file that does not say it."""
VIEWS, WIDTH, HEIGHT = 8, 480, 270
"""Of the orbit on which the loss is measured."""


@dataclass(frozen=True)
class Import:
    """Make a .csg file of a .ply, .spz or .splat file, and say what was lost.

    Nothing is trained: numbers are rounded to steps too small to see, and coded. Objects that a PLY file numbers, in a
    property object_id, come along, and those of .spz files of csg export.
    """

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """The .csg file to write."""
    step: float = 1.0
    """Factor of all steps: 2 is a fifth to a quarter smaller and 6 dB farther from the original, 0.5 the other way."""
    degree: Literal[0, 1, 2, 3] = 3
    """Degree of the spherical harmonics that are kept, at most."""
    name: Maybe[str] = None
    """Name of the scene; by default that of the file."""
    json: AsJson = False

    def run(self) -> None:
        """Read, code, write, read back, measure."""
        if self.output.suffix.lower() != ".csg":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .csg")
        from csgaussian_ns.core.files import replace_file
        from csgaussian_ns.receiver.importing import Settings, import_gaussians
        from csgaussian_ns.tools.progress import reported

        splats, up, size = self._read()
        path = path_of(self.file)
        name = self.name if self.name is not None else "" if path is None else path.stem
        settings = Settings(self.step, self.degree, storable(name), f"csgaussian_ns {__version__}", up)
        with reported() as progress:
            made = import_gaussians(splats, settings, lambda done, total: progress("coding", done, total))
            with output_folder(self.output.parent):
                replace_file(self.output, made.data)
            psnr = _likeness(made, splats, lambda done: progress("measuring", done, VIEWS))
        self._tell_losses(splats, made)
        kept = int(made.kept.sum())
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "bytes": len(made.data),
            "bytes_before": size,
            "gaussians": kept,
            "left_out": len(made.kept) - kept,
            "degree": min(self.degree, splats.scene.degree),
            "objects": list(made.objects),
            "widened": made.widened,
            "psnr": psnr,
            "views": VIEWS,
        }
        ratio = size / len(made.data)
        told = f"{ratio:.1f} times smaller" if ratio >= 1 else f"{1 / ratio:.1f} times larger"
        smaller = f"{told} than {name_of(self.file)} ({size / 1e6:.3f} MB)"
        words = (
            f"{self.output}: {kept:,} Gaussians, {len(made.data) / 1e6:.3f} MB, {smaller}; {psnr:.1f} dB PSNR against "
            f"its pictures over {VIEWS} views"
        )
        answer(self.json, facts, words)

    def _read(self) -> "tuple[Splats, tuple[float, float, float], int]":
        """The Gaussians, which way is up, and the bytes of the file."""
        from csgaussian_ns.export.write import FORMATS
        from csgaussian_ns.scene.ply import read_header, read_splats, up_of_ply
        from csgaussian_ns.scene.ply_magic import is_ply

        path = path_of(self.file)
        with open_file(self.file) as stream:
            if is_ply(stream):
                header = read_header(stream)
                splats = read_splats(stream, header)
                return splats, up_of_ply(header), stream.seek(0, 2)
            data, ending = stream.read(), "" if path is None else path.suffix.lower()
            if ending != ".splat" and data.startswith(SPZ):
                ending = ".spz"
            if ending == ".ply" or ending not in FORMATS:
                raise ConfigError(f"{name_of(self.file)}: expected a .ply, .spz or .splat file with Gaussians")
            return FORMATS[ending].parse(BytesIO(data)), UP[ending], len(data)

    def _tell_losses(self, splats: "Splats", made: "Imported") -> None:
        gone = int((~made.kept).sum())
        if gone:
            remark(f"csg: {counted(gone, 'Gaussian')} left out: not finite, or so faint that no renderer draws them")
        if splats.scene.degree > self.degree:
            remark(f"csg: harmonics of degree {self.degree} are kept, of {splats.scene.degree}")
        if made.widened > 1:
            remark(
                f"csg: positions are {made.widened:.3g} times coarser than the Gaussians are fine, as some lie far "
                "away; leave those out first, and near ones get finer"
            )
        if made.objects != tuple(range(1, len(made.objects) + 1)):
            numbers = ", ".join(map(str, made.objects[:9])) + (", ..." if len(made.objects) > 9 else "")
            remark(f"csg: objects {numbers} are 1, 2, ... now, in this order")


def _likeness(made: "Imported", splats: "Splats", progress: "Callable[[int], None]") -> float:
    """Mean PSNR of the file's pictures against those of what was given, dB."""
    from csgaussian_ns.export.measure import likeness
    from csgaussian_ns.receiver.load import load

    scene = load(made.data)
    given = splats.where(made.kept).scene
    cameras = scene.orbit(VIEWS, WIDTH, HEIGHT).values()
    found = []
    for done, camera in enumerate(cameras, 1):
        found.append(likeness(scene, given, [camera]))
        progress(done)
    return sum(found) / len(found)
