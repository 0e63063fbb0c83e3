"""From trained semantic features and labels to the sections NETS, LABL and SEMA, which end a ``.csg`` file."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.core.shapes import Bool, Float, Float32, Int, Int32, Int64
from csgaussian_ns.entropy.base import Context, EntropyModel
from csgaussian_ns.format.attribute_streams import encode_values
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.kinds import Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.object_bytes import write_objects, write_tree
from csgaussian_ns.format.objects import MAX_SOLIDITY, ObjectTexts, object_table, scene_objects
from csgaussian_ns.format.semantic_chunks import encode_semantic_chunk, write_nets
from csgaussian_ns.format.streams.coders import Coder
from csgaussian_ns.format.streams.labels import MAX_OBJECTS


@dataclass(frozen=True)
class TrainedSemantics:
    """What training and clustering hand over, one row per trained anchor.

    Attributes:
        feature: As trained, not rounded.
        entropy: The trained entropy model.
        label: Object of each anchor, 1 .. N, 0 for none: features of these are left out, and decode to 0. ``None``
            where nothing was clustered: all features are coded.
        names: One per object, empty where unknown; none at all stands for all unknown.
        embeddings: One per object, of any length; zeros where unknown.
        text_encoder: Whose embeddings they are.
        rate_weight: Weight of the features' rate, for entropy models that know it.
        solidity: One number per object as section OPAC has it; none at all stands for zeros, and writes no section.
        tree: What objects are parts of; ``None``, or one without wholes, writes no section.
    """

    feature: Float[Tensor, "A D"]
    entropy: EntropyModel
    label: Int[Tensor, " A"] | None = None
    names: tuple[str, ...] = ()
    embeddings: Float[np.ndarray, "N E"] | None = None
    text_encoder: str = ""
    rate_weight: float = 0.0
    solidity: bytes = b""
    tree: ObjectTree | None = None


def decoded_layer(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"], grid: Int[Tensor, "V 3"], voxel_size: float
) -> SemanticLayer:
    """The layer that a decoder gets of a file, row by row in its order, without writing the file.

    Args:
        semantics: Trained; without labels the layer has the features of all anchors, which is what to cluster.
        order: The anchors that are kept, in the order of the file.
        grid: Their voxels.
        voxel_size: Edge of a voxel.

    Raises:
        QuantisationError, ValueError: As of ``semantic_sections``.
    """
    labels, coded, texts = _labelled(semantics, order)
    voxels = grid.cpu().numpy()
    values, model = _in_order(semantics, order, voxels)
    described = np.broadcast_to(coded[:, None], values.shape)
    integers = encode_values(model, voxels, described, values).values
    table = object_table(labels, voxels, integers, len(texts.names))
    objects = scene_objects(table, texts, voxel_size, model.layout.base_steps[0], solidity=semantics.solidity)
    label = torch.from_numpy(labels.astype(np.int64))
    feature = torch.from_numpy(model.layout.real_values(integers))
    return SemanticLayer(feature, label, objects, texts.encoder, semantics.tree)


def semantic_sections(
    semantics: TrainedSemantics,
    order: Int64[Tensor, " V"],
    grid: Int32[np.ndarray, "V 3"],
    chunk_anchors: int,
    coder: Coder = Coder.RANS,
) -> list[Section]:
    """The semantic layer of a file.

    Args:
        semantics: Trained and clustered.
        order: The anchors that are kept, in the order of the file.
        grid: Their voxels.
        chunk_anchors: Anchors per chunk, as for colour.
        coder: Of the features.

    Raises:
        QuantisationError: A feature is not finite or too far from its prior to be coded.
        ValueError: Labels have gaps, an object lost all its anchors, or names and embeddings do not match them.
    """
    labels, described, texts = _labelled(semantics, order)
    values, model = _in_order(semantics, order, grid)
    objects = len(texts.names)
    chunks, decoded = [], [np.zeros((0, model.layout.channels), np.int64)]
    for number, start in enumerate(range(0, len(grid), chunk_anchors)):
        rows = slice(start, min(start + chunk_anchors, len(grid)))
        where = Run(number, start, rows.stop - rows.start)
        section, integers = encode_semantic_chunk(
            model, grid[rows], values[rows], labels[rows], described[rows], objects, where, coder
        )
        chunks.append(section)
        decoded.append(integers)
    table, tree = object_table(labels, grid, np.concatenate(decoded), objects), semantics.tree
    return [
        write_nets(model, semantics.label is None),
        packed_section("LABL", write_objects(table, texts)),
        *([packed_section("OPAC", semantics.solidity)] if any(semantics.solidity) else []),
        *([packed_section("TREE", write_tree(tree))] if tree is not None and tree.wholes else []),
        *chunks,
    ]


def _labelled(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"]
) -> tuple[Int32[np.ndarray, " V"], Bool[np.ndarray, " V"], ObjectTexts]:
    """The label of each kept anchor, whether its feature is coded, and what is known of the objects besides."""
    if semantics.label is None:
        labels, coded = np.zeros(len(order), np.int32), np.ones(len(order), bool)
    else:
        labels = semantics.label[order.to(semantics.label.device)].cpu().numpy().astype(np.int32)
        coded = labels > 0
    names = ("",) * _count_objects(labels, semantics)
    return labels, coded, ObjectTexts.of(semantics.names or names, semantics.embeddings, semantics.text_encoder)


def _in_order(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"], grid: Int32[np.ndarray, "V 3"]
) -> tuple[Float32[np.ndarray, "V D"], IntegerModel]:
    """Features in base steps, and the integer model calibrated on their voxels."""
    entropy = copy.deepcopy(semantics.entropy).cpu()
    values = entropy.values(semantics.feature.detach().cpu()[order.cpu()]).detach()
    context = Context(torch.from_numpy(grid), semantics.rate_weight, lambda rows: values[rows])
    return values.numpy(), entropy.freeze(context)


def _count_objects(labels: Int[np.ndarray, " V"], semantics: TrainedSemantics) -> int:
    """Number of objects; every one has anchors, a name if any has, and an embedding if any has."""
    found = np.unique(labels[labels != 0])
    objects = len(found)
    if objects > MAX_OBJECTS or (objects and (found[0], found[-1]) != (1, objects)):
        raise ValueError(
            f"labels of kept anchors must be 0 or all of 1..N, N at most {MAX_OBJECTS}; found {objects} different ones "
            f"between {found[0]} and {found[-1]}"
        )
    rows = [len(semantics.names)] if semantics.names else []
    rows += [len(semantics.embeddings)] if semantics.embeddings is not None else []
    rows += [len(semantics.solidity)] if semantics.solidity else []
    rows += [semantics.tree.objects] if semantics.tree is not None else []
    if any(count != objects for count in rows) or max(semantics.solidity, default=0) > MAX_SOLIDITY:
        raise ValueError(
            f"{objects} objects, but {rows} names, embeddings, numbers of OPAC up to {MAX_SOLIDITY} and "
            "objects in a tree"
        )
    return objects
