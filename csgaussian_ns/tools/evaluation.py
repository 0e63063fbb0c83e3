"""The figures of ``csg evaluate``: image quality and how well objects are found, on the views of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from csgaussian_ns.codec.scene import CodedScene
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.pictures import side_by_side, tinted
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.evaluation import Encode, Match, MeasuredObjects, measure_objects
from csgaussian_ns.tools.capture import Capture


@dataclass(frozen=True)
class Measured:
    """A report for JSON, and the objects in it, if there were any to measure."""

    report: dict[str, Any]
    objects: MeasuredObjects | None


@torch.no_grad()
def evaluate(
    scene: CodedScene, capture: Capture, match: Match, encode: Encode | None, rasterizer: Rasterizer
) -> Measured:
    """Measure a decoded scene.

    Args:
        scene: To measure.
        capture: Photos and true masks.
        match: See ``semantic.evaluation.measure_objects``.
        encode: Names to vectors, if that was asked for.
        rasterizer: Draws.

    Raises:
        CsgError: Matching that this scene or call does not allow; photos or masks that cannot be read.
    """
    report: dict[str, Any] = {"colour": _colour(scene, capture, rasterizer)}
    if scene.semantics is None or capture.truth is None:
        reason = "the file has no semantic layer" if scene.semantics is None else "the data set has no masks"
        return Measured(report | {"semantics": None, "semantics_missing": reason}, None)
    views = [capture.true_view(frame) for frame in capture.true_frames]
    objects = measure_objects(scene, views, rasterizer, match, encode)
    facts = {"layout": capture.truth.layout, "objects_in_file": len(scene.semantics.objects)}
    return Measured(report | {"semantics": facts | objects.report()}, objects)


def write_overlays(objects: MeasuredObjects, capture: Capture, folder: Path) -> None:
    """One picture per measured view: photo, true objects, found objects; matched ones in the same colour.

    Objects that stand for no true one keep colours of their own.
    """
    make_folder(folder)
    names = list(objects.matching)
    for frame, view, found in zip(capture.true_frames, objects.views, objects.maps, strict=True):
        photo = capture.photo(frame)
        true, drawn = torch.zeros_like(found), torch.where(found > 0, found + len(names), 0)
        for number, name in enumerate(names, 1):
            if name in view.masks:
                true[view.masks[name]] = number
            drawn[torch.isin(found, torch.tensor(list(objects.matching[name]), dtype=found.dtype))] = number
        panels = {"photo": photo, "true objects": tinted(photo, true), "found objects": tinted(photo, drawn)}
        side_by_side(panels).save(folder / f"{frame.name}.png")


def _colour(scene: CodedScene, capture: Capture, rasterizer: Rasterizer) -> dict[str, Any]:
    per_view = {}
    for frame in capture.frames:
        photo = capture.photo(frame)
        seen = AnchorScene(scene.anchors, scene.decoders).seen(frame.camera)
        image = rasterizer(seen.gaussians, frame.camera, scene.background).image.clamp(0, 1)
        per_view[frame.name] = {"psnr": float(psnr(image, photo)), "ssim": float(ssim(image, photo))}
    means = {key: sum(view[key] for view in per_view.values()) / len(per_view) for key in ("psnr", "ssim")}
    size = capture.frames[0].camera.width, capture.frames[0].camera.height
    return {**means, "size": size, "per_view": per_view}
