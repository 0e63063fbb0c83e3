"""Random scenes to code."""

import dataclasses

import numpy as np
import torch

from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.codec.encode_semantics import TrainedSemantics
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Context, Widths
from csgaussian_ns.entropy.hyper_carm import HyperCarm
from csgaussian_ns.entropy.registry import new_model
from csgaussian_ns.format.attributes import ChannelLayout, semantic_layout
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.scene.decoders import Decoders


def hyper_carm(name: str, layout: ChannelLayout, hidden: int, size: int, correction: int = 0) -> HyperCarm:
    """A model of the registry that is a hyperprior behind an encoding."""
    model = new_model(name, layout, Widths(hidden, correction), size)
    assert isinstance(model, HyperCarm)
    return model


def random_scene(
    count: int,
    feature_dim: int = 20,
    num_offsets: int = 4,
    carm_dim: int = 8,
    kept: float = 0.4,
    seed: int = 0,
    encoding: str = "inr",
) -> TrainedScene:
    """About ``count`` anchors with smooth attributes plus noise, and an entropy model that knows their statistics."""
    generator = torch.Generator().manual_seed(seed)
    grid = torch.randint(-60, 60, (count, 3), generator=generator, dtype=torch.int32)
    grid = torch.unique(grid, dim=0) if count else grid
    count = len(grid)
    wave = torch.sin(grid.float().sum(dim=1, keepdim=True) * 0.05)
    feature = wave * 3 + torch.randn(count, feature_dim, generator=generator)
    offset = torch.randn(count, num_offsets, 3, generator=generator)
    scaling = wave + torch.randn(count, 6, generator=generator) * 0.3
    mask = (torch.rand(count, num_offsets, generator=generator) < kept).float()
    anchors = Anchors(grid * 0.25, feature, offset, scaling, mask)
    torch.manual_seed(seed)
    base_steps = (1.0, 0.2, 0.2)
    meta = SceneMeta(0.25, feature_dim, num_offsets, base_steps, name="random")
    model = new_model(encoding, meta.layout, Widths(16, carm_dim), 8)
    if count > 1:
        model.start(grid, model.values(meta.layout.flat(anchors)))
    return TrainedScene(grid, anchors, model, Decoders(feature_dim, num_offsets, 8), meta)


def context_of(scene: TrainedScene) -> Context:
    """What the entropy model may know of all anchors."""
    values = scene.entropy.values(scene.meta.layout.flat(scene.anchors))
    return Context(scene.grid, scene.rate_weight, lambda rows: values[rows])


def frozen(scene: TrainedScene) -> IntegerHyperCarm:
    """The entropy model in integers, calibrated on all anchors."""
    model = scene.entropy.freeze(context_of(scene))
    assert isinstance(model, IntegerHyperCarm)
    return model


def with_semantics(
    scene: TrainedScene, objects: int = 3, texts: bool = True, encoding: str = "inr", carm_dim: int = 0
) -> TrainedScene:
    """The same scene with a feature and an object for each anchor: slabs along x, the first belongs to none."""
    x = scene.grid[:, 0].double()
    label = ((x + 60) / 120.001 * (objects + 1)).long().clamp(0, objects)
    torch.manual_seed(1)
    feature = torch.nn.functional.one_hot(label, max(6, objects + 1))[:, :6] * 4.0 + torch.randn(len(label), 6) * 0.7
    entropy = new_model(encoding, semantic_layout(6, 1.0), Widths(8, carm_dim), 8)
    if len(label) > 1:
        entropy.start(scene.grid, entropy.values(feature))
    kept = scene.anchors.mask.amax(dim=1) > 0
    there = torch.unique(label[kept & (label > 0)])
    label = torch.searchsorted(there, label).where(torch.isin(label, there), 0) + torch.isin(label, there).long()
    names = tuple(f"Gerät {i}" for i in range(len(there))) if texts else ()
    vectors = np.random.default_rng(0).normal(size=(len(there), 16)) if texts else None
    semantics = TrainedSemantics(feature, entropy, label, names, vectors, "some encoder" if texts else "")
    return dataclasses.replace(scene, semantics=semantics)
