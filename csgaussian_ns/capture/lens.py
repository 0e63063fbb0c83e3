"""How a lens bends rays, and the way back.

Two models, as OpenCV and COLMAP have them: Brown's, radial k1 k2 k3 and tangential p1 p2; and the fisheye of Kannala
and Brandt, a polynomial of the angle in k1 to k4.

Places are those where a ray meets the plane at distance 1 before the camera: ``straight`` as a pinhole would see it,
``bent`` as the lens lets it fall on the sensor.
"""

from typing import NamedTuple

import numpy as np

from csgaussian_ns.capture.optics import PINHOLES, distortion_of
from csgaussian_ns.capture.transforms import Frame
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float64

FISHEYES = ("OPENCV_FISHEYE",)
BROWN_STEPS, FISHEYE_STEPS = 5, 20
"""Of the search for a straight place. Five are OpenCV's: of a strong lens they end a little off, and so does the
picture that training sees."""

Places = Float64[np.ndarray, "*P 2"]


class Lens(NamedTuple):
    """Parameters of a lens, as nerfstudio orders them: k1, k2, k3, k4, p1, p2."""

    fisheye: bool
    parameters: tuple[float, float, float, float, float, float]

    def bent(self, straight: Places) -> Places:
        """Where the lens puts what a pinhole would see at ``straight``."""
        return self._bent_by_angle(straight) if self.fisheye else self._bent_by_radius(straight)

    def straight(self, bent: Places) -> Places:
        """Where a pinhole would see what the lens puts at ``bent``."""
        return self._straight_by_angle(bent) if self.fisheye else self._straight_by_radius(bent)

    def _bent_by_radius(self, straight: Places) -> Places:
        stretch, shift = self._brown(straight)
        return straight * stretch + shift

    def _straight_by_radius(self, bent: Places) -> Places:
        """A place that the lens folds away stays where it is, as OpenCV leaves it."""
        found, folded = bent, False
        for _ in range(BROWN_STEPS):
            stretch, shift = self._brown(found)
            folded |= stretch < 0
            found = np.where(folded, bent, (bent - shift) / stretch)
        return found

    def _brown(self, straight: Places) -> tuple[Float64[np.ndarray, "*P 1"], Places]:
        """Factor from the middle, and shift after it."""
        k1, k2, k3, _, p1, p2 = self.parameters
        x, y = straight[..., :1], straight[..., 1:]
        squared = x * x + y * y
        stretch = 1 + squared * (k1 + squared * (k2 + squared * k3))
        across, along = 2 * x * y, squared + 2 * straight * straight
        shift = across * (p1, p2) + along * (p2, p1)
        return stretch, shift

    def _bent_by_angle(self, straight: Places) -> Places:
        radius = np.linalg.norm(straight, axis=-1, keepdims=True)
        angle = np.arctan(radius)
        return straight * np.where(radius > 0, self._seen(angle) / np.where(radius > 0, radius, 1), 1.0)

    def _straight_by_angle(self, bent: Places) -> Places:
        seen = np.linalg.norm(bent, axis=-1, keepdims=True).clip(max=np.pi / 2)
        angle = seen
        for _ in range(FISHEYE_STEPS):  # Newton's
            angle = angle - (self._seen(angle) - seen) / self._slope(angle)
        return bent * np.where(seen > 0, np.tan(angle) / np.where(seen > 0, seen, 1), 1.0)

    def _seen(self, angle: np.ndarray) -> np.ndarray:
        """Distance from the middle, of a ray at an angle to the axis."""
        k1, k2, k3, k4 = self.parameters[:4]
        squared = angle * angle
        return angle * (1 + squared * (k1 + squared * (k2 + squared * (k3 + squared * k4))))

    def _slope(self, angle: np.ndarray) -> np.ndarray:
        k1, k2, k3, k4 = self.parameters[:4]
        squared = angle * angle
        return 1 + squared * (3 * k1 + squared * (5 * k2 + squared * (7 * k3 + squared * 9 * k4)))


def lens_of(frame: Frame) -> Lens | None:
    """The lens that a photo was taken through; ``None`` where it is a pinhole.

    Raises:
        DataError: No pinhole can stand for the camera, or its parameters are not finite numbers.
    """
    told, model = distortion_of(frame), frame.facts.get("camera_model", "PINHOLE")
    if model not in (*PINHOLES, *FISHEYES):
        raise DataError(
            f"{frame.where}: 'camera_model' is {str(model)[:40]!r}; expected a pinhole ({', '.join(PINHOLES)}) or a "
            f"fisheye ({', '.join(FISHEYES)}). Convert the photos, for example with COLMAP's image_undistorter"
        )
    if model in PINHOLES and not any(told):
        return None
    k1, k2, k3, k4, p1, p2, *more = told
    if more or (model in PINHOLES and k4 != 0):
        raise DataError(
            f"{frame.where}: the lens has a k4, or more parameters than k1, k2, k3, k4, p1, p2; of a lens that is no "
            "fisheye expected k1, k2, k3, p1, p2. Undistort the photos first, for example with COLMAP's "
            "image_undistorter"
        )
    return Lens(model in FISHEYES, (k1, k2, k3, k4, p1, p2))
