"""What ``csg select`` writes about a selection."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from csgaussian_ns.core.edits import Target
from csgaussian_ns.core.npz import write_npz
from csgaussian_ns.core.png import write_png
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.render.draw import draw_gaussians
from csgaussian_ns.semantic.appearance import Appearance, Highlight
from csgaussian_ns.semantic.query import Selection, semantics_of
from csgaussian_ns.semantic.seen import label_map, solid
from csgaussian_ns.tools.outputs import output_folder, remove_earlier


def write_selection(
    scene: LoadedScene, selection: Selection, cameras: Mapping[str, Camera], folder: Path
) -> dict[str, int]:
    """Write pictures of each view, and once what the selection is made of.

    ``masks/<view>.png``: white where the selection is what one sees. ``cutouts/<view>.png``: the selection drawn alone,
    with transparency, what others hid of it included. ``overlays/<view>.png``: the view with the selection highlighted.
    ``selection.npz``: ``anchors`` (indices in the order of the file), ``gaussians`` (indices into anchors * K + slot),
    ``position`` of the anchors in the training frame, ``ids`` of the objects. Numbered pictures of an earlier call go
    first.

    Returns:
        Pixels of each mask.
    """
    with ExitStack() as folders:
        for name in ("masks", "cutouts", "overlays"):
            folders.enter_context(output_folder(folder / name))
            remove_earlier(folder / name)
        return _write_all(scene, selection, cameras, folder)


def _write_all(scene: LoadedScene, selection: Selection, cameras: Mapping[str, Camera], folder: Path) -> dict[str, int]:
    ids = np.array([entry.id for entry in selection.objects])
    highlighted = scene.shown(Appearance((Highlight(Target(tuple(ids.tolist()))),)))
    pixels = {}
    for name, camera in cameras.items():
        seen = highlighted.seen(camera)
        layer = semantics_of(scene)
        mask = np.isin(label_map(solid(seen, layer), layer.label, draw_gaussians), ids)
        overlay = draw_gaussians(seen.gaussians, camera, scene.background).image
        alone = draw_gaussians(scene.seen(camera, selection.anchors).gaussians, camera)
        colour = alone.image / alone.alpha.clip(min=1e-6)
        _write(np.concatenate([colour, alone.alpha], axis=-1), folder / "cutouts" / f"{name}.png")
        _write(mask.astype(np.float32), folder / "masks" / f"{name}.png")
        _write(overlay, folder / "overlays" / f"{name}.png")
        pixels[name] = int(mask.sum())
    arrays = {
        "anchors": np.flatnonzero(selection.anchors),
        "gaussians": np.flatnonzero(selection.gaussians),
        "position": scene.position[selection.anchors],
        "ids": ids,
    }
    write_npz(folder / "selection.npz", arrays, compressed=True)
    return pixels


def _write(values: Float[np.ndarray, "H W *C"], path: Path) -> None:
    write_png(path, (values.clip(0, 1) * 255 + 0.5).astype(np.uint8))
