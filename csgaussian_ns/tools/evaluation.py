"""The figures of ``csg evaluate``: image quality and how well objects are found, on the views of a data set."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from csgaussian_ns.codec.scene import CodedScene
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.pictures import side_by_side, tinted
from csgaussian_ns.render.backend import Rasterizer
from csgaussian_ns.render.ssim import psnr, ssim
from csgaussian_ns.render.view import render_view
from csgaussian_ns.semantic.metrics import (
    Matching,
    TrueView,
    maps_of,
    match_by_name,
    match_by_overlap,
    measure,
    overlap_in_views,
    summary,
)
from csgaussian_ns.semantic.query import by_text, semantics_of
from csgaussian_ns.tools.capture import Capture

Match = Literal["auto", "name", "text", "overlap"]
MATCHED = {
    "name": "by name",
    "text": "by text: the object whose embedding is nearest to the encoded name",
    "overlap": "one to one, the assignment with the largest sum of IoU of rendered labels over all measured views",
}
"""What a report says about how true objects were matched."""


@dataclass(frozen=True)
class Measured:
    """A report, and what its pictures are made of.

    Attributes:
        report: For JSON.
        views: True masks of each measured view.
        maps: Which object of the scene each pixel of these shows.
        matching: Which objects stand for the true ones.
    """

    report: dict[str, Any]
    views: tuple[TrueView, ...]
    maps: tuple[torch.Tensor, ...]
    matching: Matching


@torch.no_grad()
def evaluate(
    scene: CodedScene,
    capture: Capture,
    match: Match,
    encode: Callable[[list[str]], dict[str, torch.Tensor]] | None,
    rasterizer: Rasterizer,
) -> Measured:
    """Measure a decoded scene.

    Args:
        scene: To measure.
        capture: Photos and true masks.
        match: How to find the object that a true one is compared with; ``auto`` takes names if the scene has any of
            the true ones, else texts if they can be encoded and the scene has embeddings, else overlap.
        encode: Names to vectors, if that was asked for.
        rasterizer: Draws.

    Raises:
        ConfigError: Matching that this scene or call does not allow.
        QueryError: Texts that the scene cannot be compared with.
        DataError: Photos or masks that cannot be read.
    """
    report: dict[str, Any] = {"colour": _colour(scene, capture, rasterizer)}
    if scene.semantics is None or capture.truth is None:
        reason = "the file has no semantic layer" if scene.semantics is None else "the data set has no masks"
        return Measured(report | {"semantics": None, "semantics_missing": reason}, (), (), {})
    views = tuple(capture.true_view(frame) for frame in capture.true_frames)
    maps = tuple(maps_of(scene, views, rasterizer))
    names = [name for name in capture.truth.names if any(name in view.masks for view in views)]
    how = _way(scene, names, match, encode is not None)
    matching = _matching(scene, names, how, encode, views, maps)
    pairs = [
        pair
        for view, found in zip(views, maps, strict=True)
        for pair in measure(scene, view, found, matching, rasterizer)
    ]
    report["semantics"] = {
        "layout": capture.truth.layout,
        "matched": MATCHED[how],
        "objects": {name: list(matching[name]) for name in names},
        "objects_in_file": len(scene.semantics.objects),
        "views": [view.name for view in views],
        "selection_3d": summary(pairs, "selection_3d"),
        "rendered_2d": summary(pairs, "rendered_2d"),
    }
    return Measured(report, views, maps, matching)


def write_overlays(measured: Measured, capture: Capture, folder: Path) -> int:
    """One picture per measured view: photo, true objects, found objects; matched ones in the same colour.

    Objects that stand for no true one keep colours of their own. Returns the number of pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = list(measured.matching)
    for frame, view, found in zip(capture.true_frames, measured.views, measured.maps, strict=True):
        photo = capture.photo(frame)
        true, drawn = torch.zeros_like(found), torch.where(found > 0, found + len(names), 0)
        for number, name in enumerate(names, 1):
            if name in view.masks:
                true[view.masks[name]] = number
            drawn[torch.isin(found, torch.tensor(list(measured.matching[name]), dtype=found.dtype))] = number
        panels = {"photo": photo, "true objects": tinted(photo, true), "found objects": tinted(photo, drawn)}
        side_by_side(panels).save(folder / f"{frame.name}.png")
    return len(measured.views)


def _colour(scene: CodedScene, capture: Capture, rasterizer: Rasterizer) -> dict[str, Any]:
    per_view = {}
    for frame in capture.frames:
        photo = capture.photo(frame)
        image = render_view(scene.anchors, scene.decoders, frame.camera, rasterizer, scene.background).image
        image = image.clamp(0, 1)
        per_view[frame.name] = {"psnr": float(psnr(image, photo)), "ssim": float(ssim(image, photo))}
    means = {key: sum(view[key] for view in per_view.values()) / len(per_view) for key in ("psnr", "ssim")}
    size = capture.frames[0].camera.width, capture.frames[0].camera.height
    return {**means, "size": size, "per_view": per_view}


def _way(scene: CodedScene, names: list[str], match: Match, can_encode: bool) -> str:
    layer = semantics_of(scene)
    if match != "auto":
        if match == "text" and not can_encode:
            raise ConfigError("--match text needs an encoder or vectors: give --text-weights or --vectors")
        return match
    if any(match_by_name(layer, names).values()):
        return "name"
    has_embeddings = any(entry.embedding is not None for entry in layer.objects)
    return "text" if can_encode and has_embeddings else "overlap"


def _matching(
    scene: CodedScene,
    names: list[str],
    how: str,
    encode: Callable[[list[str]], dict[str, torch.Tensor]] | None,
    views: tuple[TrueView, ...],
    maps: tuple[torch.Tensor, ...],
) -> Matching:
    layer = semantics_of(scene)
    if how == "name":
        return match_by_name(layer, names)
    if how == "text":
        assert encode is not None
        vectors = encode(names)
        return {name: [entry.id for entry in by_text(scene, vectors[name])[0].objects] for name in names}
    ids = [entry.id for entry in layer.objects]
    return match_by_overlap(overlap_in_views(views, maps, names, ids), names, ids)
