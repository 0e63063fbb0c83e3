"""A scene of any size with the statistics of a trained one, for measuring the codec without training for hours.

Anchors lie on surfaces in space, at a density that does not depend on their number. The spreads of the channels and
the share of offsets that is kept are those of bonsai at lambda 0.004 (results/rate.json: 1.6 bits per symbol, 43 % of
the offsets). The entropy networks have the shipped sizes; their weights are random but for the last biases, which are
fitted: no symbol costs more or less for that than its table says, and speed does not depend on weights.
"""

import torch

from csgaussian_ns.codec.encode import TrainedScene
from csgaussian_ns.core.types import Anchors
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.registry import ModelName, new_model
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.stages.settings import SceneSettings

FEATURE_DIM, NUM_OFFSETS = 50, 10
KEPT_OFFSETS = 0.43
VOXEL = 0.01
SPHERES = 64


def surface_voxels(count: int, generator: torch.Generator) -> torch.Tensor:
    """``count`` distinct voxels on spheres of different size, in random order, int32 ``[count, 3]``."""
    reach = count**0.5
    radius = torch.rand(SPHERES, 1, generator=generator) * reach / 4 + reach / 20
    centre = (torch.rand(SPHERES, 3, generator=generator) - 0.5) * reach * 20
    found = torch.zeros(0, 3, dtype=torch.int32)
    while len(found) < count:
        which = torch.randint(0, SPHERES, (2 * count,), generator=generator)
        direction = torch.nn.functional.normalize(torch.randn(2 * count, 3, generator=generator), dim=1)
        drawn = (centre[which] + direction * radius[which]).round().to(torch.int32)
        found = torch.unique(torch.cat([found, drawn]), dim=0)
    return found[torch.randperm(len(found), generator=generator)[:count]]


def trained_like(count: int, kept: float = KEPT_OFFSETS, seed: int = 0, model: ModelName = "inr") -> TrainedScene:
    """A scene of ``count`` anchors; at least the first offset of each is kept."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    settings = SceneSettings()
    grid = surface_voxels(count, generator)
    steps = (settings.feature_step, settings.scaling_step, settings.offset_step)
    meta = SceneMeta(VOXEL, FEATURE_DIM, NUM_OFFSETS, steps)
    # From a channel that costs 4 bits to those that cost next to nothing.
    spread = torch.exp2(torch.linspace(2.0, -4.0, FEATURE_DIM))
    feature = torch.randn(count, FEATURE_DIM, generator=generator) * spread
    scaling = torch.randn(count, 6, generator=generator) * 0.25 - 4.0
    offset = torch.randn(count, NUM_OFFSETS, 3, generator=generator) * 0.4
    mask = (torch.rand(count, NUM_OFFSETS, generator=generator) < kept).float()
    mask[:, 0] = 1.0
    anchors = Anchors(grid * VOXEL, feature, offset, scaling, mask)
    entropy = new_model(model, meta.layout, Widths(64, 48))
    entropy.start(grid, entropy.values(meta.layout.flat(anchors)))
    decoders = Decoders(FEATURE_DIM, NUM_OFFSETS, settings.hidden_dim)
    return TrainedScene(grid, anchors, entropy, decoders, meta)
