"""A data set as ``csg evaluate`` sees it: photos, cameras in the scene's frame, true masks, all at one scale."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.tools.viewpoints import scaled

if TYPE_CHECKING:
    import numpy as np
    import torch

    from csgaussian_ns.capture.split import ViewSplit
    from csgaussian_ns.capture.view import CaptureView
    from csgaussian_ns.core.shapes import Bool
    from csgaussian_ns.receiver.orbit import Meta
    from csgaussian_ns.semantic.ground_truth import GroundTruth
    from csgaussian_ns.semantic.metrics import TrueView

Side = Literal["eval", "train", "all"]


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

    compared: "tuple[CaptureView, ...]"
    truth: "GroundTruth | None"
    annotated: "tuple[CaptureView, ...]"
    background: tuple[float, float, float]
    told_by: str
    notes: tuple[str, ...]

    def photo(self, view: "CaptureView") -> "torch.Tensor":
        """RGB in [0, 1], ``[H, W, 3]``, at the size of the view's camera.

        Raises:
            DataError: The photo cannot be read or has another shape than its camera.
        """
        import torch

        return torch.from_numpy(view.colours(self.background))

    def true_view(self, view: "CaptureView") -> "TrueView":
        """The true masks of a view at the size of its camera.

        Raises:
            DataError: A mask cannot be read or has another shape than the view's camera.
        """
        from csgaussian_ns.semantic.metrics import TrueView

        assert self.truth is not None
        whole = {} if self.truth.read_whole is None else _sized(self.truth.read_whole(view.photo), view)
        return TrueView(view.name, view.camera, _sized(self.truth.read(view.photo), view), whole)


def open_views(data: Path, meta: "Meta", side: Side, interval: int | None, scale: float, labels: Path | None) -> Views:
    """Find the views of a data set.

    Args:
        data: Folder of a capture, or a file of it.
        meta: Of the scene; it says where the cameras go and which views were held out of training.
        side: Which views are compared with photos. Instance masks follow it; the published sets have fixed views.
        interval: Every which view was held out, whatever the scene says.
        scale: Factor on the size of all pictures.
        labels: Annotations of LERF-OVS, where they are not beside the scene.

    Raises:
        ConfigError: No such data set, or none of its views is on that side.
        DataError: The capture cannot be used, or its annotations.
    """
    from csgaussian_ns.capture.folder import open_capture
    from csgaussian_ns.capture.kinds import KINDS, is_capture
    from csgaussian_ns.capture.split import choose
    from csgaussian_ns.capture.view import views_of
    from csgaussian_ns.semantic.ground_truth import find_ground_truth

    if not is_capture(data):
        raise ConfigError(f"--data {data}: there is no capture; give a folder with {KINDS}")
    capture = open_capture(data)
    views = [replace(view, camera=scaled(view.camera, scale)) for view in views_of(capture, meta.transform, meta.scale)]
    split = choose(capture, meta.extra, interval)
    compared = [views[number] for number in _on(side, split, len(views))]
    truth = find_ground_truth(capture, labels)
    among = compared if truth is not None and truth.layout == "instance masks" else views
    annotated = tuple(view for view in among if truth is not None and view.photo in truth.photos)
    notes = (*capture.notes, *split.notes, *(() if truth is None else truth.notes))
    return Views(tuple(compared), truth, annotated, meta.background, split.told_by, notes)


def _on(side: Side, split: "ViewSplit", count: int) -> tuple[int, ...]:
    numbers = {"eval": split.held_out, "train": split.train, "all": tuple(range(count))}[side]
    if not numbers:
        raise ConfigError(
            f"--views {side} leaves none of the {count} views, as {split.told_by} says; choose eval, train or all"
        )
    return numbers


def _sized(masks: "dict[str, Bool[np.ndarray, 'H W']]", view: "CaptureView") -> "dict[str, torch.Tensor]":
    """Masks of a photo as it was taken, straightened, at the size of a view's camera."""
    import torch

    from csgaussian_ns.capture.image_masks import resized_mask
    from csgaussian_ns.capture.photos import same_shape
    from csgaussian_ns.capture.straight import straightening

    bent, result = straightening(view.frame), {}
    size = view.size if bent is None else bent.taken.size
    for name, mask in masks.items():
        found = mask.shape[1], mask.shape[0]
        if not same_shape(found, size):
            raise DataError(
                f"{view.photo}: the mask of {name!r} has {found[0]} x {found[1]} pixels, the camera {size[0]} x "
                f"{size[1]}; their aspect ratios differ, so one of them belongs to another view"
            )
        mask = resized_mask(mask, size)
        straight = mask if bent is None else resized_mask(bent.nearest(mask), view.size)
        result[name] = torch.from_numpy(straight.copy())
    return result
