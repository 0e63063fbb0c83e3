"""One view of a capture in the frame of a scene: its camera, its photo, the pixels that count."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from csgaussian_ns.capture.image_masks import KEY, read_mask
from csgaussian_ns.capture.photos import photo_of_size
from csgaussian_ns.capture.poses import cameras
from csgaussian_ns.capture.straight import straightening
from csgaussian_ns.capture.transforms import Capture, Frame
from csgaussian_ns.core.shapes import Bool, Float32
from csgaussian_ns.core.types import Camera


@dataclass(frozen=True)
class CaptureView:
    """One view.

    Attributes:
        frame: Of the capture.
        camera: In the frame that the scene was trained in, at the size of the comparison; of the straight photo.
        mask: Image whose black pixels do not count, if there is one.
    """

    frame: Frame
    camera: Camera
    mask: Path | None

    @property
    def name(self) -> str:
        """Of its frame."""
        return self.frame.name

    @property
    def photo(self) -> Path:
        """Path of the image."""
        return self.frame.photo

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the comparison."""
        return self.camera.width, self.camera.height

    def colours(self, background: tuple[float, float, float]) -> Float32[np.ndarray, "H W 3"]:
        """Of the photo as a pinhole would have taken it, in [0, 1]; what is transparent over ``background``.

        Raises:
            DataError: The photo cannot be read or has another shape than its camera.
        """
        return photo_of_size(self.photo, self.size, background, straightening(self.frame))

    def counts(self) -> Bool[np.ndarray, "H W"]:
        """The pixels that count.

        Raises:
            DataError: The mask cannot be read or has another shape than its photo's camera.
        """
        if self.mask is None:
            return np.ones(self.size[::-1], bool)
        return read_mask(self.mask, self.size, straightening(self.frame))


def views_of(capture: Capture, transform: Sequence[float], scale: float) -> list[CaptureView]:
    """All views of a capture.

    Args:
        capture: Photos and poses.
        transform: From the capture's own world to the frame of the scene, 3x4 row by row, before ``scale``.
        scale: Factor after it.

    Raises:
        DataError: A pose or intrinsics that make no sense.
    """
    hidden, placed = capture.files_under(KEY), cameras(capture, transform, scale)
    return [
        CaptureView(frame, camera, hidden.get(frame.photo))
        for frame, camera in zip(capture.frames, placed, strict=True)
    ]
