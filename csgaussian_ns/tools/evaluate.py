"""``csg evaluate``: image quality and object selection of a ``.csg`` file on a data set."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, WeightsFile, name_of, open_file
from csgaussian_ns.tools.outputs import output_folder
from csgaussian_ns.tools.terminal import tell, tell_table

if TYPE_CHECKING:
    from csgaussian_ns.receiver.scene import LoadedScene
    from csgaussian_ns.semantic.measure_objects import Encode

MEASURES = {"selection_3d": "3-D selection", "whole_3d": "3-D selection, whole objects", "rendered_2d": "2-D"}


@dataclass(frozen=True)
class Evaluate:
    """Measure a .csg or .ply file on a data set: PSNR, SSIM, and IoU of its objects with true masks.

    True masks are read in three layouts: instance_mask_path and instances.json (as csg demo-scene writes), LERF-OVS
    (polygons, official frames) and 3D-OVS (segmentations/).
    """

    file: SceneFile
    data: Path
    """Folder of a capture, as nerfstudio (transforms.json), Blender or COLMAP wrote it, or its file. Photos with lens
    distortion are straightened as in training."""
    output: Annotated[Path | None, tyro.conf.arg(aliases=["-o"])] = None
    """Folder for report.json and for pictures: photo, true objects, found objects."""
    weights: WeightsFile = None
    json: AsJson = False
    views: Literal["eval", "train", "all"] = "eval"
    """Views to measure on; eval are those that training held out. Published sets of masks have views of their own."""
    interval: int | None = None
    """Every which view is taken as held out, in the order of file names, instead of those that the file names."""
    scale: float = 1.0
    """Factor on the image size."""
    labels: Path | None = None
    """Folder of LERF-OVS annotations, where it is not ../label/<scene>."""
    match: Literal["auto", "name", "text", "overlap"] = "auto"
    """How a true object's counterpart is found: auto prefers names, then text, then the best overlap."""
    text_weights: Annotated[Path | None, tyro.conf.arg(aliases=["--text-encoder"])] = None
    """Weights of the text encoder that the file names, to ask by the true objects' names."""
    lpips_weights: Path | None = None
    """Weights of LPIPS, to measure that, too: a state dict of the package lpips, of net vgg or alex."""
    vectors: Path | None = None
    """JSON object of names and text vectors, instead of an encoder."""

    def run(self) -> None:
        """Decode, measure, report."""
        with nullcontext() if self.output is None else output_folder(self.output):
            self._evaluate()

    def _evaluate(self) -> None:
        from csgaussian_ns.core.files import write_json
        from csgaussian_ns.receiver.load import load
        from csgaussian_ns.render.backend import choose_rasterizer
        from csgaussian_ns.render.lpips import load_lpips
        from csgaussian_ns.tools.measure_scene import InTensors, measure_scene, write_overlays
        from csgaussian_ns.tools.viewpoints import tell_notes
        from csgaussian_ns.tools.views import open_views

        lpips = None if self.lpips_weights is None else load_lpips(self.lpips_weights)
        with open_file(self.file) as stream:
            scene, size = load(stream), stream.seek(0, SEEK_END)
        views = open_views(self.data, scene.meta, self.views, self.interval, self.scale, self.labels)
        tell_notes(views.notes)
        measured = measure_scene(
            InTensors(scene), views, self.match, self._encode(scene), choose_rasterizer("cpu", "cpu"), lpips
        )
        facts = {
            "file": name_of(self.file),
            "data": str(self.data),
            "bytes": size,
            "representation": scene.rows.lower(),
            "rows": len(scene),
            "views": self.views,
            "held_out_by": views.told_by,
            "notes": views.notes,
        }
        report = facts | measured.report
        if self.output is not None:
            write_json(self.output / "report.json", report)
            if measured.objects is not None:
                write_overlays(measured.objects, views, self.output / "overlays")
        answer(self.json, report, partial(print_report, report))

    def _encode(self, scene: "LoadedScene") -> "Encode | None":
        from csgaussian_ns.semantic.query import semantics_of
        from csgaussian_ns.tools.text_query import encoder_for, read_vectors

        if self.text_weights is not None and self.vectors is not None:
            raise ConfigError("give --text-weights or --vectors, not both")
        if self.vectors is not None:
            path = self.vectors
            return lambda names: read_vectors(path, names)
        if self.text_weights is None:
            return None
        encoder = encoder_for(semantics_of(scene), self.text_weights)
        return lambda names: dict(zip(names, encoder.encode_text(names), strict=True))


def print_report(report: dict[str, Any]) -> None:
    """The report as tables, and one line that sums it up."""
    colour, semantics = report["colour"], report["semantics"]
    lpips = f" LPIPS {colour['lpips']:.3f} ({colour['lpips_net']})" if "lpips" in colour else ""
    line = (
        f"{report['file']}: {report['bytes'] / 1e6:.3f} MB, PSNR {colour['psnr']:.2f} dB, SSIM {colour['ssim']:.3f}"
        f"{lpips} over {len(colour['per_view'])} views ({report['views']})"
    )
    if semantics is None:
        tell(f"{line}; no objects measured: {report['semantics_missing']}")
        return
    parts = {title: semantics[key] for key, title in MEASURES.items() if key in semantics}
    rows = [
        (name, " ".join(map(str, ids)) or "none", *(_figure(part["per_object"], name) for part in parts.values()))
        for name, ids in semantics["objects"].items()
    ]
    tell_table(("object", "ids in the file", *parts), rows, f"matched {semantics['matched']}")
    rows = [
        (name, *(_figure(part["per_view"], name) for part in parts.values()))
        for name in semantics["selection_3d"]["per_view"]
    ]
    tell_table(("view", *parts), rows, f"{semantics['layout']}, mean IoU")
    selected, means = semantics["selection_3d"], (f"{title} mIoU {part['miou']:.3f}" for title, part in parts.items())
    tell(
        f"{line}; {selected['pairs']} pairs of view and object: {', '.join(means)}; Acc@0.25 "
        f"{selected['acc_0.25']:.3f}, Acc@0.5 {selected['acc_0.5']:.3f} of 3-D selection"
    )


def _figure(figures: dict[str, float], name: str) -> str:
    """A dash for what was seen in no view, or has no mask of this kind there."""
    return f"{figures[name]:.3f}" if name in figures else "-"
