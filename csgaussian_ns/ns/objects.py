"""The objects of a run as its exported file will have them, and vectors that describe them to a text encoder."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from nerfstudio.pipelines.base_pipeline import Pipeline
from torch import Tensor

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.errors import QueryError
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.ns.cameras import to_camera
from csgaussian_ns.ns.datamanager import CSGaussianDataManager
from csgaussian_ns.ns.model import model_of
from csgaussian_ns.ns.run import trained_scene
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.render_networks import AttributeDecoder
from csgaussian_ns.semantic.embeddings import LabelledView, best_cut_outs, object_embeddings
from csgaussian_ns.semantic.object_view import ObjectScene
from csgaussian_ns.semantic.query import semantics_of
from csgaussian_ns.semantic.seen import label_map, see
from csgaussian_ns.semantic.text import TextEncoder

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with what is done, how many, and how many in all."""


def find_objects(pipeline: Pipeline) -> tuple[ObjectScene, int]:
    """Code and decode the run in memory, so that objects are those of the file, and carry them back to the run.

    Returns:
        All anchors of the run in its order and on its device; those that the file leaves out belong to no object. And
        the step that the run is at.

    Raises:
        ConfigError: The run cannot be coded yet.
        QueryError: It was trained without masks, or meaning is not trained yet.
    """
    scene = model_of(pipeline).scene
    device = scene.anchors.grid.device
    coded = decode(encode(trained_scene(pipeline)).data)
    layer = semantics_of(coded)
    rows = rows_of(coded.grid, scene.anchors.grid.cpu())
    feature = layer.feature.new_zeros(len(scene.anchors), layer.feature.shape[1])
    label = layer.label.new_zeros(len(scene.anchors))
    feature[rows], label[rows] = layer.feature, layer.label
    layer = replace(layer, feature=feature.to(device), label=label.to(device))
    return ObjectScene(scene.decoded().anchors, scene.decoders, layer), scene.step


def rows_of(grid: Int[Tensor, "B 3"], everything: Int[Tensor, "A 3"]) -> Int[Tensor, " B"]:
    """Where each voxel of ``grid`` is in ``everything``, which holds each of them once."""
    row = {tuple(voxel): number for number, voxel in enumerate(everything.tolist())}
    return torch.tensor([row[tuple(voxel)] for voxel in grid.tolist()], dtype=torch.int64)


def with_vectors(pipeline: Pipeline, trained: TrainedScene, encoder: TextEncoder, progress: Progress) -> TrainedScene:
    """``trained`` with a vector for each of its objects, so that its file can be asked by text.

    Raises:
        QueryError: There are no objects, or no training photo shows any.
    """
    semantics, scene = trained.semantics, model_of(pipeline).scene
    if semantics is None or semantics.label is None or not bool((semantics.label > 0).any()):
        raise QueryError("--text-weights: this run has no objects to describe; train it with masks")
    label = semantics.label.to(scene.anchors.grid.device)
    vectors = object_vectors(pipeline, scene.decoded().anchors, scene.decoders, label, encoder, progress)
    if not vectors:
        raise QueryError("--text-weights: no training photo shows enough of any object to describe it")
    table = np.zeros((int(label.max()), encoder.dim), np.float32)
    for number, vector in vectors.items():
        table[number - 1] = vector.numpy()
    described = replace(semantics, embeddings=table, text_encoder=encoder.name)
    return replace(trained, semantics=described)


def object_vectors(
    pipeline: Pipeline,
    anchors: Anchors,
    decoders: AttributeDecoder,
    label: Int[Tensor, " A"],
    encoder: TextEncoder,
    progress: Progress,
    max_views: int = 0,
) -> dict[int, Float[Tensor, " D"]]:
    """A vector for each object, averaged over the training photos that show most of it.

    Args:
        pipeline: Of the run, with its images.
        anchors: As a decoder sees them.
        decoders: The render networks.
        label: Object of each anchor, 0 for none.
        encoder: Of pictures.
        progress: Told what is done.
        max_views: Photos to look for objects in, evenly spread; 0 takes all.

    Returns:
        By id; objects that no photo shows well enough are missing.
    """
    manager = pipeline.datamanager
    assert isinstance(manager, CSGaussianDataManager)
    photos, device = manager.cached_train, anchors.position.device  # caching also corrects the cameras
    rasterizer = choose_rasterizer("auto", device)
    count = min(len(photos), max_views or len(photos))

    def labelled() -> Iterator[LabelledView]:
        for number, index in enumerate(np.linspace(0, len(photos) - 1, count).round().astype(int).tolist()):
            camera = to_camera(manager.train_dataset.cameras[index : index + 1].to(device))
            labels = label_map(see(anchors, decoders, camera), label, rasterizer)
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
