"""Frozen records that pass between the layers, and the legend of their axes.

Axes: ``A`` anchors, ``K`` offsets per anchor, ``F`` feature channels, ``N`` Gaussians, ``C`` rendered channels,
``H W`` image rows and columns. World and camera axes are OpenCV's (x right, y down, z forward), pixel centres lie
at ``.5``, quaternions are ``wxyz`` and need not be normalised. Lengths are in the training frame's units.

All arrays of one record are of one library: torch where something is trained or drawn on a GPU, numpy at a receiver,
which has no torch. A camera may be of another library than the scene it looks at.
"""

from dataclasses import dataclass, fields
from typing import Any

from csgaussian_ns.core.arrays import rows
from csgaussian_ns.core.shapes import Bool, Float, Int


@dataclass(frozen=True)
class Camera:
    """One pinhole camera.

    Attributes:
        world_to_camera: Rigid transform from world to OpenCV camera axes.
        fx, fy: Focal lengths in pixels.
        cx, cy: Principal point in pixels from the image's top left corner.
        width, height: Image size in pixels.
    """

    world_to_camera: Float[Any, "4 4"]
    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    @property
    def position(self) -> Float[Any, "3"]:
        """Centre of projection in world coordinates."""
        rotation, translation = self.world_to_camera[:3, :3], self.world_to_camera[:3, 3]
        return -rotation.T @ translation


@dataclass(frozen=True)
class Anchors:
    """Anchors with values in place: what a scene is made of, whether it is being trained or was decoded from a file.

    Attributes:
        position: World coordinates.
        feature: Input of the decoders.
        offset: Gaussian centres relative to the anchor, in units of ``exp(scaling[:, :3])``.
        scaling: Log lengths in world units: the first three scale the offsets, the last three the Gaussians.
        mask: 1 where a Gaussian slot is kept, 0 where it was dropped.
    """

    position: Float[Any, "A 3"]
    feature: Float[Any, "A F"]
    offset: Float[Any, "A K 3"]
    scaling: Float[Any, "A 6"]
    mask: Float[Any, "A K"]

    def __len__(self) -> int:
        """Number of anchors."""
        return len(self.position)

    def at(self, index: Int[Any, " V"]) -> "Anchors":
        """The anchors at ``index``."""
        return Anchors(*(rows(getattr(self, field.name), index) for field in fields(self)))


@dataclass(frozen=True)
class Gaussians:
    """Render-ready 3-D Gaussians.

    Attributes:
        means: Centres in world coordinates.
        quats: Orientations ``wxyz``, any non-zero length.
        scales: Standard deviations along the own axes, > 0, world units.
        opacities: Peak alpha in [0, 1].
        colors: What is blended: RGB as in photos, or any number of other channels.
    """

    means: Float[Any, "N 3"]
    quats: Float[Any, "N 4"]
    scales: Float[Any, "N 3"]
    opacities: Float[Any, " N"]
    colors: Float[Any, "N C"]

    def where(self, chosen: Bool[Any, " N"]) -> "Gaussians":
        """Those that are ``chosen``, in the same order."""
        return Gaussians(*(getattr(self, field.name)[chosen] for field in fields(self)))


@dataclass(frozen=True)
class Rendering:
    """What one camera sees.

    Attributes:
        image: Blended channels over the background (over zero where none was given).
        alpha: Coverage in [0, 1].
        depth: Expected z-depth: the blended depth divided by ``alpha``, 0 where nothing was hit. ``None`` unless
            it was asked for.
    """

    image: Float[Any, "H W C"]
    alpha: Float[Any, "H W 1"]
    depth: Float[Any, "H W 1"] | None
