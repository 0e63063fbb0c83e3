"""A folder in which the examples of the documentation find what they name."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from csgaussian_ns.codec.encode import TrainedScene, encode
from csgaussian_ns.codec.encode_semantics import TrainedSemantics
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.registry import new_model
from csgaussian_ns.export.write import write
from csgaussian_ns.format.attributes import semantic_layout
from csgaussian_ns.format.container import read_container
from csgaussian_ns.scene.splats import Splats
from tests.export.scenes import random_gaussians
from tests.report.batches import put_files, result, write_results
from tests.semantic.scenes import BALLS
from tests.tools.balls import SIZE, moved_scene, write_capture

OBJECTS = ("cup", "plate", "lamp", "cactus", "red mug", "globe")
"""Names in the examples; numbers count from 1."""
GOLDEN = Path(__file__).parents[1] / "golden"
POINTS = (
    "ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\nproperty float z\nend_header\n0 0 0\n"
)


def make(folder: Path) -> None:
    """Fill a folder: a file with objects, a capture of it in two layouts, Gaussians of another tool, a camera path."""
    with _objects_of_the_examples():
        data = _coded()
        write_capture(folder / "path/to/scene", views=5)
    (folder / "out").mkdir()
    for name in ("out/scene.csg", "scene.csg"):
        (folder / name).write_bytes(data)
    _write_colmap(folder / "path/to/scene", folder / "path/to/colmap_folder")
    shutil.copy(GOLDEN / "v1_gaussians.csg", folder / "splat.csg")
    write(Splats(random_gaussians(60), np.arange(60) % 4), folder / "splat.ply", z_up=True)
    view = {"camera_to_world": [1.0, 0, 0, 0, 0, 0, -1, -5, 0, 1, 0, 0, 0, 0, 0, 1], "fov": 60}
    path = {"camera_type": "perspective", "render_width": 64, "render_height": 48, "fps": 2, "camera_path": [view] * 2}
    (folder / "camera_path.json").write_text(json.dumps(path))
    _write_bad_files(folder, data)
    views = {"colour": {"per_view": {"00": {"psnr": 16.0, "ssim": 0.9}}}, "semantics": None}
    put_files(folder / "batch" / "room", folder, views)
    write_results(folder / "batch", result("room", folder / "path/to/scene"))


@contextmanager
def _objects_of_the_examples() -> Iterator[None]:
    """In place of three balls, as many as the examples name."""
    before = dict(BALLS)
    left = ((-1.0, 0.0, 0.0), (-1.0, 1.3, -0.4), (-0.2, -1.2, -0.3))
    places = (*left, (0.8, -0.6, 0.0), (0.8, 1.0, 0.0), (0.1, 0.3, 1.0))
    for number, (name, place) in enumerate(zip(OBJECTS, places, strict=True), 1):
        BALLS[number] = (name, place, 0.35, (0.9, 0.2 * (number % 3), 0.1))
    try:
        yield
    finally:
        BALLS.clear()
        BALLS.update(before)


def _coded() -> bytes:
    """The scene of balls as ``ns-export`` would write it."""
    scene = moved_scene(embeddings=False)
    layer = scene.semantics
    assert layer is not None
    model = new_model("inr", scene.meta.layout, Widths(16, 0), 8)
    model.start(scene.grid, model.values(scene.meta.layout.flat(scene.anchors)))
    meaning = new_model("inr", semantic_layout(layer.feature.shape[1], 1.0), Widths(8, 0), 8)
    meaning.start(scene.grid, meaning.values(layer.feature))
    vectors = np.array([[float(number == other) for number in range(8)] for other in range(len(OBJECTS))])
    semantics = TrainedSemantics(layer.feature, meaning, layer.label, OBJECTS, vectors, "some encoder")
    meta = replace(scene.meta, name="scene")
    return encode(TrainedScene(scene.grid, scene.anchors, model, scene.decoders, meta, semantics)).data


def _write_colmap(capture: Path, folder: Path) -> None:
    """The same photos and cameras as COLMAP's text files."""
    shutil.copytree(capture / "images", folder / "images")
    model = folder / "sparse/0"
    model.mkdir(parents=True)
    facts = json.loads((capture / "transforms.json").read_text())
    lens = " ".join(str(facts[name]) for name in ("fl_x", "fl_y", "cx", "cy"))
    (model / "cameras.txt").write_text(f"1 PINHOLE {SIZE[0]} {SIZE[1]} {lens}\n")
    lines = []
    for number, frame in enumerate(facts["frames"], 1):
        to_world = np.array(frame["transform_matrix"]) @ np.diag((1.0, -1, -1, 1))
        to_camera = np.linalg.inv(to_world)
        x, y, z, w = Rotation.from_matrix(to_camera[:3, :3]).as_quat()
        numbers = " ".join(f"{value:.12g}" for value in (w, x, y, z, *to_camera[:3, 3]))
        lines += [f"{number} {numbers} 1 {Path(frame['file_path']).name}", ""]
    (model / "images.txt").write_text("\n".join(lines) + "\n")


def _write_bad_files(folder: Path, data: bytes) -> None:
    """What the page on troubleshooting opens."""
    damaged, newer = bytearray(data), bytearray(data)
    damaged[1500] ^= 4
    newer[8] = 2
    bad = {
        "cut.csg": data[:2000],
        "cut_late.csg": data[: max(entry.end for entry in read_container(data).entries if entry.info.layer < 2) + 8],
        "damaged.csg": damaged,
        "newer.csg": newer,
        "long.csg": data + bytes(8),
        "page.csg": b"<!DOCTYPE html><html><body>Please sign in to see this file.</body></html>",
        "colours.csg": (GOLDEN / "v1_inr.csg").read_bytes(),
        "points.ply": POINTS.encode(),
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
