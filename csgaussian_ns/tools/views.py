"""A data set as ``csg evaluate`` sees it: photos, cameras in the scene's frame, true masks, all at one scale."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.tools.cameras import scaled

if TYPE_CHECKING:
    import numpy as np
    import torch
    from jaxtyping import Bool

    from csgaussian_ns.capture.split import Split
    from csgaussian_ns.core.types import Camera
    from csgaussian_ns.format.facts import Facts
    from csgaussian_ns.semantic.ground_truth import GroundTruth
    from csgaussian_ns.semantic.metrics import TrueView

Side = Literal["eval", "train", "all"]


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        name: Of its frame.
        photo: Path of the image.
        camera: In the frame that the scene was trained in, at the size of the comparison.
        mask: Image whose black pixels do not count, if there is one.
    """

    name: str
    photo: Path
    camera: "Camera"
    mask: Path | None


@dataclass(frozen=True)
class Views:
    """What is measured on.

    Attributes:
        compared: Views whose photos are compared.
        truth: Where the true masks of objects are, if there are any.
        annotated: Views whose true masks are compared.
        background: RGB behind photos that are transparent.
        told_by: Who says which views were held out.
        notes: Sentences about what a reader may not expect.
    """

    compared: tuple[View, ...]
    truth: "GroundTruth | None"
    annotated: tuple[View, ...]
    background: tuple[float, float, float]
    told_by: str
    notes: tuple[str, ...]

    def photo(self, view: View) -> "torch.Tensor":
        """RGB in [0, 1], ``[H, W, 3]``, at the size of the view's camera.

        Raises:
            DataError: The photo cannot be read or has another shape than its camera.
        """
        import torch

        from csgaussian_ns.capture.photos import photo_of_size

        return torch.from_numpy(photo_of_size(view.photo, (view.camera.width, view.camera.height), self.background))

    def true_view(self, view: View) -> "TrueView":
        """The true masks of a view at the size of its camera.

        Raises:
            DataError: A mask cannot be read or has another shape than the view's camera.
        """
        from csgaussian_ns.semantic.metrics import TrueView

        assert self.truth is not None
        whole = {} if self.truth.read_whole is None else _sized(self.truth.read_whole(view.photo), view)
        return TrueView(view.name, view.camera, _sized(self.truth.read(view.photo), view), whole)


def open_views(data: Path, meta: "Facts", side: Side, interval: int | None, scale: float, labels: Path | None) -> Views:
    """Find the views of a data set.

    Args:
        data: Folder with a ``transforms.json``, or the file itself.
        meta: Of the scene; it says where the cameras go and which views were held out of training.
        side: Which views are compared with photos. Instance masks follow it; the published sets have fixed views.
        interval: Every which view was held out, whatever the scene says.
        scale: Factor on the size of all pictures.
        labels: Annotations of LERF-OVS, where they are not beside the scene.

    Raises:
        ConfigError: No such data set, or none of its views is on that side.
        DataError: Photos with lens distortion, or wrong annotations.
    """
    from csgaussian_ns.capture import masks
    from csgaussian_ns.capture.cameras import cameras, is_pinhole
    from csgaussian_ns.capture.split import choose
    from csgaussian_ns.capture.transforms import read_capture, transforms_in
    from csgaussian_ns.semantic.ground_truth import find_ground_truth

    if not transforms_in(data).is_file():
        raise ConfigError(
            f"--data {data}: there is no transforms.json; give a folder in nerfstudio's format (ns-process-data makes "
            "one from photos or from COLMAP's output)"
        )
    capture = read_capture(data)
    bent = [frame.name for frame in capture.frames if not is_pinhole(frame)]
    if bent:
        raise DataError(
            f"{capture.path}: {len(bent)} of {len(capture.frames)} photos have lens distortion (first: {bent[0]}), and "
            "a receiver draws without. Undistort photos and masks first, for example with COLMAP's image_undistorter"
        )
    hidden = capture.files_under(masks.KEY)
    placed = cameras(capture, meta.transform, meta.scale)
    views = [
        View(frame.name, frame.photo, scaled(camera, scale), hidden.get(frame.photo))
        for frame, camera in zip(capture.frames, placed, strict=True)
    ]
    split = choose(capture, meta.extra, interval)
    compared = [views[number] for number in _on(side, split, len(views))]
    truth = find_ground_truth(capture, labels)
    among = compared if truth is not None and truth.layout == "instance masks" else views
    annotated = tuple(view for view in among if truth is not None and view.photo in truth.photos)
    notes = (*capture.notes, *split.notes, *(() if truth is None else truth.notes))
    return Views(tuple(compared), truth, annotated, meta.background, split.told_by, notes)


def _on(side: Side, split: "Split", count: int) -> tuple[int, ...]:
    numbers = {"eval": split.held_out, "train": split.train, "all": tuple(range(count))}[side]
    if not numbers:
        raise ConfigError(
            f"--views {side} leaves none of the {count} views, as {split.told_by} says; choose eval, train or all"
        )
    return numbers


def _sized(masks: "dict[str, Bool[np.ndarray, 'H W']]", view: View) -> "dict[str, torch.Tensor]":
    """Masks at the size of a view's camera."""
    import numpy as np
    import torch
    from PIL import Image

    from csgaussian_ns.capture.photos import same_shape

    size, result = (view.camera.width, view.camera.height), {}
    for name, mask in masks.items():
        found = mask.shape[1], mask.shape[0]
        if not same_shape(found, size):
            raise DataError(
                f"{view.photo}: the mask of {name!r} has {found[0]} x {found[1]} pixels, the camera {size[0]} x "
                f"{size[1]}; their aspect ratios differ, so one of them belongs to another view"
            )
        if found != size:
            mask = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
        result[name] = torch.from_numpy(mask.copy())
    return result
