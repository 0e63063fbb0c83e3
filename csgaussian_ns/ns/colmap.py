"""nerfstudio's parser of COLMAP's folders with our reading of the model.

So names of photos may hold spaces, and a model lies where any program left it.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from nerfstudio.data.dataparsers.colmap_dataparser import ColmapDataParser, ColmapDataParserConfig
from nerfstudio.utils.rich_utils import CONSOLE
from rich.markup import escape

from csgaussian_ns.capture.check import check_exists
from csgaussian_ns.capture.colmap import read_colmap_model
from csgaussian_ns.capture.kinds import model_in
from csgaussian_ns.capture.lens import lens_of
from csgaussian_ns.capture.poses import stored_pose
from csgaussian_ns.capture.transforms import DISTORTION
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.ns.pinhole import lens_parameters

Z_UP = np.array(((1.0, 0, 0, 0), (0, 0, 1.0, 0), (0, -1.0, 0, 0)))
"""What nerfstudio turns COLMAP's world by, whose -y is guessed to be up."""


class CaptureColmap(ColmapDataParser):
    """See the module. Made in place of the base class by the datamanager, for the same configuration."""

    config: ColmapDataParserConfig

    def _get_all_images_and_cameras(self, recon_dir: Path) -> dict[str, Any]:
        config = self.config
        capture = read_colmap_model(recon_dir, config.data, config.images_path.as_posix())
        kinds = {frame.facts["camera_model"] for frame in capture.frames}
        if len(kinds) > 1:
            raise DataError(
                f"{capture.path}: photos of {' and '.join(sorted(kinds))}; nerfstudio trains on one of them"
            )
        turn = np.eye(4)
        turn[:3] = Z_UP if config.assume_colmap_world_coordinate_convention else turn[:3]
        folders = {"mask_path": config.masks_path, "depth_path": config.depths_path}
        frames = []
        for frame in capture.frames:
            lens_of(frame)
            if config.downscale_factor in (None, 1):
                check_exists(frame, "photo", frame.photo, frame.file_path)
            pose = np.eye(4)
            pose[:3] = stored_pose(frame)
            lens = dict(zip(DISTORTION, lens_parameters(frame), strict=True))
            told = {**frame.facts, **lens, "file_path": frame.photo.as_posix(), "transform_matrix": turn @ pose}
            inside = frame.photo.relative_to(config.data / config.images_path)
            beside = {
                key: (config.data / folder / inside).with_suffix(".png").as_posix()
                for key, folder in folders.items()
                if folder is not None
            }
            frames.append(told | beside)
        found = {"frames": frames, "camera_model": kinds.pop()}
        return found | {"applied_transform": turn[:3].tolist()}


def with_our_colmap(config: ColmapDataParserConfig, data: Path) -> ColmapDataParserConfig:
    """The configuration of a parser of ``data`` with ours in its place, and the model where it lies.

    Raises:
        DataError: There is no model where the configuration says, nor where programs leave it.
    """
    if (data / config.colmap_path).is_dir():
        return replace(config, _target=CaptureColmap)
    model = model_in(data)
    if model is None:
        raise DataError(
            f"{data / config.colmap_path} does not exist, and {data} holds no model of COLMAP in sparse/0; name its "
            "folder after the method's options: colmap --colmap-path FOLDER"
        )
    CONSOLE.print(f"[yellow]COLMAP's model is taken from {escape(str(model))}.[/yellow]")
    return replace(config, _target=CaptureColmap, colmap_path=model.relative_to(data))
