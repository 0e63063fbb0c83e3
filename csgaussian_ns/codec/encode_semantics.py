"""From trained semantic features and labels to the sections NETS, LABL and SEMA, which end a ``.csg`` file."""

import copy
import struct
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from csgaussian_ns.codec.checks import known_answer, values_crc
from csgaussian_ns.codec.hyperprior import pack_blocks, write_hyperprior
from csgaussian_ns.codec.sections import packed_section
from csgaussian_ns.codec.semantic_features import encode_features
from csgaussian_ns.entropy.integer_prior import IntegerHyperprior, integer_hyperprior, real_values
from csgaussian_ns.entropy.semantic import SemanticEntropyModel
from csgaussian_ns.format.kinds import Layer, SectionInfo
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.object_bytes import write_objects
from csgaussian_ns.format.objects import ObjectTexts, object_table
from csgaussian_ns.format.streams.labels import MAX_OBJECTS, encode_labels

NETS_HEAD = struct.Struct("<HBd")
IN_OBJECTS, EVERYWHERE = 0, 1
"""Whose features are coded: those of anchors that belong to an object, or all."""


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
    """

    feature: Float[Tensor, "A D"]
    entropy: SemanticEntropyModel
    label: Int[Tensor, " A"] | None = None
    names: tuple[str, ...] = ()
    embeddings: Float[np.ndarray, "N E"] | None = None
    text_encoder: str = ""


def decoded_features(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"], grid: Int[Tensor, "V 3"]
) -> Float[Tensor, "V D"]:
    """The features that a decoder gets where they are coded, for all anchors: what to cluster.

    Args:
        semantics: Trained; labels are not read.
        order: The anchors that are kept, in the order of the file (``encode.kept_in_order``).
        grid: Their voxels.
    """
    values, hyperprior = _in_order(semantics, order, grid)
    return real_values(encode_features(hyperprior, grid, values)[1], hyperprior.layout)


def semantic_sections(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"], grid: Int[Tensor, "V 3"], chunk_anchors: int
) -> list[Section]:
    """The semantic layer of a file.

    Args:
        semantics: Trained and clustered.
        order: The anchors that are kept, in the order of the file.
        grid: Their voxels.
        chunk_anchors: Anchors per chunk, as for colour.

    Raises:
        QuantisationError: A feature is not finite or too far from its prior to be coded.
        ValueError: Labels have gaps, an object lost all its anchors, or names and embeddings do not match them.
    """
    labels = torch.zeros(len(order), dtype=torch.int64)
    if semantics.label is not None:
        labels = semantics.label[order.to(semantics.label.device)].cpu().long()
    objects = _count_objects(labels.numpy(), semantics)
    texts = ObjectTexts.of(semantics.names or ("",) * objects, semantics.embeddings, semantics.text_encoder)
    values, hyperprior = _in_order(semantics, order, grid)
    told = labels > 0 if semantics.label is not None else torch.ones_like(labels, dtype=torch.bool)
    chunks, everything = [], [torch.zeros(0, hyperprior.layout.channels, dtype=torch.int64)]
    for number, start in enumerate(range(0, len(grid), chunk_anchors)):
        rows = slice(start, min(start + chunk_anchors, len(grid)))
        own, coded = labels[rows].numpy().astype(np.int32), told[rows]
        stream, known = encode_features(hyperprior, grid[rows][coded], values[rows][coded])
        decoded = known.new_zeros(len(own), known.shape[1])
        decoded[coded] = known
        info = SectionInfo(
            "SEMA",
            Layer.SEMANTIC,
            critical=False,
            chunk=number,
            symbols=known.numel(),
            first_anchor=start,
            anchors=len(own),
            decoded_crc=semantic_crc(decoded, own),
            known_answer_crc=known_answer(hyperprior, grid[rows]),
        )
        chunks.append(Section(info, pack_blocks([stream]) + encode_labels(own, objects)))
        everything.append(decoded)
    table = object_table(labels.numpy(), grid.numpy(), torch.cat(everything).numpy(), objects)
    scope = EVERYWHERE if semantics.label is None else IN_OBJECTS
    head = NETS_HEAD.pack(hyperprior.layout.channels, scope, hyperprior.layout.base_steps[0])
    return [
        packed_section("NETS", Layer.SEMANTIC, head + write_hyperprior(hyperprior)),
        packed_section("LABL", Layer.SEMANTIC, write_objects(table, texts)),
        *chunks,
    ]


def semantic_crc(values: Int64[Tensor, "A D"], labels: Int[np.ndarray, " A"]) -> int:
    """CRC-32 of the decoded features as of colours, then of the labels as little-endian int32."""
    return zlib.crc32(labels.astype("<i4").tobytes(), values_crc(values))


def _in_order(
    semantics: TrainedSemantics, order: Int64[Tensor, " V"], grid: Int[Tensor, "V 3"]
) -> tuple[Float[Tensor, "V D"], IntegerHyperprior]:
    """Features in base steps, and the integer model calibrated on their voxels."""
    entropy = copy.deepcopy(semantics.entropy).cpu()
    values = entropy.values(semantics.feature.detach().cpu()[order.cpu()]).detach()
    known = grid if len(grid) else grid.new_zeros(1, 3)  # nothing to calibrate on, nothing to code
    return values, integer_hyperprior(entropy.hyperprior, entropy.encoding, known)


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
    if any(count != objects for count in rows):
        raise ValueError(f"{objects} objects, but {rows} names and embeddings")
    return objects
