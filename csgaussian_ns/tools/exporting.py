"""The work of ``csg export``."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.core.zstd import zstd
from csgaussian_ns.export.frame import placed, to_capture, to_y_up
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.export.part import ScenePart
from csgaussian_ns.export.plain import Effort, Progress, plain
from csgaussian_ns.export.write import FORMATS, write
from csgaussian_ns.receiver.orbit import up_of
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools.export_cameras import Cameras, chosen_cameras
from csgaussian_ns.tools.export_options import ExportOptions
from csgaussian_ns.tools.export_photos import held_out
from csgaussian_ns.tools.look import objects_called, objects_of
from csgaussian_ns.tools.progress import reported
from csgaussian_ns.tools.splat_transform import Convert, converter
from csgaussian_ns.tools.viewpoints import tell_notes

NOT_READ_BACK = (".glb",)
"""Written, but not read, by splat-transform; single precision throughout, as good as the PLY file that it is given."""
UPWARD = 0.7
"""Height of the tip of the vector that is up, above which z is said to point up."""


@dataclass(frozen=True)
class OnPhotos:
    """How good a file is on photos that training held out: their number, and mean PSNR of the file and of the scene."""

    count: int
    psnr: float
    psnr_of_scene: float


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        bytes: Its size.
        gaussians: How many are in it.
        degree: Of its harmonics.
        psnr: Mean against the scene's own pictures, dB.
        views: What these show.
        photos: On photos, if there were any.
    """

    bytes: int
    gaussians: int
    degree: int
    psnr: float
    views: str
    photos: OnPhotos | None

    def in_words(self) -> str:
        """All of it but the name of the file."""
        size = f"{self.bytes / 1e6:.3f} MB, {self.gaussians:,} Gaussians of degree {self.degree}"
        words = f"{size}; {self.psnr:.2f} dB PSNR against the scene's own pictures, {self.views}"
        if self.photos is None:
            return words
        seen = f"on {self.photos.count} held-out photos, where the scene has {self.photos.psnr_of_scene:.2f} dB"
        return f"{words}; {self.photos.psnr:.2f} dB {seen}"


def export(scene: LoadedScene, options: ExportOptions) -> Exported:
    """Write the file, and find out how large and how good it is.

    Raises:
        CsgError: What was asked for cannot be done; the message says why.
    """
    _tell_of_objects(scene, options)
    photos = None if options.data is None else held_out(options.data, scene)
    transform = converter(options.ending) if options.ending not in FORMATS else None
    similarity = Similarity() if options.frame == "normalised" else to_capture(scene.meta.transform, scene.meta.scale)
    shown, cameras = part_of(scene, options, similarity), chosen_cameras(scene, options)
    own = None if photos is None else photos.psnr(shown)  # before the work, so that what is wrong with them shows
    with reported() as progress:
        splats = splats_of(scene, shown, cameras, _degree(scene, options), options.steps, progress)
        z_up = points_up(scene, similarity)
        if options.ending == ".spz":
            similarity = similarity.then(to_y_up(similarity.matrix @ up_of(scene.meta)))
        splats = Splats(placed(splats.scene, similarity), splats.objects, {o.id: o.name for o in scene.objects})
        if transform is None:
            write(splats, options.output, z_up, options.spz_version)
        back = None if transform is None else _converted(splats, transform, options.output, z_up)
        count = len(splats)
        del splats  # a million take 0.25 GB, and what was written comes back
        back = placed(FORMATS[options.ending].read(options.output) if back is None else back, similarity.inverse)
        psnr = likeness(back, shown, cameras.measured)
        seen = None if photos is None or own is None else OnPhotos(len(photos.views), photos.psnr(back), own)
    size = options.output.stat().st_size
    return Exported(size, count, back.degree, psnr, cameras.told, seen)


def _tell_of_objects(scene: LoadedScene, options: ExportOptions) -> None:
    """Say that a file will not tell whose each Gaussian is; and see that there is what packs version 4."""
    if options.ending == ".spz" and options.spz_version == 4:
        zstd(b"")
    elif options.ending in (".spz", ".splat") and scene.objects:
        instead = "; --spz-version 4 does" if options.ending == ".spz" else ""
        tell_notes([f"{options.ending} does not say whose each Gaussian is{instead}"])


def points_up(scene: LoadedScene, similarity: Similarity) -> bool:
    """Whether z points up after a similarity."""
    return bool((similarity.matrix @ up_of(scene.meta))[2] > UPWARD * similarity.factor)


def part_of(scene: LoadedScene, options: ExportOptions, similarity: Similarity) -> Scene:
    """What was asked for of a scene, from whose frame ``similarity`` leads to that of the export."""
    box, rows = options.corners(), None
    if options.objects is not None:
        chosen = [entry.id for key in options.objects for entry in objects_called(objects_of(scene), key)]
        assert scene.semantics is not None
        rows = np.isin(scene.semantics.label, chosen)
    if rows is None and box is None:
        return scene
    return ScenePart(scene, rows, box, (similarity.matrix, np.array(similarity.shift)))


def splats_of(
    scene: LoadedScene, shown: Scene, cameras: Cameras, degree: int, steps: int, progress: Progress
) -> Splats:
    """The Gaussians to write, in the frame of the scene.

    Args:
        scene: All of it.
        shown: The part that is wanted.
        cameras: From where it is looked at.
        degree: Of the harmonics.
        steps: Of descent, where Gaussians have to be fitted.
        progress: See ``export.plain``.

    Raises:
        ConfigError: There is nothing to write.
    """
    labels = None if scene.semantics is None else scene.semantics.label
    if scene.plain is None:
        return plain(shown, cameras.fitted, Effort(degree, steps), labels, progress)
    splats = plain(scene, cameras.fitted, Effort(degree), labels, progress)
    if not isinstance(shown, ScenePart):
        return splats
    inside = shown.contains(splats.scene.means)
    if not inside.any():
        raise ConfigError("nothing to export: no Gaussian lies in the --box")
    return splats.where(inside)


def _degree(scene: LoadedScene, options: ExportOptions) -> int:
    """Of the harmonics to write; a note says so where the format holds fewer than were asked for and could be had."""
    most = FORMATS[options.ending].degree if options.ending in FORMATS else options.degree
    asked = options.degree if scene.plain is None else min(options.degree, scene.plain.degree)
    if asked > most:
        tell_notes([f"{options.ending} holds harmonics of degree {most}, not of {asked}: colours lose how they change"])
    return min(options.degree, most)


def _converted(splats: Splats, transform: Convert, output: Path, z_up: bool) -> GaussianScene:
    """Have ``output`` made of a PLY file, and read it back by way of another."""
    with TemporaryDirectory(prefix="csg-export-") as folder:
        plain_file, back = Path(folder, "scene.ply"), Path(folder, "back.ply")
        write(splats, plain_file, z_up)
        made = Path(folder, f"made{output.suffix.lower()}")
        transform(plain_file, made)
        if output.suffix.lower() in NOT_READ_BACK:
            back = plain_file
        else:
            transform(made, back)
        replace_file(output, made.read_bytes())
        return FORMATS[".ply"].read(back)
