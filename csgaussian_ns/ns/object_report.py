"""How well a run finds objects on its held-out views: the same figures as ``csg evaluate`` gives for its file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.utils.rich_utils import CONSOLE
from rich.markup import escape
from torch import Tensor

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, DataError, QueryError
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.handover import has_semantics, trained_scene
from csgaussian_ns.ns.model import CSGaussianModel
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.ns.training_masks import align
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.ground_truth import GroundTruth, instance_masks
from csgaussian_ns.semantic.measure_objects import measure_objects
from csgaussian_ns.semantic.metrics import ACCURACIES, TrueView


@torch.no_grad()
def object_report(model: CSGaussianModel, manager: CSGaussianDataManager) -> dict[str, Any]:
    """What ``csg evaluate`` reports as ``semantics`` of the exported file, for the instance masks of the data set.

    It does not matter which masks the run was trained with. Empty before a file with objects could be written, and
    where the data set has no instance masks with names in any held-out view. Empty, too, and a line says why, where the
    masks of the data set or of the run cannot be read, the file has no objects, or a library is missing: other figures
    do not depend on it.
    """
    if not has_semantics(model.scene) or not model.scene.plan.at(model.scene.step).rate:
        return {}
    try:
        return _measured(model, manager)
    except (BackendUnavailable, ConfigError, DataError, QueryError) as error:
        CONSOLE.print(f"[yellow]Objects are not measured: {escape(one_line(error))}[/yellow]")
        return {}


def means_of(report: Mapping[str, Any]) -> dict[str, float]:
    """``miou_3d`` and ``acc_3d_*`` of 3-D selection, ``miou_whole_3d`` where it is known, and ``miou_2d``."""
    if not report:
        return {}
    selected = report["selection_3d"]
    means = {"miou_3d": selected["miou"]} | {f"acc_3d_{limit}": selected[f"acc_{limit}"] for limit in ACCURACIES}
    if "whole_3d" in report:
        means["miou_whole_3d"] = report["whole_3d"]["miou"]
    return means | {"miou_2d": report["rendered_2d"]["miou"]}


def _measured(model: CSGaussianModel, manager: CSGaussianDataManager) -> dict[str, Any]:
    truth = _truth(manager)
    views = _views(manager, truth) if truth is not None else []
    if truth is None or not views:
        return {}
    coded = decode(encode(trained_scene(model, manager)).data)
    assert coded.semantics is not None
    facts = {"layout": truth.layout, "objects_in_file": len(coded.semantics.objects)}
    return facts | measure_objects(coded, views, choose_rasterizer("auto", "cpu")).report()


def _truth(manager: CSGaussianDataManager) -> GroundTruth | None:
    if manager.capture is None:
        return None
    return instance_masks(
        manager.capture, [*manager.train_dataset.image_filenames, *manager.eval_dataset.image_filenames]
    )


def _views(manager: CSGaussianDataManager, truth: GroundTruth) -> list[TrueView]:
    """The held-out views that have true masks, at the size and without the distortion that the run sees them in."""
    photos: list[Path] = manager.eval_dataset.image_filenames
    batches = manager.fixed_indices_eval_dataloader  # loads them, which undistorts the cameras
    stems = [photo.stem for photo in photos]
    views = []
    for number, (photo, (camera, _)) in enumerate(zip(photos, batches, strict=True)):
        if photo not in truth.photos:
            continue
        taken = manager.eval_cameras_as_taken[number].reshape(())
        name = photo.stem if stems.count(photo.stem) == 1 else "_".join(photo.parts[-2:])
        whole = _aligned(truth.read_whole(photo), taken) if truth.read_whole is not None else {}
        views.append(TrueView(name, to_camera(camera.to("cpu")), _aligned(truth.read(photo), taken), whole))
    return views


def _aligned(masks: Mapping[str, Bool[np.ndarray, "h w"]], camera: Cameras) -> dict[str, Bool[Tensor, "H W"]]:
    """Masks on the pixels of the undistorted image."""
    return {name: torch.from_numpy(align(mask[None].astype(np.uint16), camera)[0] > 0) for name, mask in masks.items()}
