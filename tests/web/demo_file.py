"""The demo scene as a file, without training: its points, with the colours of its photos and the objects it knows."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import KDTree

from csgaussian_ns.receiver.importing import Settings, import_gaussians
from csgaussian_ns.receiver.load import load
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.splats import Splats

DEGREE_0 = 0.28209479177387814
WIDTH = 0.7
"""Of a Gaussian, in distances to the third nearest point: surfaces are closed, and edges stay sharp enough to click."""
CLEAR = 0.03
"""How far points of the room are from objects."""
ORBIT = {"focus": [0.0, 0.0, 0.1], "radius": 1.0, "height": 0.5}


def demo_file(folder: Path, out: Path, every: int = 1) -> None:
    """Write a folder of ``csg demo-scene`` as plain Gaussians: points on objects, and those of the room around.

    ``every``: takes one in so many of them.
    """
    objects = _points(folder / "instance_points.ply", 1)[::every]
    room = _points(folder / "sparse_pc.ply", 3)[::every]
    room = room[KDTree(objects["xyz"]).query(room["xyz"])[0] > CLEAR]  # what was found on objects, too
    kept, colour = _seen_colours(folder, objects)
    owners = np.concatenate([objects["payload"][kept, 0].astype(np.int64), np.zeros(len(room), np.int64)])
    means = np.concatenate([objects["xyz"][kept], room["xyz"]])
    rgb = np.concatenate([colour[kept], room["payload"] / 255])
    near = [KDTree(points).query(points, 4)[0][:, 3] for points in (means[owners > 0], means[owners == 0])]
    sizes = WIDTH * np.concatenate(near).clip(2e-3, 0.2)
    arrays = (
        means,
        np.tile((1.0, 0.0, 0.0, 0.0), (len(means), 1)),
        np.repeat(sizes[:, None], 3, axis=1),
        np.full(len(means), 0.9),
        ((rgb - 0.5) / DEGREE_0)[:, None],
    )
    names = {int(number): name for number, name in json.loads((folder / "instances.json").read_text()).items()}
    scene = GaussianScene(*(np.asarray(array, np.float32) for array in arrays))
    made = import_gaussians(Splats(scene, owners, names), Settings(name="demo"))
    load(made.data).with_meta(extra={"orbit": ORBIT}).save(out)


def masks_of(folder: Path) -> dict[str, np.ndarray]:
    """Which object each pixel shows, by the names of views."""
    return {path.stem: np.asarray(Image.open(path)) for path in sorted((folder / "instance_masks").glob("*.png"))}


def _points(path: Path, payload: int) -> np.ndarray:
    """Rows of a file of points as the demo writes them."""
    data = path.read_bytes()
    start = data.index(b"end_header\n") + len(b"end_header\n")
    return np.frombuffer(data[start:], [("xyz", "<f4", 3), ("payload", "u1", (payload,))])


def _seen_colours(folder: Path, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which points some photo shows, where its mask has their object, and the mean of what photos show there."""
    told = json.loads((folder / "transforms.json").read_text())
    times, total = np.zeros(len(points)), np.zeros((len(points), 3))
    for frame in told["frames"]:
        pose = np.array(frame["transform_matrix"])
        x, y, z = ((points["xyz"] - pose[:3, 3]) @ pose[:3, :3] * (1, -1, -1)).T
        pixels = np.stack([told["fl_x"] * x / z + told["cx"], told["fl_y"] * y / z + told["cy"]], axis=1)
        column, row = np.floor(pixels).astype(int).T
        inside = (z > 0) & (column >= 0) & (row >= 0) & (column < told["w"]) & (row < told["h"])
        column, row = column.clip(0, told["w"] - 1), row.clip(0, told["h"] - 1)
        mask = np.asarray(Image.open(folder / frame["instance_mask_path"]))
        photo = np.asarray(Image.open(folder / frame["file_path"]))
        seen = inside & (mask[row, column] == points["payload"][:, 0])
        times[seen] += 1
        total[seen] += photo[row[seen], column[seen]] / 255
    return times > 0, total / times.clip(1)[:, None]
