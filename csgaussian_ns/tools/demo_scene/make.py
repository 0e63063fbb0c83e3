"""Makes one demo scene from start to end."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from csgaussian_ns.core.png import png
from csgaussian_ns.core.shapes import UInt8
from csgaussian_ns.semantic.masks.label_maps import write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.tools.demo_scene import write
from csgaussian_ns.tools.demo_scene.folder import folder_in_one_piece
from csgaussian_ns.tools.demo_scene.kinds import KINDS
from csgaussian_ns.tools.demo_scene.layout import Item, arrange
from csgaussian_ns.tools.demo_scene.light import bake
from csgaussian_ns.tools.demo_scene.mesh import Tracer, assemble, load_embree
from csgaussian_ns.tools.demo_scene.options import DemoOptions
from csgaussian_ns.tools.demo_scene.points import instance_points, sparse_points
from csgaussian_ns.tools.demo_scene.render import draw
from csgaussian_ns.tools.demo_scene.rings import DemoView, rings
from csgaussian_ns.tools.demo_scene.room import Lamp, furnish, lamps
from csgaussian_ns.tools.demo_scene.shading import Stage, lit_stage
from csgaussian_ns.tools.demo_scene.silhouettes import shape_of, silhouette

PER_OBJECT = 2000
"""Surface points per object in ``instance_points.ply``."""
SHARES = {"objects": 0.06, "light": 0.24, "views": 0.60, "points": 0.10}
"""Rough shares of the time, for the progress bar."""

Image = UInt8[np.ndarray, "H W 3"]


@dataclass(frozen=True)
class Summary:
    """What was made; sizes in bytes, time in seconds."""

    views: int
    objects: int
    points: int
    size: int
    seconds: float


def _generator(options: DemoOptions, stream: int) -> np.random.Generator:
    """Independent random stream: changing the number of views must not move the objects."""
    return np.random.default_rng([options.seed, stream])


def build_stage(
    options: DemoOptions, pool: Executor, step: Callable[[float], None], lights: Sequence[Lamp] | None = None
) -> tuple[Stage, list[Item]]:
    """Build and light the scene, by its usual lamps where no others are given."""
    kind = KINDS[options.kind]
    items = arrange(options.objects or kind.objects, _generator(options, 1), kind.mixture)
    room = furnish(_generator(options, 2))
    owned = [(surface, 0) for surface in room]
    owned += [(surface, index + 1) for index, item in enumerate(items) for surface in item.surfaces]
    mesh = assemble([surface for surface, _ in owned], [owner for _, owner in owned])
    tracer, lights = Tracer(mesh), lamps() if lights is None else lights
    matt_tracer = tracer if mesh.plain else Tracer(mesh, mesh.matt_faces)
    step(SHARES["objects"])
    light = bake(mesh, matt_tracer, lights, pool, lambda share: step(share * SHARES["light"]))
    return lit_stage(mesh, tracer, matt_tracer, lights, light), items


def _draw_all(
    options: DemoOptions,
    stage: Stage,
    items: list[Item],
    views: list[DemoView],
    folder: Path,
    pool: Executor,
    step: Callable[[float], None],
) -> list[Image]:
    """Draw every view, store its image and masks, and return the images."""
    for name in (write.IMAGES, write.MASKS, write.WHOLE):
        (folder / name).mkdir()
    shapes = [shape_of(item.surfaces) for item in items]

    def work(index: int) -> Image:
        image, ids = draw(stage, views[index], options.samples)
        # PNG on purpose: a compression study should not pay for JPEG's own artefacts.
        (folder / write.IMAGES / f"{write.stem(index)}.png").write_bytes(png(image))
        (folder / write.MASKS / f"{write.stem(index)}.png").write_bytes(png(ids))
        whole = MaskSet.from_masks(np.stack([silhouette(shape, views[index]) for shape in shapes]))
        write_masks(folder / write.WHOLE / f"{write.stem(index)}.npz", whole)
        step(SHARES["views"] / len(views))
        return image

    return list(pool.map(work, range(len(views))))


def make_scene(options: DemoOptions, step: Callable[[float], None]) -> Summary:
    """Make the scene folder ``options.out``.

    Args:
        options: Checked options.
        step: Called from any thread with the share of the work just done; the shares sum to 1.

    Returns:
        Counts, size and time.

    Raises:
        BackendUnavailable: embree is not installed.
        ConfigError: The target folder would lose files or cannot be written, or the objects do not fit.
    """
    began = time.perf_counter()
    load_embree()
    with (
        folder_in_one_piece(options.out, options.overwrite) as folder,
        ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool,
    ):
        stage, items = build_stage(options, pool, step)
        views = rings(options.views, options.width, options.height, _generator(options, 3), KINDS[options.kind].cameras)
        images = _draw_all(options, stage, items, views, folder, pool, step)
        sparse = sparse_points(stage, views, images, options.points, _generator(options, 4))
        surface = instance_points(stage, views, len(items), PER_OBJECT, _generator(options, 5))
        (folder / write.SPARSE).write_bytes(write.ply(sparse, ("red", "green", "blue")))
        (folder / write.SURFACE).write_bytes(write.ply(surface, ("instance",)))
        (folder / write.NAMES).write_text(write.instance_names([item.name for item in items]))
        (folder / write.TRANSFORMS).write_text(write.transforms(views))
        step(SHARES["points"])
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Summary(len(views), len(items), len(sparse.xyz), size, time.perf_counter() - began)
