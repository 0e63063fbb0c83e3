"""Folders and data sets that cannot be trained on, told before training starts; captures: see ``capture.check``."""

from pathlib import Path

import numpy as np
from nerfstudio.cameras.cameras import CameraType
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanagerConfig
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.dataparsers.nerfstudio_dataparser import NerfstudioDataParserConfig
from nerfstudio.data.datasets.base_dataset import InputDataset

from csgaussian_ns.capture.check import check_offset
from csgaussian_ns.capture.transforms import NAME, transforms_in
from csgaussian_ns.core.errors import DataError


def check_scene_folder(config: FullImageDatamanagerConfig, finished: bool = False) -> None:
    """Refuse a folder that is not there or is not of the format that the configuration says.

    Args:
        config: Names the folder and its parser.
        finished: Of a run that is not trained but looked at: its config.yml names the folder, not the command line.

    Raises:
        DataError: No such folder; or, for the ``nerfstudio-data`` format, one without a ``transforms.json``.
    """
    data = Path(config.data or config.dataparser.data)
    if not data.exists():
        if not finished:
            raise DataError(f"the scene folder {data} does not exist; give one with --data")
        raise DataError(
            f"the scene folder {data}, which config.yml names, does not exist, seen from {Path.cwd()}. Paths in "
            "config.yml, data and outputs, are relative to the folder that training was started in: run this command "
            "from there, or restore the scene folder"
        )
    if isinstance(config.dataparser, NerfstudioDataParserConfig) and not transforms_in(data).is_file():
        raise DataError(
            f"{data} holds no {NAME}; make one with ns-process-data, or name the folder's real format after the "
            "method's options (for example: colmap, blender-data)"
        )


def check_precision(outputs: DataparserOutputs) -> None:
    """Refuse cameras that nerfstudio's other parsers have read in single precision, far away from the origin.

    Raises:
        DataError: Names what to subtract.
    """
    transform, places = (
        np.asarray(t.double()) for t in (outputs.dataparser_transform, outputs.cameras.camera_to_worlds)
    )
    spread = np.abs(places[:, :3, 3] - places[:, :3, 3].mean(axis=0)).max(initial=0.0) / float(outputs.dataparser_scale)
    if spread > 0:
        check_offset(-transform[:3, :3].T @ transform[:3, 3], float(spread))


def check_split(train: InputDataset, evaluation: InputDataset) -> None:
    """Refuse a split that leaves nothing to train on or nothing to measure with.

    Raises:
        DataError: One side of the split is empty.
    """
    for name, dataset, other in (("training", train, evaluation), ("evaluation", evaluation, train)):
        if len(dataset) == 0:
            raise DataError(
                f"the split leaves no {name} view ({len(other)} on the other side). Choose another one after the "
                "method's options, for example: nerfstudio-data --eval-mode interval --eval-interval 8, "
                "or --eval-mode all to use every view for both"
            )


def check_lenses(dataset: InputDataset) -> None:
    """Refuse photos that no pinhole camera can stand for.

    Raises:
        DataError: Names the photo and the type of its camera.
    """
    for path, number in zip(dataset.image_filenames, dataset.cameras.camera_type.flatten().tolist(), strict=True):
        kind = CameraType(number)
        if kind not in (CameraType.PERSPECTIVE, CameraType.FISHEYE, CameraType.FISHEYE624):
            raise DataError(
                f"the camera of {path} is of type {kind.name}; only perspective cameras and fisheye lenses, which are "
                "undistorted, can be rasterised. Convert the photos, for example with ns-process-data"
            )
