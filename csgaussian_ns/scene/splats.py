"""Plain Gaussians with what is known of each: what importers read, and exporters write."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from csgaussian_ns.core.shapes import Bool, Int
from csgaussian_ns.scene.gaussian_scene import GaussianScene

_COLUMNS = ("means", "quats", "scales", "opacities", "harmonics")


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
        """Those that are ``chosen``, in the same order; themselves if all are."""
        if chosen.all():
            return self
        scene = replace(self.scene, **{name: getattr(self.scene, name)[chosen] for name in _COLUMNS})
        return Splats(scene, None if self.objects is None else self.objects[chosen], self.names)


def gathered(runs: Iterable[Splats], count: int) -> Splats:
    """Runs of Gaussians of one file, all together ``count``, as one; no run is kept after the next one has come."""
    columns, objects, start = dict[str, np.ndarray](), None, 0
    for run in runs:
        here = slice(start, start + len(run))
        if not columns:
            parts = {name: getattr(run.scene, name) for name in _COLUMNS}
            columns = {name: np.empty((count, *part.shape[1:]), part.dtype) for name, part in parts.items()}
            objects = None if run.objects is None else np.empty(count, run.objects.dtype)
        for name, column in columns.items():
            column[here] = getattr(run.scene, name)
        if objects is not None:
            objects[here] = run.objects
        start = here.stop
    return Splats(GaussianScene(**columns), objects)
