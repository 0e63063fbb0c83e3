"""nerfstudio's own exporters on runs of ours: ``gaussian-splat`` works, those that cast rays refuse in one line."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.scripts import exporter
from nerfstudio.utils.rich_utils import CONSOLE

from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.export.measure import likeness
from csgaussian_ns.export.plain import Effort, plain
from csgaussian_ns.export.write import write
from csgaussian_ns.ns.pipeline import CSGaussianPipeline
from csgaussian_ns.ns.run import load_run
from csgaussian_ns.receiver.capture_views import between_views, fitting_views
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.render_networks import AttributeDecoder, Decoded
from csgaussian_ns.scene.splats import Splats

OURS = "csgaussian_ns.ns.model.CSGaussianModelConfig"
"""What the config.yml of a run of ours names."""
SIZE = 480
"""Longer side of the views to fit to, as ``csg export`` by default."""
MEASURED_VIEWS = 12


def is_ours(config_file: Path) -> bool:
    """Whether a run is one of ours, told without loading it."""
    return config_file.is_file() and OURS in config_file.read_text("utf8", "replace")


@dataclass
class ExportGaussianSplat(exporter.ExportGaussianSplat):
    """Export 3D Gaussian Splatting model to a .ply"""  # noqa: D415  # as nerfstudio has it in its help

    steps: int = 300
    """Runs of csgaussian only: steps of descent after each Gaussian is fitted by itself."""
    views: int = 96
    """Runs of csgaussian only: most views to fit to, at least 4, of up to 48 from which photos were taken."""

    def main(self) -> None:
        """As nerfstudio does for its own methods; for ours, plain Gaussians fitted as ``csg export`` fits them."""
        if not is_ours(self.load_config):
            super().main()
            return
        try:
            print_done(self._export())
        except (CsgError, OSError) as error:
            sys.exit(f"gaussian-splat: {one_line(error)}")

    def _export(self) -> str:
        if self.ply_color_mode != "sh_coeffs":
            raise ConfigError("--ply-color-mode rgb: runs of csgaussian are exported with sh_coeffs only")
        make_folder(self.output_dir)
        pipeline = load_run(self.load_config, need_images=False)
        scene, meta = numpy_scene(pipeline), pipeline.facts()
        cameras = fitting_views(meta.extra, SIZE)[: max(4, self.views)]
        splats = plain(scene, cameras, Effort(steps=self.steps))
        if self.obb_center is not None and self.obb_rotation is not None and self.obb_scale is not None:
            box = OrientedBox.from_params(self.obb_center, self.obb_rotation, self.obb_scale)
            splats = splats.where(box.within(torch.from_numpy(splats.scene.means)).numpy().reshape(-1))
        path = self.output_dir / self.output_filename
        write(Splats(splats.scene), path, z_up=True)
        views = between_views(cameras, MEASURED_VIEWS)
        return (
            f"{path}: {path.stat().st_size / 1e6:.3f} MB, {len(splats):,} Gaussians in the frame of training; "
            f"{likeness(splats.scene, scene, views):.2f} dB PSNR against the scene's own pictures"
        )


def print_done(line: str) -> None:
    """One line to the console of nerfstudio."""
    CONSOLE.print(line, markup=False, highlight=False, soft_wrap=True)


def numpy_scene(pipeline: CSGaussianPipeline) -> AnchorScene:
    """The scene of a run as a decoder will have it, in arrays of numpy."""
    scene = pipeline.model.scene
    anchors = scene.decoded().anchors
    names = ("position", "feature", "offset", "scaling", "mask")
    background = to_numpy(pipeline.model.background_color).astype("float32")
    return AnchorScene(
        Anchors(*(to_numpy(getattr(anchors, name)) for name in names)), _Frozen(scene.decoders), background
    )


@dataclass(frozen=True)
class _Frozen:
    """Networks of torch for arrays of numpy. An ``AttributeDecoder``."""

    networks: AttributeDecoder

    @torch.no_grad()
    def __call__(self, feature: Any, direction: Any, distance: Any) -> Decoded:
        device = next(self.networks.parameters()).device  # type: ignore[attr-defined]
        inputs = (torch.from_numpy(array).to(device) for array in (feature, direction, distance))
        return Decoded(*map(to_numpy, self.networks(*inputs)))


def refusing(kind: type, name: str) -> type:
    """An exporter of nerfstudio that casts rays, and says so where a run has none."""

    def main(self: Any) -> None:
        if is_ours(self.load_config):
            sys.exit(
                f"{name}: it casts rays, and csgaussian draws Gaussians without any; use ns-export gaussian-splat, or "
                "csg decode for the anchors as points"
            )
        kind.main(self)  # type: ignore[attr-defined]

    return dataclass(type(kind.__name__, (kind,), {"main": main, "__doc__": kind.__doc__}))
