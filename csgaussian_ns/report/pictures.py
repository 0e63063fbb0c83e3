"""What a file shows beside its photos, and its objects. One scene is open at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

import numpy as np

from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.kinds import is_capture
from csgaussian_ns.capture.view import CaptureView, views_of
from csgaussian_ns.core.errors import CsgError, DataError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.geometry import resized
from csgaussian_ns.core.shapes import Float, Float32
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.core.types import Camera
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.report.evaluation import open_scene, read_evaluation
from csgaussian_ns.report.inlined import jpeg_address
from csgaussian_ns.report.rows import Batch
from csgaussian_ns.report.worst import BadView
from csgaussian_ns.semantic.appearance import Appearance
from csgaussian_ns.semantic.shown import palette

STRONGER = 4
"""Factor on differences: one of 25 % is white."""
TINT = 0.6
"""Share of an object's colour in a picture of objects."""
ORBIT = (1, 480, 270)
"""Where a scene is seen from whose capture is not here."""


@dataclass(frozen=True)
class Comparison:
    """A view, or why there are no pictures of it.

    Attributes:
        view: Which, and how bad.
        pictures: Addresses of ``photo``, ``decoded`` and ``difference``.
        missing: Why there are none.
    """

    view: BadView
    pictures: dict[str, str]
    missing: str = ""


@dataclass(frozen=True)
class ObjectsShown:
    """The objects of a file, or why there is no picture of them.

    Attributes:
        result: Of which task.
        pictures: Addresses of ``decoded`` and ``objects``.
        legend: Name, colour as CSS writes it, rows, and IoU where it was measured, of each object.
        missing: Why there are none.
    """

    result: Result
    pictures: dict[str, str]
    legend: tuple[tuple[str, str, int, float | None], ...] = ()
    missing: str = ""


def comparisons(batch: Batch, views: Sequence[BadView], width: int) -> Iterator[Comparison]:
    """Photo, decoded picture and difference of views, made when they are asked for; in the given order.

    Args:
        batch: Theirs.
        views: A file is decoded once for those of it that follow each other.
        width: Of pictures, at most.
    """
    for _, group in groupby(views, key=lambda view: view.result.name):
        own = list(group)
        try:
            scene = open_scene(batch.scene(own[0].result))
            known = {view.name: view for view in _views(own[0].result, scene)}
        except CsgError as error:
            yield from (Comparison(view, {}, one_line(error)) for view in own)
            continue
        yield from (_compared(view, scene, known, width) for view in own)


def objects_shown(batch: Batch, results: Sequence[Result], width: int) -> Iterator[ObjectsShown]:
    """The objects of files, from a view that was held out or, without photos, from a circle around the scene."""
    for result in results:
        try:
            scene = open_scene(batch.scene(result))
            yield _objects(batch, result, scene, _sized(_some_camera(result, scene), width))
        except CsgError as error:
            yield ObjectsShown(result, {}, missing=one_line(error))


def _compared(view: BadView, scene: LoadedScene, known: dict[str, CaptureView], width: int) -> Comparison:
    if view.name not in known:
        return Comparison(view, {}, f"{view.result.data}: the capture has no view {view.name!r} any more")
    there = known[view.name]
    there = replace(there, camera=_sized(there.camera, width))
    try:
        photo, counts = there.colours(scene.meta.background), there.counts()[..., None]
    except CsgError as error:
        return Comparison(view, {}, one_line(error))
    drawn = scene.draw(there.camera).image.clip(0, 1) * counts
    pictures = {"photo": photo * counts, "decoded": drawn, "difference": heat(photo * counts, drawn)}
    return Comparison(view, {name: jpeg_address(picture) for name, picture in pictures.items()})


def heat(photo: Float[np.ndarray, "H W 3"], drawn: Float[np.ndarray, "H W 3"]) -> Float32[np.ndarray, "H W 3"]:
    """Mean difference of the colours, stronger, from black by way of red and yellow to white."""
    from matplotlib import colormaps

    difference = np.abs(photo - drawn).mean(axis=2)
    return colormaps["inferno"]((STRONGER * difference).clip(0, 1))[..., :3].astype(np.float32)


def _objects(batch: Batch, result: Result, scene: LoadedScene, camera: Camera) -> ObjectsShown:
    drawn = scene.draw(camera).image.clip(0, 1)
    flat = scene.draw(camera, Appearance(layer="objects")).image.clip(0, 1)
    pictures = {"decoded": drawn, "objects": (1 - TINT) * drawn + TINT * flat}
    try:
        measured = read_evaluation(batch.place(result)).objects
    except DataError:  # told where views are missed
        measured = {}
    colours = palette(np.arange(1 + max((thing.id for thing in scene.objects), default=0)))
    named = Counter(thing.name for thing in scene.objects)
    measured = {name: value for name, value in measured.items() if named[name] == 1}  # else nobody knows whose it is
    legend = tuple(
        (thing.name or f"object {thing.id}", _css(colours[thing.id]), thing.anchors, measured.get(thing.name))
        for thing in scene.objects
    )
    return ObjectsShown(result, {name: jpeg_address(picture) for name, picture in pictures.items()}, legend)


def _css(colour: Float[np.ndarray, "3"]) -> str:
    return "#" + "".join(f"{round(255 * float(channel)):02x}" for channel in colour)


def _views(result: Result, scene: LoadedScene) -> list[CaptureView]:
    """Of the capture of a task, in the frame of its scene.

    Raises:
        DataError: It is not here, or cannot be used.
    """
    if is_address(result.data) or not is_capture(Path(result.data)):
        raise DataError(f"the photos of {result.data} are not here; run csg report where they are")
    return views_of(open_capture(Path(result.data)), scene.meta.transform, scene.meta.scale)


def _some_camera(result: Result, scene: LoadedScene) -> Camera:
    try:
        return _views(result, scene)[0].camera
    except DataError:
        return next(iter(scene.orbit(*ORBIT).values()))


def _sized(camera: Camera, width: int) -> Camera:
    """The same view, not wider."""
    if camera.width <= width:
        return camera
    return resized(camera, width, max(1, round(camera.height * width / camera.width)))
