"""Small scenes of many kinds for a network to be trained on: other objects, rooms, lamps and walks for each seed."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from csgaussian_ns.core.png import png
from csgaussian_ns.tools.demo_scene import write
from csgaussian_ns.tools.demo_scene.folder import folder_in_one_piece
from csgaussian_ns.tools.demo_scene.make import build_stage
from csgaussian_ns.tools.demo_scene.options import DemoOptions, KindName
from csgaussian_ns.tools.demo_scene.render import draw, pixel_centres
from csgaussian_ns.tools.demo_scene.rings import DemoView, stroll
from csgaussian_ns.tools.demo_scene.room import Lamp, lamps
from csgaussian_ns.tools.demo_scene.shading import Stage

MIXTURE: tuple[KindName, ...] = ("plain", "pile", "plain", "thin", "plain", "clutter")
"""Kinds, one seed after the other."""
SAMPLES = 4
_ASIDE = 0.5
"""Per cent of the pixels that may be nearer, and farther, than a scene says."""
_SLACK = 1.1


def make_photos(out: Path, seed: int, side: int, count: int) -> None:
    """A folder of nerfstudio with square photos, poses, near and far, and nothing else; all of it or nothing.

    Args:
        out: The folder; made anew where an earlier one of ours is there.
        seed: Decides everything.
        side: Of the photos in pixels.
        count: Of the photos.

    Raises:
        BackendUnavailable: embree is not installed.
        ConfigError: It cannot be written.
    """
    rng = np.random.default_rng([seed, 9])
    kind = MIXTURE[seed % len(MIXTURE)]
    objects = int(rng.integers(5, 12)) if kind == "plain" else None
    options = DemoOptions(out, kind, seed, count, side, side, objects, SAMPLES)
    with folder_in_one_piece(out, True) as folder, ThreadPoolExecutor(1) as pool:
        stage, _ = build_stage(options, pool, lambda share: None, _other_lamps(rng))
        views = stroll(count, side, rng)
        (folder / write.IMAGES).mkdir()
        for number, view in enumerate(views):
            image, _ = draw(stage, view, SAMPLES)
            (folder / write.IMAGES / f"{write.stem(number)}.png").write_bytes(png(image))
        (folder / write.TRANSFORMS).write_text(_transforms(views, *_depths(stage, views)))


def _other_lamps(rng: np.random.Generator) -> list[Lamp]:
    """The usual lamps, brighter or darker and in other colours."""
    return [replace(lamp, power=lamp.power * rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)) for lamp in lamps()]


def _depths(stage: Stage, views: Sequence[DemoView]) -> tuple[float, float]:
    found = []
    for view in views:
        rays = view.rays(pixel_centres(view))
        found.append(stage.tracer.first(np.broadcast_to(view.centre, rays.shape), rays).distance)
    near, far = np.percentile(np.concatenate(found), [_ASIDE, 100 - _ASIDE])
    return float(near) / _SLACK, float(far) * _SLACK


def _transforms(views: Sequence[DemoView], near: float, far: float) -> str:
    told = json.loads(write.transforms(views))
    del told["ply_file_path"]
    told |= {"near": near, "far": far}
    for frame in told["frames"]:
        del frame["instance_mask_path"], frame["whole_mask_path"]
    return json.dumps(told) + "\n"
