"""Points where structure from motion found none: behind the empty parts of the photos.

Structure from motion needs texture. On walls, windows and screens it finds nothing, so no anchor begins there. Growth
adds anchors next to others: it fills such places late, or with something close to one camera that other views see as a
smear.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import KDTree
from torch import Tensor

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera

COLUMNS = 24
"""Cells of a photo's width; a cell into which no point projects is a gap."""
NEIGHBOURS = 8
"""Cells around a gap, each with its farthest point, that tell its depth."""
RANK = 2
"""Which of them, counted from the farthest. What lies too far back is hidden by what is in front and does no harm; the
very farthest may be a wrong match."""
MARGIN = 0.3
"""Points this far outside a photo, as a share of its size, still tell depths."""
NEAREST = 0.02
"""Points closer to a camera than this are no background, world units."""


def points_behind_gaps(points: Float[Tensor, "N 3"], cameras: list[Camera], seed: int = 0) -> Float[Tensor, "M 3"]:
    """One point for every cell of a photo that is empty, at the depth of what surrounds it.

    Views are visited in an order drawn from ``seed``; what one of them added counts as there for the next, so that the
    views agree on one background instead of each having its own.

    Args:
        points: From structure from motion, world units; points that are not finite are left out.
        cameras: Of the photos.
        seed: Of the order, and of the place inside each cell.
    """
    known = points.detach().cpu().numpy().astype(np.float64)
    known = known[np.isfinite(known).all(axis=1)]
    given, random = len(known), np.random.default_rng(seed)
    for number in random.permutation(len(cameras)):
        known = np.concatenate([known, _behind_gaps_of(cameras[number], known, random)])
    return torch.from_numpy(known[given:]).to(torch.float32)


def _behind_gaps_of(camera: Camera, points: NDArray[np.float64], random: np.random.Generator) -> NDArray[np.float64]:
    pose = camera.world_to_camera.detach().cpu().numpy().astype(np.float64)
    rotation, translation = pose[:3, :3], pose[:3, 3]
    local = points @ rotation.T + translation
    local = local[local[:, 2] > NEAREST]
    focal, centre = np.array([camera.fx, camera.fy]), np.array([camera.cx, camera.cy])
    size = np.array([camera.width, camera.height])
    pixel, depth = local[:, :2] / local[:, 2:] * focal + centre, local[:, 2]
    near = ((pixel > -MARGIN * size) & (pixel < (1 + MARGIN) * size)).all(axis=1)
    pixel, depth = pixel[near], depth[near]
    cells = np.array([COLUMNS, max(1, round(COLUMNS * camera.height / camera.width))])
    place = np.floor(pixel / size * cells).astype(np.int64)
    farthest_last = np.lexsort((depth, place[:, 1], place[:, 0]))
    place, depth = place[farthest_last], depth[farthest_last]
    last = np.append((place[1:] != place[:-1]).any(axis=1), True)[: len(place)]
    place, depth = place[last], depth[last]
    if len(place) < NEIGHBOURS:
        return np.empty((0, 3))
    empty = np.ones(cells, bool)
    inside = ((place >= 0) & (place < cells)).all(axis=1)
    empty[tuple(place[inside].T)] = False
    gaps = np.argwhere(empty)
    _, around = KDTree(place).query(gaps, k=NEIGHBOURS)
    far = np.sort(depth[around], axis=1)[:, -RANK][:, None]
    wanted = (gaps + random.uniform(0.1, 0.9, gaps.shape)) / cells * size
    return (np.concatenate([(wanted - centre) / focal * far, far], axis=1) - translation) @ rotation
