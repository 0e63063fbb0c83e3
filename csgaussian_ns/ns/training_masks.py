"""Label maps of training images: found by the option ``masks``, brought to the pixels that nerfstudio trains on."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.datamanagers.full_images_datamanager import _undistort_image
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.utils.rich_utils import CONSOLE

from csgaussian_ns.capture.photos import has_size_of_photo
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.shapes import Shaped, UInt16
from csgaussian_ns.semantic.masks.label_maps import read_label_maps
from csgaussian_ns.semantic.masks.sources import LabelSource, from_folder, from_transforms

NO_SOURCE = LabelSource("none")


def find_labels(masks: str | Path, capture: Capture | None, photos: Sequence[Path]) -> LabelSource:
    """Where the label maps of ``photos`` are.

    Args:
        masks: "auto", "none" or a folder; see ``CSGaussianDataManagerConfig.masks``.
        capture: The scene folder, if it is in nerfstudio's format.
        photos: Of all views.

    Raises:
        DataError: Files are named but missing, or the folder fits none of the photos.
    """
    if str(masks) == "none":
        return NO_SOURCE
    if str(masks) != "auto":
        return from_folder(Path(masks), photos)
    return NO_SOURCE if capture is None else from_transforms(capture, photos)


def load_labels(dataset: InputDataset, source: LabelSource) -> list[UInt16[np.ndarray, "L H W"] | None]:
    """Label maps of every view of a data set, aligned with its undistorted images; None for views without.

    Must run before nerfstudio undistorts the images: it rewrites the cameras that say how.

    Raises:
        DataError: A file cannot be read, or has another shape than its photo.
    """
    loaded: list[UInt16[np.ndarray, "L H W"] | None] = []
    resized: list[str] = []
    for index, photo in enumerate(dataset.image_filenames):
        file = source.files.get(photo)
        if file is None:
            loaded.append(None)
            continue
        labels = read_label_maps(file)
        if not has_size_of_photo((labels.shape[2], labels.shape[1]), file, photo):
            resized.append(f"{file.name} {labels.shape[2]}x{labels.shape[1]}")
        loaded.append(align(labels, dataset.cameras[index].reshape(())))
    if resized:
        CONSOLE.print(
            f"Masks: {len(resized)} label maps have another resolution than their photos and are resized to the "
            f"nearest pixel (the first: {resized[0]})."
        )
    return loaded


def align(labels: UInt16[np.ndarray, "L h w"], camera: Cameras) -> UInt16[np.ndarray, "L H W"]:
    """Label maps on the pixels of the undistorted image of ``camera``, nearest neighbour.

    nerfstudio's own function undistorts and crops a picture of pixel coordinates, so that whatever it does to the
    image of any camera model happens to the labels too. Pixels from outside the photo get 0.

    Args:
        labels: Of the whole photo, at any resolution.
        camera: As the parser made it: size, intrinsics and distortion of the photo as it is loaded.
    """
    width, height = int(camera.width), int(camera.height)
    labels = labels[:, _nearest(labels.shape[1], height)][:, :, _nearest(labels.shape[2], width)]
    distortion = camera.distortion_params
    if distortion is None or not distortion.any():
        return labels
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = np.stack([x, y, np.ones_like(x)], axis=-1)
    intrinsics = camera.get_intrinsics_matrices().numpy()
    _, places, _ = _undistort_image(camera, distortion.numpy(), {}, places, intrinsics)
    inside = places[..., 2] > 0.5
    x, y = (places[..., axis] / np.maximum(places[..., 2], 0.5) for axis in (0, 1))
    columns = np.rint(x).astype(np.intp).clip(0, width - 1)
    rows = np.rint(y).astype(np.intp).clip(0, height - 1)
    return np.where(inside, labels[:, rows, columns], np.uint16(0))


def say_coverage(source: LabelSource, photos: Sequence[Path]) -> None:
    """One line about how many training views have masks; nothing where no masks are in use."""
    if not source.files:
        return
    without = sum(photo not in source.files for photo in photos)
    rest = f"; {without} of them have none and are trained without them" if without else ""
    names = f", {len(source.names)} names" if source.names else ""
    CONSOLE.print(f"Masks: {source.description}, {len(photos)} training views{rest}{names}.")


def say_lone_masks(loaded: Sequence[UInt16[np.ndarray, "L H W"] | None]) -> None:
    """Warn where no view has two masks to be told apart."""
    ids = [np.unique(labels) for labels in loaded if labels is not None]
    if ids and all((values > 0).sum() < 2 for values in ids):
        CONSOLE.print(
            "[yellow]Masks: no training view has more than one mask. Features can be smoothed inside it but not be "
            "told apart; give finer masks, for example with csg masks.[/yellow]"
        )


def _nearest(source: int, target: int) -> Shaped[np.ndarray, " target"]:
    """For each of ``target`` pixels along an axis, the pixel of ``source`` that its centre lies in."""
    return ((np.arange(target) + 0.5) * source / target).astype(np.intp)
