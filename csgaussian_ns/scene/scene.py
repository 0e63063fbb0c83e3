"""What a scene is: something of which a camera sees Gaussians."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from csgaussian_ns.core.arrays import namespace
from csgaussian_ns.core.shapes import Bool, Float, Int
from csgaussian_ns.core.types import Camera, Gaussians

if TYPE_CHECKING:
    from csgaussian_ns.scene.gaussian_scene import GaussianScene


@dataclass(frozen=True)
class Seen:
    """The Gaussians of one view and where they came from.

    Attributes:
        camera: The view.
        gaussians: What can be seen in it, and perhaps more.
        row: Which row of the scene each Gaussian belongs to.
        slot: Which of the Gaussians of its row it is; with ``row`` it tells a Gaussian among all, whatever the camera.
    """

    camera: Camera
    gaussians: Gaussians
    row: Int[Any, " N"]
    slot: Int[Any, " N"]

    def only(self, chosen: Bool[Any, " N"]) -> "Seen":
        """The Gaussians where ``chosen``, in the same order."""
        return Seen(self.camera, self.gaussians.where(chosen), self.row[chosen], self.slot[chosen])


def joined(parts: Sequence[Seen]) -> Seen:
    """Several parts of one view as one."""
    if len(parts) == 1:
        return parts[0]
    library = namespace(parts[0].row)

    def all_of(name: str) -> Any:
        return library.concatenate([getattr(part.gaussians, name) for part in parts])

    gaussians = Gaussians(*(all_of(field.name) for field in fields(Gaussians)))
    row, slot = (library.concatenate([getattr(part, name) for part in parts]) for name in ("row", "slot"))
    return Seen(parts[0].camera, gaussians, row, slot)


@runtime_checkable
class Scene(Protocol):
    """Made of rows: anchors, each with several Gaussians, or Gaussians themselves."""

    @property
    def position(self) -> Float[Any, "R 3"]:
        """Where each row is, world units."""
        ...

    @property
    def background(self) -> Float[Any, "3"] | None:
        """RGB as in photos behind the scene; black where ``None``."""
        ...

    @property
    def hidden(self) -> Bool[Any, " R"]:
        """Rows that are there no more, and are never seen: what edits removed."""
        ...

    @property
    def plain(self) -> "GaussianScene | None":
        """The same as plain Gaussians with harmonics, where its rows are such; ``None`` where they would be fitted."""
        ...

    def seen(self, camera: Camera, only: Bool[Any, " R"] | None = None) -> Seen:
        """What ``camera`` sees, in the array library of the scene; of the rows where ``only`` is true, if given."""
        ...
