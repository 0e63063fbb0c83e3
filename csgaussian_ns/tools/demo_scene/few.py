"""Small scenes of many kinds for a network to be trained on: other objects, rooms, lamps and walks for each seed."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from csgaussian_ns.capture.depth_images import KEY, UNIT
from csgaussian_ns.core.png import png
from csgaussian_ns.core.shapes import Float
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
DEPTHS = "depths"
"""Folder of depth images."""
_ASIDE = 0.5
"""Per cent of the pixels that may be nearer, and farther, than a scene says."""
_SLACK = 1.1


def make_photos(out: Path, seed: int, side: int, count: int) -> None:
    """A folder of nerfstudio with square photos, depths, poses, near and far; all of it or nothing.

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
        depths = [_depths(stage, view) for view in views]
        (folder / DEPTHS).mkdir()
        for number, depth in enumerate(depths):
            (folder / _depth_name(number)).write_bytes(_depth_png(depth))
        (folder / write.TRANSFORMS).write_text(_transforms(views, depths))


def _other_lamps(rng: np.random.Generator) -> list[Lamp]:
    """The usual lamps, brighter or darker and in other colours."""
    return [replace(lamp, power=lamp.power * rng.uniform(0.6, 1.3) * rng.uniform(0.85, 1.15, 3)) for lamp in lamps()]


def _depths(stage: Stage, view: DemoView) -> Float[np.ndarray, "H W"]:
    rays = view.rays(pixel_centres(view))  # one unit of depth long
    found = stage.tracer.first(np.broadcast_to(view.centre, rays.shape), rays).distance
    return found.reshape(view.height, view.width)


def _depth_name(number: int) -> str:
    return f"{DEPTHS}/{write.stem(number)}.png"


def _depth_png(depth: Float[np.ndarray, "H W"]) -> bytes:
    buffer = BytesIO()
    whole = np.where(np.isfinite(depth), np.rint(depth / UNIT).clip(0, 65535), 0).astype(np.uint16)
    Image.fromarray(whole).save(buffer, "PNG")
    return buffer.getvalue()


def _transforms(views: Sequence[DemoView], depths: Sequence[Float[np.ndarray, "H W"]]) -> str:
    near, far = np.percentile(np.concatenate([depth.ravel() for depth in depths]), [_ASIDE, 100 - _ASIDE])
    told = json.loads(write.transforms(views))
    del told["ply_file_path"]
    told |= {"near": float(near) / _SLACK, "far": float(far) * _SLACK}
    for number, frame in enumerate(told["frames"]):
        del frame["instance_mask_path"], frame["whole_mask_path"]
        frame[KEY] = _depth_name(number)
    return json.dumps(told) + "\n"
