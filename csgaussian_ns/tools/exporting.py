"""The work of ``csg export``."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.core.types import Camera
from csgaussian_ns.export.frame import IDENTITY, Similarity, inverse, placed, to_capture
from csgaussian_ns.export.measure import likeness, picture, psnr
from csgaussian_ns.export.part import Part
from csgaussian_ns.export.plain import Effort, Progress, plain
from csgaussian_ns.export.splats import Splats
from csgaussian_ns.export.write import FORMATS, write
from csgaussian_ns.receiver.orbit import cameras_around, check_orbit, up_of
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.tools.cameras import cameras_by, tell_notes
from csgaussian_ns.tools.look import objects_called, objects_of
from csgaussian_ns.tools.progress import reported
from csgaussian_ns.tools.splat_transform import Convert, converter

if TYPE_CHECKING:
    from csgaussian_ns.tools.export import Export

MEASURED_VIEWS = 12
"""Of the orbit on which the loss is measured."""
NOT_READ_BACK = (".glb",)
"""Written, but not read, by splat-transform; single precision throughout, as good as the PLY file that it is given."""
UPWARD = 0.7
"""Height of the tip of the vector that is up, above which z is said to point up."""


class Cameras(NamedTuple):
    """Views to fit to, views to measure on, and what the latter are called."""

    fitted: list[Camera]
    measured: list[Camera]
    told: str


def export(scene: LoadedScene, options: "Export") -> str:
    """Write the file, and tell how large and how good it is.

    Raises:
        CsgError: What was asked for cannot be done; the message says why.
    """
    if options.data is not None and scene.coded is None:
        raise ConfigError("--data: a PLY file does not say where it lies in its capture; give a .csg file")
    transform = converter(options.ending) if options.ending not in FORMATS else None
    similarity = IDENTITY if options.frame == "normalised" else to_capture(scene.meta.transform, scene.meta.scale)
    shown, cameras = _part(scene, options, similarity), _cameras(scene, options)
    with reported() as progress:
        splats = _splats(scene, shown, cameras, options, similarity, progress)
        moved = Splats(placed(splats.scene, similarity), splats.objects)
        z_up = bool((similarity[0] @ up_of(scene.meta))[2] > UPWARD)
        if transform is None:
            write(moved, options.output, z_up)
            written = FORMATS[options.ending].read(options.output)
        else:
            written = _converted(moved, transform, options.output, z_up)
        back = placed(written, inverse(similarity))
        lines = [
            f"{likeness(back, shown, cameras.measured):.2f} dB PSNR against the scene's own pictures, {cameras.told}"
        ]
        if options.data is not None:
            lines.append(_against_photos(back, shown, scene, options.data))
    size = options.output.stat().st_size / 1e6
    return f"{size:.3f} MB, {len(splats):,} Gaussians of degree {written.degree}; {'; '.join(lines)}"


def _part(scene: LoadedScene, options: "Export", similarity: Similarity) -> Scene:
    box, rows = options.corners(), None
    if options.objects is not None:
        chosen = [entry.id for key in options.objects for entry in objects_called(objects_of(scene), key)]
        assert scene.semantics is not None
        rows = np.isin(scene.semantics.label, chosen)
    if rows is None and box is None:
        return scene
    rotation, factor, shift = similarity
    return Part(scene, rows, box, (factor * rotation, shift))


def _cameras(scene: LoadedScene, options: "Export") -> Cameras:
    check_orbit(options.views, options.width, options.height)
    size = options.width, options.height
    if options.camera == "orbit":
        around = cameras_around(scene.position, scene.meta, options.views, *size)
        orbit = list(scene.orbit(MEASURED_VIEWS, *size).values())
        return Cameras(around, orbit, f"an orbit of {len(orbit)} views")
    given = list(cameras_by(options.camera, scene, options.views, *size).values())
    return Cameras(given, given, f"{len(given)} views of {options.camera}")


def _splats(
    scene: LoadedScene,
    shown: Scene,
    cameras: Cameras,
    options: "Export",
    similarity: Similarity,
    progress: Progress,
) -> Splats:
    degree = min(options.degree, FORMATS[options.ending].degree) if options.ending in FORMATS else options.degree
    labels = None if scene.semantics is None else scene.semantics.label
    if not isinstance(scene.scene, GaussianScene):
        return plain(shown, cameras.fitted, Effort(degree, options.steps), labels, progress)
    splats = plain(scene.scene, cameras.fitted, Effort(degree), labels, progress)
    if not isinstance(shown, Part):
        return splats
    inside = shown.contains(splats.scene.means)
    if not inside.any():
        raise ConfigError("nothing to export: no Gaussian lies in the --box")
    return splats.where(inside)


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


def _against_photos(exported: Scene, shown: Scene, scene: LoadedScene, data: Path) -> str:
    """PSNR on the photos that training held out, of the export and of the scene."""
    from csgaussian_ns.tools.views import open_views

    assert scene.coded is not None
    views = open_views(data, scene.coded.meta, "eval", None, 1.0, None)
    tell_notes(views.notes)
    figures = []
    for view in views.compared:
        photo = views.photo(view).numpy()
        figures.append([psnr(picture(drawn, view.camera, scene.background), photo) for drawn in (exported, shown)])
    ours, own = np.mean(figures, axis=0)
    return f"{ours:.2f} dB on {len(figures)} held-out photos, where the scene has {own:.2f} dB"
