"""What ``csg select`` writes about a selection."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from csgaussian_ns.codec.scene import CodedScene
from csgaussian_ns.core.files import make_folder
from csgaussian_ns.core.npz import write_npz
from csgaussian_ns.core.png import write_png
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.backend import choose_rasterizer
from csgaussian_ns.semantic.query import Selection, semantics_of
from csgaussian_ns.semantic.seen import label_map, see
from csgaussian_ns.tools.outputs import remove_earlier_orbit

HIGHLIGHT = (1.0, 0.55, 0.0)


@torch.no_grad()
def write_selection(
    scene: CodedScene, selection: Selection, cameras: Mapping[str, Camera], folder: Path
) -> dict[str, int]:
    """Write pictures of each view, and once what the selection is made of.

    ``masks/<view>.png``: white where the selection is what one sees. ``cutouts/<view>.png``: the selection drawn alone,
    with transparency, what others hid of it included. ``overlays/<view>.png``: the view with the selection highlighted.
    ``selection.npz``: ``anchors`` (indices in the order of the file), ``gaussians`` (indices into anchors * K + slot),
    ``position`` of the anchors in the training frame, ``ids`` of the objects. Pictures of an earlier orbit go first.

    Returns:
        Pixels of each mask.
    """
    for name in ("masks", "cutouts", "overlays"):
        make_folder(folder / name)
        remove_earlier_orbit(folder / name)
    rasterizer = choose_rasterizer("auto", scene.anchors.position.device)
    ids = torch.tensor([entry.id for entry in selection.objects])
    pixels = {}
    for name, camera in cameras.items():
        seen = see(scene.anchors, scene.decoders, camera)
        mask = torch.isin(label_map(seen, semantics_of(scene).label, rasterizer), ids)
        image = rasterizer(seen.gaussians, camera, scene.background).image.clamp(0, 1)
        alone = rasterizer(seen.only(selection.anchors[seen.row]).gaussians, camera)
        colour = alone.image / alone.alpha.clamp_min(1e-6)
        _write(torch.cat([colour, alone.alpha], dim=-1), folder / "cutouts" / f"{name}.png")
        _write(mask.float(), folder / "masks" / f"{name}.png")
        _write(_highlighted(image, mask), folder / "overlays" / f"{name}.png")
        pixels[name] = int(mask.sum())
    arrays = {
        "anchors": torch.nonzero(selection.anchors)[:, 0],
        "gaussians": torch.nonzero(selection.gaussians.flatten())[:, 0],
        "position": scene.anchors.position[selection.anchors],
        "ids": ids,
    }
    write_npz(folder / "selection.npz", {name: values.numpy() for name, values in arrays.items()}, compressed=True)
    return pixels


def _highlighted(image: Tensor, mask: Tensor) -> Tensor:
    """The selection in a warm tint, all else darker and without colour."""
    grey = image.mean(dim=-1, keepdim=True).expand_as(image) * 0.6
    warm = 0.65 * image + 0.35 * torch.tensor(HIGHLIGHT)
    return torch.where(mask[..., None], warm, grey)


def _write(values: Tensor, path: Path) -> None:
    write_png(path, (values.clamp(0, 1) * 255 + 0.5).to(torch.uint8).numpy())
