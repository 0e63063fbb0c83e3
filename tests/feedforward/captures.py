"""Captures for tests of many scenes: a textured plane, drawn for cameras on a line; as a folder, or as chunks."""

import io
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from csgaussian_ns.feedforward.views import Views
from tests.feedforward.worlds import on_plane, texture, turned

SIDE = 32


def plane_views(count: int = 4, width: int = SIDE, height: int = SIDE, turn: float = 0.02) -> list[Views]:
    """Pairs of equal cameras, as ``Views`` has at least two."""
    found = []
    for number in range(count):
        pose = turned(-turn * number, (0.1 * number, 0.0, 0.0))
        lens = [30.0, 30.0, width / 2, height / 2]
        found.append(Views(np.stack([pose, pose]), np.array([lens, lens]), width, height, 1.0, 4.0))
    return found


def plane_pixels(views: Views) -> np.ndarray:
    colours = texture(on_plane(views, 0, 2.0, 1), 3).transpose(1, 2, 0)
    return np.rint(np.clip(colours * 0.5 + 0.5, 0, 1) * 255).astype(np.uint8)


def write_folder(
    folder: Path, count: int = 4, width: int = SIDE, height: int = SIDE, turn: float = 0.02, **facts: object
) -> Path:
    """A capture of nerfstudio."""
    (folder / "images").mkdir(parents=True)
    frames = []
    for number, views in enumerate(plane_views(count, width, height, turn)):
        Image.fromarray(plane_pixels(views)).save(folder / "images" / f"{number}.png")
        pose = np.linalg.inv(views.world_to_camera[0]) @ np.diag([1.0, -1.0, -1.0, 1.0])
        frames.append({"file_path": f"images/{number}.png", "transform_matrix": pose.tolist()})
    shared = {"fl_x": 30.0, "fl_y": 30.0, "cx": width / 2, "cy": height / 2, "w": width, "h": height}
    told = {**shared, "near": 1.0, "far": 4.0, **facts}
    told = {name: value for name, value in told.items() if value is not None}
    (folder / "transforms.json").write_text(json.dumps({**told, "frames": frames}))
    return folder


def write_chunks(folder: Path, keys: tuple[str, ...] = ("a", "b"), count: int = 3) -> Path:
    """One file of scenes as pixelSplat stores them, and its index."""
    folder.mkdir(parents=True)
    scenes = []
    for key in keys:
        rows, images = [], []
        for views in plane_views(count):
            lens = views.lens[0] / SIDE
            rows.append([*lens, 0.0, 0.0, *views.world_to_camera[0][:3].reshape(-1)])
            stream = io.BytesIO()
            Image.fromarray(plane_pixels(views)).save(stream, "JPEG", quality=95)
            images.append(torch.frombuffer(bytearray(stream.getvalue()), dtype=torch.uint8))
        cameras = torch.tensor(np.array(rows), dtype=torch.float32)
        scenes.append({"url": "", "timestamps": torch.arange(count), "cameras": cameras, "images": images, "key": key})
    torch.save(scenes, folder / "000000.torch")
    (folder / "index.json").write_text(json.dumps(dict.fromkeys(keys, "000000.torch")))
    return folder
