"""True masks of annotated views in the layouts that evaluation sets come in. Objects are known by name.

Several masks of one name in one view are one object, as the LERF-OVS benchmark counts them.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, UnidentifiedImageError

from csgaussian_ns.capture.photos import photos_in
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.semantic.masks.label_maps import read_label_maps
from csgaussian_ns.semantic.masks.sources import from_transforms

LERF_FRAMES = {
    "figurines": (41, 105, 152, 195),
    "ramen": (6, 24, 60, 65, 81, 119, 128),
    "teatime": (2, 25, 43, 107, 129, 140),
    "waldo_kitchen": (53, 66, 89, 140, 154),
}
"""Frames that papers report on, by scene (the relabelled LERF of LangSplat)."""
WHOLE_KEY = "whole_mask_path"
"""Of a frame in ``transforms.json``: masks as ``instance_mask_path`` has, but of what each object covers alone."""
CLASSES = Path("segmentations") / "classes.txt"
BACKGROUND = ("__background__", "_background_")
"""What tools for drawing polygons call the rest of a photo. It is no object."""

Mask = Bool[np.ndarray, "H W"]


@dataclass(frozen=True)
class GroundTruth:
    """What is where in the annotated photos.

    Attributes:
        layout: Which of the layouts it was read from.
        names: Of all objects.
        photos: The annotated ones.
        read: Masks of the objects that are present in a photo, by name; at the size of the annotation.
        read_whole: What each object of a photo would cover if nothing hid it, where the set says so.
        notes: Sentences about what was left out.
    """

    layout: str
    names: tuple[str, ...]
    photos: tuple[Path, ...]
    read: Callable[[Path], dict[str, Mask]]
    read_whole: Callable[[Path], dict[str, Mask]] | None = None
    notes: tuple[str, ...] = ()


def find_ground_truth(capture: Capture, labels: Path | None = None) -> GroundTruth | None:
    """The true masks that a scene folder holds; ``None`` if it holds none.

    Looked for in this order: 3D-OVS (``segmentations/classes.txt``), LERF-OVS (``labels``, or ``../label/<scene>`` as
    the set is packed), instance masks (``instance_mask_path`` in ``transforms.json``).

    Raises:
        DataError: Masks are there, but something about them is wrong.
    """
    folder = capture.folder
    if labels is None and (folder / CLASSES).is_file():
        return ovs_3d(capture)
    packed = folder.resolve().parent / "label" / folder.resolve().name
    if labels is not None or packed.is_dir():
        return lerf_ovs(labels or packed, capture.photos, folder.resolve().name)
    return instance_masks(capture, capture.photos)


def instance_masks(capture: Capture, photos: Sequence[Path]) -> GroundTruth | None:
    """Label maps that the frames of ``transforms.json`` name, with ``instances.json`` (id to name) beside it.

    Whole objects count only if they are known in every annotated photo.

    Raises:
        DataError: A file is missing or damaged, or ids have no names: they could mean something else in each view.
    """
    source = from_transforms(capture, photos)
    if not source.files:
        return None
    if not source.names:
        raise DataError(
            f"{capture.path}: the frames name instance masks, but there is no instances.json with the names of the "
            "ids. Without it an id may mean another object in each view, and nothing can be measured; write one like "
            '{"1": "cup", "2": "plate"}'
        )
    whole = from_transforms(capture, photos, WHOLE_KEY).files
    names = tuple(dict.fromkeys(source.names.values()))
    read = _named_masks(source.files, source.names)
    read_whole = _named_masks(whole, source.names) if source.files.keys() <= whole.keys() else None
    return GroundTruth("instance masks", names, tuple(source.files), read, read_whole)


def lerf_ovs(folder: Path, photos: Sequence[Path], scene: str) -> GroundTruth:
    """One ``frame_*.json`` per annotated photo, with polygons and their names.

    Two forms are in use: ``info`` and ``objects`` with ``category`` and ``segmentation`` (as LERF-OVS is published),
    and labelme's ``shapes`` with ``label`` and ``points``. Of the four published scenes the official frames count.
    Polygons that enclose nothing, and the background, are left out.

    Raises:
        DataError: No such file; a photo or an official frame is missing; a file is of another form.
    """
    by_stem = {photo.stem: photo for photo in photos}
    files = {path.stem: path for path in sorted(folder.glob("frame_*.json"))}
    official = {f"frame_{number:05d}" for number in LERF_FRAMES.get(scene, ())}
    wanted = official or set(files)
    if not wanted or not wanted <= set(files):
        missing = ", ".join(f"{stem}.json" for stem in sorted(wanted - set(files))) or "frame_*.json"
        raise DataError(
            f"{folder}: the annotation {missing} is missing; LERF-OVS has one JSON file per annotated photo"
        )
    if not wanted <= set(by_stem):
        raise DataError(
            f"{folder}: {', '.join(sorted(wanted - set(by_stem)))} is annotated, but the scene has no such photo; give "
            "the scene that the annotations belong to"
        )
    polygons = {by_stem[stem]: _polygons(files[stem]) for stem in sorted(wanted)}
    names = dict.fromkeys(name for found in polygons.values() for name, _ in found.shapes)

    def read(photo: Path) -> dict[str, Mask]:
        found: dict[str, Mask] = {}
        for name, corners in polygons[photo].shapes:
            found[name] = found.get(name, False) | _filled(corners, polygons[photo].size)
        return found

    degenerate = Counter({photo.stem: found.degenerate for photo, found in polygons.items() if found.degenerate})
    note = f"{folder}: {degenerate.total()} polygons of fewer than 3 corners are left out ({', '.join(degenerate)})"
    return GroundTruth("LERF-OVS", tuple(names), tuple(polygons), read, notes=(note,) if degenerate else ())


def ovs_3d(capture: Capture) -> GroundTruth:
    """``segmentations/classes.txt``, and ``segmentations/<number of the photo>/<class>.png`` for annotated photos.

    The number counts the photos of the set in the order of their names, from 0: all those in the folders that the
    frames' photos are in, whether structure from motion found a pose for them or not.

    Raises:
        DataError: No photo with a pose is annotated, a number is out of range, or a mask is missing or damaged.
    """
    root = (capture.folder / CLASSES).parent
    names = [line.strip() for line in (capture.folder / CLASSES).read_text("utf8").splitlines() if line.strip()]
    posed, homes = set(capture.photos), {photo.parent for photo in capture.photos}
    ordered = sorted(posed.union(*(photos_in(home) for home in homes)))
    folders = {int(path.name): path for path in root.iterdir() if path.is_dir() and path.name.isdecimal()}
    if not folders or not names or max(folders) >= len(ordered):
        raise DataError(
            f"{root}: expected classes.txt with names and folders numbered like the {len(ordered)} photos, from 0; "
            f"found {len(names)} names and folders {sorted(folders)}"
        )
    annotated = {ordered[number]: folders[number] for number in sorted(folders)}
    lost = [photo.name for photo in annotated if photo not in posed]
    if len(lost) == len(annotated):
        raise DataError(f"{root}: {capture.path} has a pose for none of the annotated photos: {', '.join(lost)}")

    def read(photo: Path) -> dict[str, Mask]:
        masks = {name: _picture(annotated[photo] / f"{name}.png") for name in names}
        return {name: mask for name, mask in masks.items() if mask.any()}

    note = f"{root}: {len(lost)} annotated photos have no pose and are left out ({', '.join(lost)})"
    photos = tuple(photo for photo in annotated if photo in posed)
    return GroundTruth("3D-OVS", tuple(names), photos, read, notes=(note,) if lost else ())


def _named_masks(files: Mapping[Path, Path], names: Mapping[int, str]) -> Callable[[Path], dict[str, Mask]]:
    """Reads the label file of a photo."""

    def read(photo: Path) -> dict[str, Mask]:
        maps = read_label_maps(files[photo])
        found: dict[str, Mask] = {}
        for number in np.unique(maps[maps > 0]).tolist():
            name = names.get(number, f"instance {number}")
            found[name] = found.get(name, False) | (maps == number).any(axis=0)
        return found

    return read


@dataclass(frozen=True)
class _Polygons:
    """Outlines of one photo; size is width and height, corners are pixels."""

    size: tuple[int, int]
    shapes: tuple[tuple[str, list[tuple[float, float]]], ...]
    degenerate: int


def _polygons(path: Path) -> _Polygons:
    try:
        content = json.loads(path.read_text("utf8"))
        if "shapes" in content:
            size, entries = (content["imageWidth"], content["imageHeight"]), content["shapes"]
            shapes = [(entry["label"], entry["points"]) for entry in entries]
        else:
            size, entries = (content["info"]["width"], content["info"]["height"]), content["objects"]
            shapes = [(entry["category"], entry["segmentation"]) for entry in entries]
        outlines = [(str(name), _corners(points)) for name, points in shapes if name not in BACKGROUND]
        whole = tuple(outline for outline in outlines if len(outline[1]) >= 3)
        return _Polygons((int(size[0]), int(size[1])), whole, len(outlines) - len(whole))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise DataError(
            f"{path}: expected polygons with 'info' and 'objects', or labelme's 'shapes'; {error!r}"
        ) from error


def _corners(points: Any) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in points]


def _filled(corners: list[tuple[float, float]], size: tuple[int, int]) -> Mask:
    picture = Image.new("1", size)
    ImageDraw.Draw(picture).polygon(corners, fill=1)
    return np.asarray(picture)


def _picture(path: Path) -> Mask:
    try:
        with Image.open(path) as picture:
            return np.asarray(picture.convert("L")) > 127
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise DataError(f"the mask {path} cannot be read: {error}. Restore the file or make it again") from error
