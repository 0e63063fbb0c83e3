"""What ``csg export`` can be asked for, and what is wrong with a call before any work."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile
from csgaussian_ns.tools.look import ObjectNames, vector_of
from csgaussian_ns.tools.maybe import Maybe

if TYPE_CHECKING:
    from csgaussian_ns.export.part import Box

ENDINGS = (".ply", ".spz", ".splat", ".sog", ".glb")
LEAST_VIEWS, MOST_VIEWS = 4, 10_000
MOST_STEPS = 1_000_000
LEAST_OPACITY = 0.25
Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclass(frozen=True)
class ExportOptions:
    """Options of ``tools.export.Export``."""

    file: SceneFile
    output: tyro.conf.Positional[Path]
    """File to write: .ply, .spz, .splat, or, with splat-transform installed, .sog or .glb."""
    degree: Literal[0, 1, 2, 3] = 3
    """Degree of the spherical harmonics; .splat holds none."""
    frame: Literal["capture", "normalised"] = "capture"
    """Axes and lengths of the capture, or those that the scene was trained in, as csg info shows them; of .spz files y
    is up, so they are turned."""
    spz_version: Literal[3, 4] = 3
    """Version of an .spz file: 4 is newer, read by fewer programs, and holds objects, with their names."""
    objects: ObjectNames = None
    """Export these objects alone, without what hides them."""
    box: Annotated[Maybe[str], tyro.conf.arg(metavar="X0,Y0,Z0,X1,Y1,Z1")] = None
    """Export what lies between two corners, in the frame of the export."""
    steps: int = 300
    """Steps of descent after each Gaussian is fitted by itself."""
    camera: Maybe[str] = None
    """Where it is looked at from, to fit and to measure: 'views', where photos were taken, as the file may tell,
    'orbit', circles, the default where it does not, the folder of a capture, or a camera path.

    Views are kept in memory: where they have more than 134 million pixels together, some are taken, evenly spread.
    """
    views: int = 96
    """Number of views to fit to, of an orbit: a multiple of 4, as they lie on four circles; of
    another number, the next lower multiple."""
    width: int = 480
    """Width in pixels of the views to fit to. Cameras of a file are made smaller, if their longer side has more."""
    height: Maybe[int] = None
    """Their height, 9/16 of the width by default. Cameras of a file are bounded by it, in their shorter side, if it is
    given."""
    points: Flag = False
    """Write a point cloud, .ply, for programs that know no Gaussians: their centres, in the colours that they have on
    the average over all sides, with object_id. Nothing is refined for it."""
    normals: Flag = False
    """Of points: also the shortest axis of each Gaussian, towards where it is seen from."""
    least_opacity: float = LEAST_OPACITY
    """Of points: Gaussians that are less opaque are left out, 0 to 1."""
    data: Maybe[Path] = None
    """Folder of a capture: measure on the views that training held out, too."""
    weights: WeightsFile = None
    json: AsJson = False

    @property
    def ending(self) -> str:
        """Of the file to write, in small letters."""
        return self.output.suffix.lower()

    def corners(self) -> "Box | None":
        """Of ``--box``, the lowest and the highest.

        Raises:
            ConfigError: Not six finite numbers, or nothing is between them.
        """
        if self.box is None:
            return None
        parts = self.box.split(",")
        if len(parts) != 6:
            raise ConfigError(f"--box {self.box}: expected six numbers, such as -1,-1,0,1,1,2")
        lowest, highest = (vector_of("--box", ",".join(corner)) for corner in (parts[:3], parts[3:]))
        if not all(a < b for a, b in zip(lowest, highest, strict=True)):
            raise ConfigError(f"--box {self.box}: expected the lowest corner and then the highest, each axis growing")
        return lowest, highest

    def check(self) -> None:
        """What is wrong with the call, before any work."""
        if self.ending not in ENDINGS:
            raise ConfigError(f"{self.output}: expected a name that ends in one of {', '.join(ENDINGS)}")
        if self.output.is_dir():
            raise ConfigError(f"{self.output} is a folder; choose another name for the file")
        if not self.output.parent.is_dir():
            raise ConfigError(f"{self.output}: there is no folder {self.output.parent}; make it, or choose another")
        if not os.access(self.output.parent, os.W_OK):
            raise ConfigError(f"{self.output}: nothing can be written in {self.output.parent}; choose another folder")
        if not 0 <= self.steps <= MOST_STEPS:
            raise ConfigError(f"--steps {self.steps}: expected 0 to {MOST_STEPS}")
        if not LEAST_VIEWS <= self.views <= MOST_VIEWS:
            raise ConfigError(f"--views {self.views}: expected {LEAST_VIEWS} to {MOST_VIEWS}")
        if self.objects == ():
            raise ConfigError("--objects: expected numbers or names of objects, as csg info lists them")
        self.corners()
        self._check_points()

    def _check_points(self) -> None:
        if self.points and self.ending != ".ply":
            raise ConfigError(
                f"--points: {self.output} ends in {self.ending}; expected .ply, which point clouds are in"
            )
        if self.normals and not self.points:
            raise ConfigError("--normals: expected --points, too; Gaussians have scales and rotations instead")
        if self.least_opacity != LEAST_OPACITY and not self.points:
            raise ConfigError("--least-opacity: expected --points, too; of Gaussians all are written that can be seen")
        if self.spz_version != 3 and self.ending != ".spz":
            raise ConfigError(f"--spz-version {self.spz_version}: expected a name that ends in .spz, not {self.ending}")
        if self.points and self.data is not None:
            raise ConfigError("--data: points are not drawn, so there is nothing to measure on photos; leave it out")
        if not 0 <= self.least_opacity <= 1:
            raise ConfigError(f"--least-opacity {self.least_opacity:g}: expected 0 to 1")
