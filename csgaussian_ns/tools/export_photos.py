"""Photos that training held out, for ``csg export`` to measure on: as ``csg evaluate`` does, without torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from csgaussian_ns.capture.folder import open_capture
from csgaussian_ns.capture.split import choose
from csgaussian_ns.capture.view import CaptureView
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.export.measure import picture, psnr
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.scene import Scene
from csgaussian_ns.tools.viewpoints import tell_notes
from csgaussian_ns.tools.views import open_views

if TYPE_CHECKING:
    from csgaussian_ns.core.shapes import Float


@dataclass(frozen=True)
class HeldOut:
    """Photos of a scene that it was not trained on.

    Attributes:
        views: Theirs.
        behind: RGB behind the scene.
        transparent: RGB behind photos that are transparent.
    """

    views: tuple[CaptureView, ...]
    behind: "Float[np.ndarray, '3'] | None"
    transparent: tuple[float, float, float]

    def psnr(self, scene: Scene) -> float:
        """Mean over the photos, dB; what a photo's mask hides is black in both pictures.

        Raises:
            DataError: A photo or a mask cannot be read, or has another shape than its camera.
        """
        return float(np.mean([self._psnr(scene, view) for view in self.views]))

    def _psnr(self, scene: Scene, view: CaptureView) -> float:
        photo, drawn = view.colours(self.transparent), picture(scene, view.camera, self.behind)
        counts = view.counts()[..., None]
        photo, drawn = photo * counts, drawn * counts
        return psnr(drawn, photo)


def held_out(data: Path, scene: LoadedScene) -> HeldOut:
    """The views of a data set that training held out.

    Raises:
        ConfigError: No such data set, or none of its views was held out.
        DataError: The capture cannot be used.
    """
    meta = scene.meta
    views = open_views(data, meta, "all", None, 1.0, None)
    split = choose(open_capture(data), meta.extra, None)
    if not split.held_out:
        raise ConfigError(
            f"--data {data}: none of its {len(views.compared)} views was held out of training, as {split.told_by} "
            "says, so there is nothing to measure on; give the capture that the scene is of, or leave --data out"
        )
    tell_notes(views.notes)
    return HeldOut(tuple(views.compared[number] for number in split.held_out), scene.background, views.background)
