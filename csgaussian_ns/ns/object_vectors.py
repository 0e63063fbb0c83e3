"""Vectors that describe the objects of a run to a text encoder, from its training photos."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.shapes import Float, Int, UInt8
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.embeddings import LabelledView, best_cut_outs, object_embeddings
from csgaussian_ns.semantic.finding import solidity
from csgaussian_ns.semantic.seen import label_map, raised
from csgaussian_ns.semantic.text import TextEncoder

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done, how many, and how many in all."""


def with_vectors(
    manager: CSGaussianDataManager, trained: TrainedScene, encoder: TextEncoder, progress: Progress
) -> TrainedScene:
    """``trained`` with a vector for each of its objects, so that its file can be asked by text.

    Raises:
        QueryError: There are no objects, or no training photo shows any.
    """
    semantics = trained.semantics
    if semantics is None or semantics.label is None or not bool((semantics.label > 0).any()):
        raise QueryError("--text-weights: this run has no objects to describe; train it with masks")
    label, scene = semantics.label.to(trained.grid.device), AnchorScene(trained.anchors, trained.decoders)
    powers = solidity.powers(semantics.solidity, int(label.max()))
    vectors = object_vectors(manager, scene, label, powers, encoder, progress)
    if not vectors:
        raise QueryError("--text-weights: no training photo shows enough of any object to describe it")
    table = np.zeros((int(label.max()), encoder.dim), np.float32)
    for number, vector in vectors.items():
        table[number - 1] = vector.numpy()
    described = replace(semantics, embeddings=table, text_encoder=encoder.name)
    return replace(trained, semantics=described)


def object_vectors(
    manager: CSGaussianDataManager,
    scene: AnchorScene,
    label: Int[Tensor, " A"],
    powers: Sequence[float],
    encoder: TextEncoder,
    progress: Progress,
    max_views: int = 0,
) -> dict[int, Float[Tensor, " D"]]:
    """A vector for each object, averaged over the training photos that show most of it.

    Args:
        manager: Of the run, with its images.
        scene: As a decoder sees it.
        label: Object of each anchor, 0 for none.
        powers: Solidity of each object, that of none first: what is of glass is cut out whole.
        encoder: Of pictures.
        progress: Told what is done.
        max_views: Photos to look for objects in, evenly spread; 0 takes all.

    Returns:
        By id; objects that no photo shows well enough are missing.
    """
    photos, device = manager.cached_train, scene.position.device  # caching also corrects the cameras
    rasterizer = choose_rasterizer("auto", device)
    count = min(len(photos), max_views or len(photos))

    @torch.no_grad()
    def labelled() -> Iterator[LabelledView]:
        for number, index in enumerate(np.linspace(0, len(photos) - 1, count).round().astype(int).tolist()):
            camera = to_camera(manager.train_dataset.cameras[index : index + 1].to(device))
            labels = label_map(raised(scene.seen(camera), label, powers), label, rasterizer)
            yield LabelledView(_as_bytes(photos[index]["image"]), labels.cpu().numpy())
            progress("looking for objects in photos", number + 1, count)

    cut_outs = best_cut_outs(labelled())
    return object_embeddings(cut_outs, encoder, lambda done, total: progress("describing objects", done, total))


def _as_bytes(image: Tensor) -> UInt8[np.ndarray, "H W 3"]:
    """RGB in bytes; transparent photos over black."""
    values = image.float() * 255 if image.dtype != torch.uint8 else image.float()
    if values.shape[-1] == 4:
        values = values[..., :3] * values[..., 3:] / 255
    return values.round().clamp(0, 255).to(torch.uint8).cpu().numpy()
