"""Plain Gaussians with what is known of each: what importers read, and exporters write."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from csgaussian_ns.core.shapes import Bool, Int
from csgaussian_ns.scene.gaussian_scene import GaussianScene


@dataclass(frozen=True)
class Splats:
    """Plain Gaussians, and whose they are.

    Attributes:
        scene: The Gaussians.
        objects: Number of the object that each belongs to, 0 for none; ``None`` where nothing is known.
        names: Of objects, by number, as far as they are known.
    """

    scene: GaussianScene
    objects: Int[np.ndarray, " N"] | None = None
    names: Mapping[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scene.means)

    def where(self, chosen: Bool[np.ndarray, " N"]) -> "Splats":
        """Those that are ``chosen``, in the same order."""
        names = ("means", "quats", "scales", "opacities", "harmonics")
        scene = replace(self.scene, **{name: getattr(self.scene, name)[chosen] for name in names})
        return Splats(scene, None if self.objects is None else self.objects[chosen], self.names)
