"""Small networks and views for tests: a textured plane that two cameras look at."""

import numpy as np
import torch

from csgaussian_ns.feedforward.settings import Settings
from csgaussian_ns.feedforward.trained import TrainedNetwork
from csgaussian_ns.feedforward.views import Views

SMALL = Settings(channels=16, latent=8, hyper=4, hidden=16, matching=8, planes=8, blocks=1, levels=3)
NEAR, FAR = 1.0, 6.0


def turned(angle: float, position: tuple[float, float, float]) -> np.ndarray:
    """World to camera, turned about the vertical axis."""
    cos, sin = np.cos(angle), np.sin(angle)
    rotation = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = rotation, -rotation @ np.array(position)
    return pose


def two_views(width: int = 64, height: int = 64, **fields: float) -> Views:
    poses = np.stack([turned(0.0, (0, 0, 0)), turned(-0.08, (0.35, 0.05, 0.1))])
    lens = np.array([[60.0, 62.0, width / 2 + 1, height / 2 - 2]] * 2)
    return Views(poses, lens, width, height, **{"near": NEAR, "far": FAR, **fields})


def on_plane(views: Views, view: int, depth: float, cell: float) -> np.ndarray:
    """World coordinates of what each square sees of the plane z = depth, ``[3, H, W]``."""
    pose = views.world_to_camera[view]
    direction = np.einsum("ji,jhw->ihw", pose[:3, :3], views.rays(view, cell))
    start = views.positions[view]
    length = (depth - start[2]) / direction[2]
    return start[:, None, None] + direction * length


def texture(points: np.ndarray, channels: int) -> np.ndarray:
    """Smooth, and different everywhere."""
    generator = np.random.default_rng(3)
    waves = generator.normal(0, 3.5, (channels, 12, 2))
    phases = generator.uniform(0, 2 * np.pi, (channels, 12))
    return np.sin(np.einsum("cki,ihw->ckhw", waves, points[:2]) + phases[:, :, None, None]).mean(1)


def small_network(seed: int = 0, **fields: object) -> TrainedNetwork:
    torch.manual_seed(seed)
    sizes = Settings(**{**SMALL.to_json(), **fields})
    return TrainedNetwork(sizes)


def photos_of(views: Views, seed: int = 0) -> np.ndarray:
    """Coloured noise of low frequency, ``[V, 3, H, W]`` float32 in [0, 1]."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 1, (len(views), 3, views.height // 8, views.width // 8))
    return coarse.repeat(8, 2).repeat(8, 3).astype(np.float32)
