"""Files of every kind that the package writes, for a decoder in another language to read."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import torch

from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Rotate, Scale, Target
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.registry import MODELS, new_model
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.merge import merged
from csgaussian_ns.scene.splats import Splats
from tests.codec.scenes import random_scene, with_semantics
from tests.export.scenes import random_gaussians

SHAPES = ((1, 6, 1, 40), (30, 10, 2, 12), (75, 25, 10, 75), (300, 50, 4, 128))
"""Anchors, features, offsets, anchors of a chunk."""
EDITS = (
    Move(Target((2,)), (0.5, 0.0, -1.0)),
    Rotate(Target((1, 3)), (0.0, 0.0, 1.0), 45.0, (1.0, 2.0, 3.0)),
    Scale(Target((2,)), 2.0, (0.0, 0.0, 0.0)),
    Recolour(Target((1,)), (1.0, 0.5, 0.0)),
    Rename(Target((3,)), "Täßchen"),
    Keep(Target((2, 3))),
    Remove(Target((3,))),
    Crop((-9.0, -9.0, -9.0), (9.0, 9.0, 9.0)),
)


def crowded(scene: TrainedScene, encoding: str, seed: int) -> TrainedScene:
    """The same anchors so close to each other that they are neighbours, and networks that look at them."""
    found, index = np.unique((scene.grid // 10).numpy(), axis=0, return_index=True)
    grid, anchors, layout = torch.from_numpy(found), scene.anchors.at(torch.from_numpy(index)), scene.meta.layout
    model = new_model(encoding, layout, Widths(16, 4), 8)
    model.start(grid, model.values(layout.flat(anchors)))
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=generator)
    return replace(scene, grid=grid, anchors=anchors, entropy=model)


def gaussians(count: int, degree: int) -> bytes:
    """Plain ones of some objects."""
    return import_gaussians(Splats(random_gaussians(count, degree=degree), np.arange(count) % 5), Settings()).data


def made_files() -> Iterator[tuple[str, bytes]]:
    """Each file behind what it is."""
    for number, (encoding, (count, features, offsets, chunk)) in enumerate(product(MODELS, SHAPES)):
        scene = random_scene(count, features, offsets, number % 2 * 5, seed=number, encoding=encoding)
        yield f"{encoding} {count}", encode(scene, chunk_anchors=chunk).data
    for number, encoding in enumerate(name for name in MODELS if name.startswith("neighbours")):
        scene = crowded(random_scene(700, 12, 3, seed=number), encoding, number)
        yield f"crowd {encoding}", encode(scene, chunk_anchors=256).data
    for number, (encoding, correction) in enumerate(product(MODELS, (0, 4))):
        scene = with_semantics(random_scene(90, 10, 2, seed=number), encoding=encoding, carm_dim=correction)
        yield f"meanings {encoding} {correction}", encode(scene, chunk_anchors=40).data
    scene = with_semantics(random_scene(90, 10, 2))
    bare = replace(scene.semantics, label=None, names=(), embeddings=None)
    yield "described everywhere", encode(replace(scene, semantics=bare), chunk_anchors=40).data
    solid = replace(scene.semantics, solidity=bytes(8 * number % 65 for number in range(len(scene.semantics.names))))
    yield "solid objects", encode(replace(scene, semantics=solid), chunk_anchors=40).data
    wholes = replace(scene.semantics, tree=ObjectTree(3, (1, 2, 1, 2, 0)))
    yield "wholes", encode(replace(scene, semantics=wholes), chunk_anchors=40).data
    for degree in range(4):
        yield f"Gaussians {degree}", gaussians(130 + 300 * (degree == 1), degree)
    whole = encode(with_semantics(random_scene(120, 10, 2)), chunk_anchors=50).data
    yield "edited", with_edits(read_container(whole), EDITS)
    yield "arranged", by_importance(whole)
    moved = Similarity.about((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 90.0, 0.5)
    yield "group", merged([whole, gaussians(40, 1)], [Similarity(), moved])
    first = next(entry for entry in read_container(whole).entries if entry.info.kind == "NETS")
    yield "cut", whole[: first.offset + 4]
