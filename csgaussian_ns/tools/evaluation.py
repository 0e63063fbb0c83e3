"""The figures of ``csg evaluate``: image quality and how well objects are found, on the views of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from csgaussian_ns.codec.scene import CodedScene
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.pictures import side_by_side, tinted
from csgaussian_ns.core.png import write_png
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.semantic.edited import Edited
from csgaussian_ns.semantic.measure_objects import Encode, MatchBy, MeasuredObjects, measure_objects
from csgaussian_ns.tools.views import Views


@dataclass(frozen=True)
class Measured:
    """A report for JSON, and the objects in it, if there were any to measure."""

    report: dict[str, Any]
    objects: MeasuredObjects | None


@torch.no_grad()
def evaluate(
    scene: CodedScene | Edited, views: Views, match: MatchBy, encode: Encode | None, rasterizer: Rasterizer
) -> Measured:
    """Measure a decoded scene, as it is or after its edits.

    Args:
        scene: To measure.
        views: Photos and true masks.
        match: See ``semantic.measure_objects.measure_objects``.
        encode: Names to vectors, if that was asked for.
        rasterizer: Draws.

    Raises:
        CsgError: Matching that this scene or call does not allow; photos or masks that cannot be read.
    """
    report: dict[str, Any] = {"colour": _colour(scene, views, rasterizer)}
    if scene.semantics is None or views.truth is None:
        reason = "the file has no semantic layer" if scene.semantics is None else "the data set has no masks"
        return Measured(report | {"semantics": None, "semantics_missing": reason}, None)
    annotated = [views.true_view(view) for view in views.annotated]
    objects = measure_objects(scene, annotated, rasterizer, match, encode)
    facts = {"layout": views.truth.layout, "objects_in_file": len(scene.semantics.objects)}
    return Measured(report | {"semantics": facts | objects.report()}, objects)


def write_overlays(objects: MeasuredObjects, views: Views, folder: Path) -> None:
    """One picture per measured view: photo, true objects, found objects; matched ones in the same colour.

    Objects that stand for no true one keep colours of their own.
    """
    make_folder(folder)
    names = list(objects.matching)
    for view, true_view, found in zip(views.annotated, objects.views, objects.maps, strict=True):
        photo = views.photo(view)
        true, drawn = torch.zeros_like(found), torch.where(found > 0, found + len(names), 0)
        for number, name in enumerate(names, 1):
            if name in true_view.masks:
                true[true_view.masks[name]] = number
            drawn[torch.isin(found, torch.tensor(list(objects.matching[name]), dtype=found.dtype))] = number
        panels = {"photo": photo, "true objects": tinted(photo, true), "found objects": tinted(photo, drawn)}
        write_png(folder / f"{view.name}.png", side_by_side(panels))


def _colour(scene: CodedScene | Edited, views: Views, rasterizer: Rasterizer) -> dict[str, Any]:
    """As ``ns-eval`` measures: what a photo's mask hides is black in both pictures."""
    per_view = {}
    for view in views.compared:
        photo, counts = views.photo(view), torch.from_numpy(view.counts().astype("float32"))[..., None]
        image = rasterizer(scene.seen(view.camera).gaussians, view.camera, scene.background).image
        image, photo = image.clamp(0, 1) * counts, photo * counts
        per_view[view.name] = {"psnr": float(psnr(image, photo)), "ssim": float(ssim(image, photo))}
    means = {key: sum(figures[key] for figures in per_view.values()) / len(per_view) for key in ("psnr", "ssim")}
    size = views.compared[0].camera.width, views.compared[0].camera.height
    return {**means, "size": size, "per_view": per_view}
