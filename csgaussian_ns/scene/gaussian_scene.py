"""A scene of plain Gaussians whose colours depend on the direction of view, as 3DGS trains and stores them."""

import math
from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.arrays import largest, lengths, like, none_of
from csgaussian_ns.core.shapes import Bool, Float, Float32
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.scene.frustum import MARGIN, in_reach
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.scene.spherical_harmonics import COEFFICIENTS, colours

FOOTPRINT = 3.34
"""Standard deviations at which an opaque Gaussian has less than 1/255 of its alpha left."""
DILATION_PIXELS = 2.0
"""How far the renderer's dilation of footprints may reach."""


@dataclass(frozen=True)
class GaussianScene:
    """A ``Scene`` whose rows are Gaussians, in arrays of numpy.

    Attributes:
        means: Centres in world coordinates.
        quats: Orientations ``wxyz``, any non-zero length.
        scales: Standard deviations along the own axes, world units.
        opacities: Peak alpha in [0, 1].
        harmonics: Coefficients of the colours: 1, 4, 9 or 16 for degree 0 to 3.
        background: RGB as in photos behind the scene; black where ``None``.
    """

    means: Float32[np.ndarray, "N 3"]
    quats: Float32[np.ndarray, "N 4"]
    scales: Float32[np.ndarray, "N 3"]
    opacities: Float32[np.ndarray, " N"]
    harmonics: Float32[np.ndarray, "N B 3"]
    background: Float[np.ndarray, "3"] | None = None

    @property
    def position(self) -> Float32[np.ndarray, "N 3"]:
        """Of the Gaussians."""
        return self.means

    @property
    def hidden(self) -> Bool[np.ndarray, " N"]:
        """None of them."""
        return none_of(self.means)

    @property
    def plain(self) -> "GaussianScene":
        """This very scene."""
        return self

    @property
    def degree(self) -> int:
        """Of the spherical harmonics."""
        return COEFFICIENTS.index(self.harmonics.shape[1])

    def seen(self, camera: Camera, only: Bool[np.ndarray, " N"] | None = None) -> Seen:
        """Colour what can reach the image as ``camera`` sees it; ``row`` counts the Gaussians. See ``Scene``."""
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what is not finite is not drawn
            ray = self.means - like(camera.position, self.means)
            distance = lengths(ray)[:, 0]
            reach = largest(self.scales) * np.float32(FOOTPRINT * _slant(camera))
            reach += distance * np.float32(DILATION_PIXELS / min(camera.fx, camera.fy))
            near = in_reach(self.means, reach, camera)
            row = np.flatnonzero(near if only is None else near & only)
            rgb = colours(self.harmonics[row], ray[row] / distance[row, None])
        gaussians = Gaussians(self.means[row], self.quats[row], self.scales[row], self.opacities[row], rgb)
        return Seen(camera, gaussians, row, np.zeros_like(row))


def _slant(camera: Camera) -> float:
    """How much wider a sphere looks at the corner of the image, with its margin, than in the middle."""
    across = ((0.5 + MARGIN) * camera.width + abs(0.5 * camera.width - camera.cx)) / camera.fx
    along = ((0.5 + MARGIN) * camera.height + abs(0.5 * camera.height - camera.cy)) / camera.fy
    return math.hypot(1, across, along)
