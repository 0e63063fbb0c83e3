"""What a scene is: something of which a camera sees Gaussians."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int

from csgaussian_ns.core.types import Camera, Gaussians


@dataclass(frozen=True)
class Seen:
    """The Gaussians of one view and where they came from.

    Attributes:
        camera: The view.
        gaussians: What can be seen in it, and perhaps more.
        row: Which row of the scene each Gaussian belongs to.
    """

    camera: Camera
    gaussians: Gaussians
    row: Int[Any, " N"]

    def only(self, chosen: Bool[Any, " N"]) -> "Seen":
        """The Gaussians where ``chosen``, in the same order."""
        return Seen(self.camera, self.gaussians.where(chosen), self.row[chosen])


@runtime_checkable
class Scene(Protocol):
    """Made of rows: anchors, each with several Gaussians, or Gaussians themselves."""

    @property
    def position(self) -> Float[Any, "R 3"]:
        """Where each row is, world units."""
        ...

    @property
    def background(self) -> Float[Any, "3"] | None:
        """Linear RGB behind the scene; black where ``None``."""
        ...

    def seen(self, camera: Camera) -> Seen:
        """What ``camera`` sees, in the array library of the scene."""
        ...
