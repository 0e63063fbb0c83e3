"""A scene of three balls and a floor, opaque and of known shape, and where each of them is in an image."""

from dataclasses import fields, replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.core.arrays import to_numpy
from csgaussian_ns.core.geometry import opengl_camera
from csgaussian_ns.core.semantic_layer import SceneObject, SemanticLayer
from csgaussian_ns.core.types import Anchors, Camera
from csgaussian_ns.format import scene as format_scene
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.decoders import Decoders
from csgaussian_ns.scene.render_networks import FrozenDecoders

VOXEL = 0.07
REACH = 0.9 * VOXEL
"""How far Gaussians stick out of the shape that their anchors fill."""
BALLS = {
    1: ("red ball", (-1.0, 0.0, 0.0), 0.6, (1.0, 0.1, 0.1)),
    2: ("Red box", (0.8, -0.6, 0.0), 0.5, (0.9, 0.5, 0.1)),
    3: ("lamp", (0.8, 1.0, 0.0), 0.9, (0.1, 0.2, 1.0)),
}
"""Id: name, centre, radius, colour. The lamp stands behind the box as seen from the front."""
FLOOR = -1.0
"""Height of the floor, which belongs to no object."""
ENCODER = "test-encoder"


def camera(angle: float = 0.0, width: int = 96, height: int = 72, distance: float = 5.0) -> Camera:
    """From ``angle`` (radians) around the z axis, looking at the middle; z is up and angle 0 looks along +y."""
    return opengl_camera(pose(angle, distance), (1.1 * width, 1.1 * width), (width / 2, height / 2), (width, height))


def pose(angle: float, distance: float = 5.0) -> Tensor:
    """The camera-to-world matrix of ``camera``, with OpenGL axes."""
    turn = torch.tensor(angle, dtype=torch.float64)
    back = torch.stack([turn.sin(), -turn.cos(), torch.zeros_like(turn)])
    up = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
    right = torch.linalg.cross(up, back)
    return torch.stack([right, up, back, distance * back], dim=1)


def scene_of_balls(embeddings: bool = True, names: bool = True) -> TensorScene:
    """The scene; an anchor per voxel of each surface and two Gaussians per anchor, the second dropped."""
    grids, labels, colours = [], [], []
    for number, (_, centre, radius, colour) in BALLS.items():
        grid = _ball(centre, radius)
        grids.append(grid)
        labels.append(torch.full((len(grid),), number))
        colours.append(torch.tensor(colour).expand(len(grid), 3))
    floor = _floor()
    grids.append(floor)
    labels.append(torch.zeros(len(floor), dtype=torch.int64))
    colours.append(torch.full((len(floor), 3), 0.5))
    grid, label, feature = torch.cat(grids), torch.cat(labels), torch.cat(colours)
    count = len(grid)
    scaling = torch.tensor(VOXEL).log().expand(count, 6).contiguous()
    mask = torch.tensor([1.0, 0.0]).expand(count, 2).contiguous()
    anchors = Anchors(grid * VOXEL, feature, torch.zeros(count, 2, 3), scaling, mask)
    objects = tuple(_object(number, anchors.position[label == number], embeddings, names) for number in BALLS)
    layer = SemanticLayer(feature * 3, label, objects, ENCODER if embeddings else "")
    meta = SceneMeta(VOXEL, 3, 2, (1.0, 0.2, 0.2), name="balls")
    return TensorScene(grid.int(), anchors, _decoders(), meta, layer)


def loaded(coded: TensorScene) -> LoadedScene:
    """The same scene as a receiver has it, in arrays of numpy; without a file."""
    anchors = Anchors(*(to_numpy(getattr(coded.anchors, field.name)) for field in fields(Anchors)))
    layer, networks = coded.semantics, networks_of(coded.decoders)
    if layer is not None:
        layer = replace(layer, feature=to_numpy(layer.feature), label=to_numpy(layer.label))
    decoded = format_scene.CodedScene(to_numpy(coded.grid), anchors, networks, coded.meta, layer, coded.truncated)
    background = np.array(coded.meta.background, np.float32)
    return LoadedScene(AnchorScene(anchors, FrozenDecoders(networks), background), coded.meta, "anchors", b"", decoded)


def true_labels(view: Camera, alone: int | None = None) -> Int[Tensor, "H W"]:
    """The ball that each pixel shows, from the intersection of its ray with the spheres and the floor.

    Only the ball ``alone`` is there if it is given.
    """
    y, x = torch.meshgrid(torch.arange(view.height) + 0.5, torch.arange(view.width) + 0.5, indexing="ij")
    rays = torch.stack([(x - view.cx) / view.fx, (y - view.cy) / view.fy, torch.ones_like(x)], dim=-1)
    rays = rays @ view.world_to_camera[:3, :3]
    start = view.position
    below = (rays[..., 2] < 0) if alone is None else torch.zeros_like(x, dtype=torch.bool)
    nearest = torch.where(below, (FLOOR - start[2]) / rays[..., 2].clamp(max=-1e-9), torch.inf)
    result = torch.zeros(view.height, view.width, dtype=torch.int64)
    for number in BALLS if alone is None else (alone,):
        _, centre, radius, _ = BALLS[number]
        away = start - torch.tensor(centre)
        a, b, c = (rays**2).sum(-1), (rays * away).sum(-1), (away**2).sum() - (radius + REACH) ** 2
        root = b**2 - a * c
        depth = torch.where(root > 0, (-b - root.clamp_min(0).sqrt()) / a, torch.inf)
        result[depth < nearest] = number
        nearest = torch.minimum(nearest, depth)
    return result


def _ball(centre: tuple[float, float, float], radius: float) -> Tensor:
    axis = torch.arange(-60, 61)
    cube = torch.cartesian_prod(axis, axis, axis)
    distance = (cube * VOXEL - torch.tensor(centre)).norm(dim=1)
    return cube[(distance < radius) & (distance > radius - 1.8 * VOXEL)]


def _floor() -> Tensor:
    axis = torch.arange(-30, 31)
    flat = torch.cartesian_prod(axis, axis)
    return torch.cat([flat, torch.full((len(flat), 1), round(FLOOR / VOXEL))], dim=1)


def _object(number: int, position: Tensor, embeddings: bool, names: bool) -> SceneObject:
    corners = [tuple(float(x) for x in corner) for corner in (position.mean(0), position.amin(0), position.amax(0))]
    embedding = tuple(float(x) for x in torch.eye(len(BALLS) + 1)[number]) if embeddings else None
    name = BALLS[number][0] if names else ""
    return SceneObject(number, name, len(position), *corners, (0.0,) * 3, embedding)  # type: ignore[arg-type]


def _decoders() -> Decoders:
    """Opaque round Gaussians in the colour that the feature holds, from everywhere the same."""
    decoders = Decoders(3, 2, 3)
    weights: dict[str, Tensor] = dict(decoders.requires_grad_(False).named_parameters())
    for parameter in weights.values():
        parameter.zero_()
    weights["opacity.2.bias"] += 3.0
    weights["covariance.2.bias"] += torch.tensor([0.4, 0.4, 0.4, 1.0, 0.0, 0.0, 0.0]).repeat(2)
    weights["color.0.weight"][:, :3] = torch.eye(3)
    weights["color.2.weight"] += 8 * torch.eye(3).repeat(2, 1)
    weights["color.2.bias"] -= 4.0
    return decoders
