"""Where ``csg export`` looks at a scene from, in sizes and numbers that fit into memory."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.capture_views import between_views
from csgaussian_ns.receiver.orbit import cameras_around, check_orbit
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.tools.export_options import ExportOptions
from csgaussian_ns.tools.viewpoints import cameras_by, named, scaled, tell_notes

MEASURED_VIEWS = 12
"""Of the orbit, or between views that the file tells of, on which the loss is measured."""
ASPECT = 9 / 16
"""Height of an orbit's views by their width, where nobody says otherwise."""
MOST_PIXELS = 1 << 27
"""Of all views together that are fitted to: each is kept, with 7 bytes a pixel."""


class Cameras(NamedTuple):
    """Views to fit to, views to measure on, and what the latter are called."""

    fitted: list[Camera]
    measured: list[Camera]
    told: str


def chosen_cameras(scene: LoadedScene, options: ExportOptions) -> Cameras:
    """The views that were asked for; a note says so where there are fewer.

    Raises:
        CsgError: As of ``tools.viewpoints.cameras_by``.
    """
    height = max(1, round(options.width * ASPECT)) if options.height is None else options.height
    size = options.width, height
    check_orbit(options.views, *size)
    camera = named(options.camera, scene)
    if camera == "orbit":
        orbit = list(scene.orbit(MEASURED_VIEWS, *size).values())
        around = cameras_around(scene.position[~scene.hidden], scene.meta, options.views, *size)
        return Cameras(_kept(around), orbit, f"an orbit of {len(orbit)} views")
    if camera == "views":
        kept = _kept([_within(view, options.width, options.height) for view in _all_told(scene)])
        between = between_views(kept, MEASURED_VIEWS)
        return Cameras(kept, between, f"{len(between)} views between those that the file tells of")
    given = cameras_by(camera, scene).values()
    kept = _kept([_within(camera, options.width, options.height) for camera in given])
    return Cameras(kept, kept, f"{len(kept)} views of {camera}")


def _all_told(scene: LoadedScene) -> list[Camera]:
    """As ``cameras_by`` gives some of them, or refuses."""
    return list(scene.views().values() or cameras_by("views", scene).values())


def _within(camera: Camera, longer: int, shorter: int | None) -> Camera:
    """The same view with sides of so many pixels at most, not made larger."""
    sides = sorted((camera.width, camera.height))
    factor = longer / sides[1] if shorter is None else min(longer / sides[1], shorter / sides[0])
    return camera if factor >= 1 else scaled(camera, factor)


def _kept(cameras: Sequence[Camera]) -> list[Camera]:
    """As many views, evenly spread, as fit into ``MOST_PIXELS``."""
    largest = max(camera.width * camera.height for camera in cameras)
    most = max(1, MOST_PIXELS // largest)
    if len(cameras) <= most:
        return list(cameras)
    tell_notes(
        [
            f"{most} of {len(cameras)} views are fitted to, evenly spread: their pictures are kept in memory, "
            f"{MOST_PIXELS / 1e6:.0f} million pixels at most; a smaller --width makes room for more"
        ]
    )
    return [cameras[number] for number in np.linspace(0, len(cameras) - 1, most).round().astype(int)]
