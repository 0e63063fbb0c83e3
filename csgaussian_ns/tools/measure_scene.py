"""The figures of ``csg evaluate``: image quality and how well objects are found, on the views of a data set."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.pictures import side_by_side, tinted
from csgaussian_ns.core.png import write_png
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.render.lpips import Lpips
from csgaussian_ns.render.rasterizer import Rasterizer
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.semantic.measure_objects import Encode, MatchBy, MeasuredObjects, measure_objects
from csgaussian_ns.tools.views import Views


@dataclass(frozen=True)
class Measured:
    """A report for JSON, and the objects in it, if there were any to measure."""

    report: dict[str, Any]
    objects: MeasuredObjects | None


@dataclass(frozen=True)
class InTensors:
    """A loaded scene of any representation in tensors, as it is after its edits; memory is shared."""

    scene: LoadedScene

    @property
    def background(self) -> Float[Tensor, "3"]:
        """RGB behind the scene."""
        behind = self.scene.background
        return torch.zeros(3) if behind is None else torch.from_numpy(behind)

    @property
    def semantics(self) -> SemanticLayer | None:
        """Of the scene."""
        layer = self.scene.semantics
        if layer is None:
            return None
        return replace(layer, feature=torch.from_numpy(layer.feature), label=torch.from_numpy(layer.label))

    @property
    def slots(self) -> Bool[Tensor, "R K"]:
        """Of the scene."""
        return torch.from_numpy(self.scene.slots)

    def seen(self, camera: Camera, only: Bool[Tensor, " R"] | None = None) -> Seen:
        """What ``camera`` sees; see ``scene.scene.Scene``."""
        seen = self.scene.seen(camera, None if only is None else only.numpy())
        arrays = (np.ascontiguousarray(getattr(seen.gaussians, field.name)) for field in fields(Gaussians))
        return Seen(camera, Gaussians(*map(torch.from_numpy, arrays)), *map(torch.from_numpy, (seen.row, seen.slot)))


@torch.no_grad()
def measure_scene(
    scene: TensorScene | InTensors,
    views: Views,
    match: MatchBy,
    encode: Encode | None,
    rasterizer: Rasterizer,
    lpips: Lpips | None = None,
) -> Measured:
    """Measure a scene.

    Args:
        scene: In tensors.
        views: Photos and true masks.
        match: See ``semantic.measure_objects.measure_objects``.
        encode: Names to vectors, if that was asked for.
        rasterizer: Draws.
        lpips: Measures how alike pictures look, too.

    Raises:
        CsgError: Matching that this scene or call does not allow; photos or masks that cannot be read.
    """
    report: dict[str, Any] = {"colour": _colour(scene, views, rasterizer, lpips)}
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
        photo, found = to_numpy(views.photo(view)), to_numpy(found)
        true, drawn = np.zeros_like(found), np.where(found > 0, found + len(names), 0)
        for number, name in enumerate(names, 1):
            if name in true_view.masks:
                true[to_numpy(true_view.masks[name])] = number
            drawn[np.isin(found, list(objects.matching[name]))] = number
        panels = {"photo": photo, "true objects": tinted(photo, true), "found objects": tinted(photo, drawn)}
        write_png(folder / f"{view.name}.png", side_by_side(panels))


def _colour(
    scene: TensorScene | InTensors, views: Views, rasterizer: Rasterizer, lpips: Lpips | None
) -> dict[str, Any]:
    """As ``ns-eval`` measures: what a photo's mask hides is black in both pictures."""
    per_view = {}
    for view in views.compared:
        photo, counts = views.photo(view), torch.from_numpy(view.counts().astype("float32"))[..., None]
        image = rasterizer(scene.seen(view.camera).gaussians, view.camera, scene.background).image
        image, photo = image.clamp(0, 1) * counts, photo * counts
        per_view[view.name] = {"psnr": float(psnr(image, photo)), "ssim": float(ssim(image, photo))}
        if lpips is not None:
            per_view[view.name]["lpips"] = lpips(image, photo)
    names = next(iter(per_view.values()))
    means = {key: sum(figures[key] for figures in per_view.values()) / len(per_view) for key in names}
    size = views.compared[0].camera.width, views.compared[0].camera.height
    net = {} if lpips is None else {"lpips_net": lpips.net}
    return {**means, **net, "size": size, "per_view": per_view}
