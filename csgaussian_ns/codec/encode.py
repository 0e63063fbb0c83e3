"""From a trained scene to the sections of a ``.csg`` file."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from csgaussian_ns.codec.encode_semantics import TrainedSemantics, semantic_sections
from csgaussian_ns.codec.finite import check_finite
from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.core.shapes import Float, Int, Int64
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, EntropyModel
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.chunk_threads import in_order, threads_for
from csgaussian_ns.format.chunks import CHUNK_ANCHORS, encode_chunk
from csgaussian_ns.format.container import pack
from csgaussian_ns.format.facts import write_facts
from csgaussian_ns.format.kinds import Run
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.morton import morton_order
from csgaussian_ns.format.networks.model import IntegerModel
from csgaussian_ns.format.render_networks import write_render_networks
from csgaussian_ns.format.streams.coders import coder_named
from csgaussian_ns.format.streams.positions import common_origin
from csgaussian_ns.scene.decoders import Decoders

BYTES_PER_SYMBOL = 96
"""Memory that coding a chunk takes at most, per channel of an anchor."""
MEMORY = 1 << 30
"""What all chunks that are being coded may take together."""


@dataclass(frozen=True)
class TrainedScene:
    """What training hands over.

    Attributes:
        grid: Distinct voxel coordinates.
        anchors: Attributes, best as the floating-point model rounds them; the mask decides what is kept. Each is coded
            by the nearest value that the integer model can give: unrounded ones near the edge of a bin would fall into
            another bin than the one that the rounding stage trained with.
        entropy: The trained entropy model.
        decoders: The render networks.
        meta: Facts.
        semantics: Features and labels of the same anchors, if they were trained.
        rate_weight: Weight of the rate against the distortion, for entropy models that know it.
        network_bits: Bits per weight that the networks were trained with, 4 to 8; 16 are 16 for the render networks and
            8 for the others.
    """

    grid: Int[Tensor, "A 3"]
    anchors: Anchors
    entropy: EntropyModel
    decoders: Decoders
    meta: SceneMeta
    semantics: TrainedSemantics | None = None
    rate_weight: float = 0.0
    network_bits: int = 8


@dataclass(frozen=True)
class Encoded:
    """A file and what it is made of.

    Attributes:
        data: The file.
        bytes_by_kind: Length of all bodies of each kind; ``container`` is what remains.
        anchors, offsets: How many are kept.
        ideal_bits: Code length of the colour symbols under the integer tables, without any overhead.
        attribute_bytes: Length of the colour streams.
    """

    data: bytes
    bytes_by_kind: dict[str, int]
    anchors: int
    offsets: int
    ideal_bits: float
    attribute_bytes: int


def encode(
    scene: TrainedScene,
    chunk_anchors: int = CHUNK_ANCHORS,
    threads: int | None = None,
    coder: str = "rans",
) -> Encoded:
    """Code a scene. Anchors without any kept offset are left out; the others are stored in Morton order.

    Args:
        scene: Trained.
        chunk_anchors: Anchors per independently decodable chunk.
        threads: Chunks coded side by side, at most; by default one per core. Never changes the file.
        coder: Of the symbols: ``rans``, or ``torchac``, which readers need the extra of that name for.

    Raises:
        QuantisationError: A tensor holds NaN or infinity, and the message names it; or two anchors share a voxel.
        ValueError: Labels, names and embeddings of the semantics do not match.
        BackendUnavailable: ``torchac`` was asked for and is not installed.
    """
    chosen = coder_named(coder)
    check_finite(tensors_of(scene))
    order = kept_in_order(scene)
    grid, mask = scene.grid[order].cpu().numpy(), (scene.anchors.mask[order] > 0).cpu().numpy()
    layout, entropy = scene.meta.layout, copy.deepcopy(scene.entropy).cpu()  # training may go on with that one

    def values_of(rows: Int[Tensor, " n"]) -> Float[Tensor, "n D"]:
        chosen = scene.anchors.at(order[rows.to(order.device)])
        on_cpu = Anchors(*(getattr(chosen, field.name).cpu() for field in fields(Anchors)))
        return entropy.values(layout.flat(on_cpu)).detach()

    context = Context(torch.from_numpy(grid), scene.rate_weight, values_of)
    model = entropy.freeze(context, min(scene.network_bits, 8))
    origin = common_origin(grid)
    parts = _common_sections(scene, model)
    starts = range(0, len(grid), chunk_anchors)

    def jobs() -> Iterator[tuple]:
        for number, start in enumerate(starts):
            rows = slice(start, min(start + chunk_anchors, len(grid)))
            where = Run(number, start, rows.stop - rows.start)
            values = values_of(torch.arange(rows.start, rows.stop)).numpy()  # a copy of a few anchors at a time
            yield model, layout, grid[rows], mask[rows], values, origin, where, chosen

    count = threads_for(len(starts), chunk_anchors * layout.channels * BYTES_PER_SYMBOL, MEMORY, threads)
    chunks = list(in_order(encode_chunk, jobs(), count))
    for kind in ("positions", "masks", "colours"):
        parts += [getattr(chunk, kind) for chunk in chunks]
    if scene.semantics is not None:
        parts += semantic_sections(scene.semantics, order, grid, chunk_anchors, chosen)
    ideal = sum((chunk.ideal_bits for chunk in chunks), 0.0)
    return _summary(pack(parts, len(grid)), parts, len(grid), int(mask.sum()), ideal)


def tensors_of(scene: TrainedScene) -> dict[str, Tensor]:
    """Everything that is coded, by name; what may have spoilt the rounding of anchors comes before them."""
    named: dict[str, Tensor] = {f"entropy.{name}": value for name, value in scene.entropy.named_parameters()}
    named |= {f"anchors.{name}": getattr(scene.anchors, name) for name in ("feature", "offset", "scaling")}
    named |= {f"decoders.{name}": value for name, value in scene.decoders.named_parameters()}
    if scene.semantics is not None:
        named |= {"semantics.feature": scene.semantics.feature}
        named |= {f"semantics.entropy.{name}": value for name, value in scene.semantics.entropy.named_parameters()}
    return named


def kept_in_order(scene: TrainedScene) -> Int64[Tensor, " V"]:
    """Indices of the anchors that the file holds, in its order.

    Raises:
        QuantisationError: Two of them share a voxel, or they span more voxels than the format can tell apart.
    """
    kept = torch.nonzero(scene.anchors.mask.amax(dim=-1) > 0)[:, 0]
    grid = scene.grid[kept].cpu().numpy()
    relative = grid.astype(np.int64) - common_origin(grid).astype(np.int64)
    order = morton_order(relative)
    repeated = int((np.diff(relative[order], axis=0) == 0).all(axis=1).sum())
    if repeated:
        raise QuantisationError(
            f"{repeated} of {len(kept)} anchors share a voxel with another one; a file holds one anchor per voxel. "
            "Merge or drop them before coding"
        )
    return kept[torch.from_numpy(order).to(kept.device)]


def _common_sections(scene: TrainedScene, model: IntegerModel) -> list[Section]:
    return [
        packed_section("META", write_facts(scene.meta)),
        packed_section("NETE", model.to_bytes(), model.NUMBER),
        packed_section("NETR", write_render_networks(networks_of(scene.decoders), scene.network_bits)),
    ]


def _summary(data: bytes, parts: list[Section], anchors: int, offsets: int, ideal: float) -> Encoded:
    sizes: dict[str, int] = {}
    for part in parts:
        sizes[part.info.kind] = sizes.get(part.info.kind, 0) + len(part.body)
    attributes = sizes.get("COLR", 0)
    sizes["container"] = len(data) - sum(sizes.values())
    return Encoded(data, sizes, anchors, offsets, ideal, attributes)
