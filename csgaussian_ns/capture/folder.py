"""A scene folder, as nerfstudio (``transforms.json``), Blender (``transforms_train.json``) or COLMAP wrote it."""

from pathlib import Path

from csgaussian_ns.capture.blender import is_blender, read_blender
from csgaussian_ns.capture.colmap import read_colmap
from csgaussian_ns.capture.kinds import KINDS, files_in, is_capture, model_in
from csgaussian_ns.capture.photos import ENDINGS, photos_in
from csgaussian_ns.capture.transforms import NAME, Capture, read_capture, read_frames, transforms_in
from csgaussian_ns.core.errors import DataError


def open_capture(data: Path) -> Capture:
    """Read a scene folder, or one of its files: JSON, or of a model of COLMAP.

    Where several programs left their files in a folder, ``transforms.json`` counts before Blender's, and those before
    COLMAP's.

    Raises:
        DataError: There is none, or it cannot be used.
    """
    if data.is_file() and data.suffix in (".bin", ".txt"):
        return read_colmap(data)
    path = transforms_in(data)
    if path.is_file() or data.suffix == ".json":
        facts, entries = read_frames(path)
        return read_blender({"train_filenames": path}) if is_blender(facts, entries) else read_capture(path)
    files = files_in(data)
    if files:
        return read_blender(files)
    if model_in(data) is None:
        raise DataError(f"{data} cannot be read as a capture; expected a folder with {KINDS}, or that file")
    return read_colmap(data)


def find_photos(data: Path) -> tuple[list[Path], Capture | None]:
    """Photos of a scene in order of their paths, and the capture if there is one.

    Args:
        data: A capture, or a folder of photos (or one with a folder ``images``).

    Raises:
        DataError: No such folder, a capture that cannot be read, or no photo.
    """
    if is_capture(data):
        capture = open_capture(data)
        return list(dict.fromkeys(capture.photos)), capture
    if not data.is_dir():
        raise DataError(f"the scene folder {data} does not exist; give a folder with {NAME} or photos")
    for folder in (data, data / "images"):
        photos = photos_in(folder)
        if photos:
            return photos, None
    raise DataError(f"{data} holds neither {NAME} nor photos ({', '.join(ENDINGS)})")
