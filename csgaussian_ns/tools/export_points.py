"""The work of ``csg export --points``."""

from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import replacing
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.export.frame import to_capture
from csgaussian_ns.export.points import Points, cloud_of, normals_of, points_bytes
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.splats import Splats
from csgaussian_ns.tools.export_cameras import chosen_cameras
from csgaussian_ns.tools.export_options import ExportOptions
from csgaussian_ns.tools.exporting import part_of, points_up, splats_of
from csgaussian_ns.tools.progress import reported


@dataclass(frozen=True)
class ExportedPoints:
    """A point cloud that was written: its bytes and points, and whether they have normals and objects."""

    bytes: int
    points: int
    least_opacity: float
    normals: bool
    objects: bool

    def in_words(self) -> str:
        """All of it but the name of the file."""
        has = [name for name, there in (("normals", self.normals), ("object_id", self.objects)) if there]
        held = f", with {' and '.join(has)}" if has else ""
        return f"{self.bytes / 1e6:.3f} MB, {self.points:,} points of opacity {self.least_opacity:g} and above{held}"


def export_points(scene: LoadedScene, options: ExportOptions) -> ExportedPoints:
    """Write the centres of the Gaussians that are opaque enough.

    Raises:
        CsgError: What was asked for cannot be done; the message says why.
    """
    similarity = Similarity() if options.frame == "normalised" else to_capture(scene.meta.transform, scene.meta.scale)
    shown, cameras = part_of(scene, options, similarity), chosen_cameras(scene, options)
    with reported() as progress:
        splats = splats_of(scene, shown, cameras, 0, 0, progress)
        opaque = splats.where(splats.scene.opacities >= options.least_opacity)
        if not len(opaque):
            raise ConfigError(
                f"nothing to export: none of {len(splats):,} Gaussians has an opacity of --least-opacity "
                f"{options.least_opacity:g}; the highest is {splats.scene.opacities.max():.2f}"
            )
        points = _placed(opaque, similarity, normals_of(opaque.scene, cameras.fitted) if options.normals else None)
    with replacing(options.output) as file:
        for piece in points_bytes(points, points_up(scene, similarity)):
            file.write(piece)
    size = options.output.stat().st_size
    return ExportedPoints(size, len(opaque), options.least_opacity, options.normals, opaque.objects is not None)


def _placed(splats: Splats, similarity: Similarity, normals: np.ndarray | None) -> Points:
    points = cloud_of(splats, normals)
    turned = None if normals is None else (normals @ similarity.matrix.T / similarity.factor).astype(np.float32)
    return points._replace(places=similarity.at(points.places.astype(np.float64)).astype(np.float32), normals=turned)
