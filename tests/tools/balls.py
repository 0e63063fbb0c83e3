"""The scene of balls as a data set on disk, and as what a decoded file would be."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from csgaussian_ns.codec.scene import TensorScene
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.semantic.masks.label_maps import write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from tests.semantic.scenes import BALLS, camera, pose, scene_of_balls, true_labels

SIZE = (96, 72)
TURN = torch.tensor([[0.0, 0, 1, 0.3], [1, 0, 0, -0.2], [0, 1, 0, 0.5]], dtype=torch.float64)
"""The capture's world, seen from the training frame, before the scale."""
SCALE = 0.5


def moved_scene(**changes: bool) -> TensorScene:
    """The scene of balls, saying that it was trained in another frame than the capture's."""
    scene = scene_of_balls(**changes)
    meta = replace(scene.meta, transform=tuple(TURN.flatten().tolist()), scale=SCALE)
    return replace(scene, meta=meta)


def write_capture(folder: Path, views: int = 9, **extra: object) -> Path:
    """Photos of the scene, their cameras in the capture's world, masks of what is seen and of whole objects."""
    scene, draw = scene_of_balls(), choose_rasterizer("cpu", "cpu")
    for name in ("images", "masks", "whole"):
        (folder / name).mkdir(parents=True)
    frames = []
    for number in range(views):
        angle = 0.7 * number
        view = camera(angle, *SIZE)
        seen = AnchorScene(scene.anchors, scene.decoders).seen(view)
        image = draw(seen.gaussians, view, scene.background).image.clamp(0, 1)
        pixels = (image * 255 + 0.5).to(torch.uint8).numpy()
        Image.fromarray(pixels).save(folder / "images" / f"{number:02d}.png")
        Image.fromarray(true_labels(view).numpy().astype(np.uint8)).save(folder / "masks" / f"{number:02d}.png")
        whole = np.stack([(true_labels(view, ball) == ball).numpy() for ball in BALLS])
        write_masks(folder / "whole" / f"{number:02d}.npz", MaskSet.from_masks(whole))
        frames.append(
            {
                "file_path": f"images/{number:02d}.png",
                "instance_mask_path": f"masks/{number:02d}.png",
                "whole_mask_path": f"whole/{number:02d}.npz",
                "transform_matrix": _in_the_world(pose(angle)),
            }
        )
    shared = {"fl_x": 105.6, "fl_y": 105.6, "cx": 48.0, "cy": 36.0, "w": 96, "h": 72, **extra}
    (folder / "transforms.json").write_text(json.dumps({**shared, "frames": frames}))
    names = {"0": "background", **{str(number): name for number, (name, *_) in BALLS.items()}}
    (folder / "instances.json").write_text(json.dumps(names))
    return folder


def _in_the_world(trained: torch.Tensor) -> list[list[float]]:
    """The pose in the capture's world of a pose in the training frame."""
    place = TURN[:, :3].T @ (trained[:, 3] / SCALE - TURN[:, 3])
    world = torch.cat([TURN[:, :3].T @ trained[:, :3], place[:, None]], dim=1)
    return [*world.tolist(), [0.0, 0.0, 0.0, 1.0]]
