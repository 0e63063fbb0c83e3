"""nerfstudio's parser of ``transforms.json`` with our reading of the file, so that training and receivers agree.

What nerfstudio decides is nerfstudio's still: its options, how a scene is oriented and scaled, where smaller copies of
photos are looked for. What the file says is read by ``capture``; poses and points keep their double precision until
they are centred.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from nerfstudio.cameras import camera_utils
from nerfstudio.cameras.cameras import CAMERA_MODEL_TO_TYPE, Cameras
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.dataparsers.colmap_dataparser import ColmapDataParser, ColmapDataParserConfig
from nerfstudio.data.dataparsers.nerfstudio_dataparser import (
    MAX_AUTO_RESOLUTION,
    Nerfstudio,
    NerfstudioDataParserConfig,
)
from nerfstudio.data.scene_box import SceneBox
from nerfstudio.data.utils import dataparsers_utils
from nerfstudio.utils.rich_utils import CONSOLE
from rich.markup import escape
from torch import Tensor

from csgaussian_ns.capture import cloud, image_masks
from csgaussian_ns.capture.check import check_offset, check_trainable, is_far
from csgaussian_ns.capture.optics import intrinsics_of
from csgaussian_ns.capture.photos import open_photo
from csgaussian_ns.capture.poses import COLMAP_MODEL, applied, moved, stored_pose
from csgaussian_ns.capture.split import ViewSplit, by_interval, by_lists
from csgaussian_ns.capture.transforms import DISTORTION, Capture, Frame, read_capture
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import Float, Float64, UInt8
from csgaussian_ns.ns.colmap import with_our_colmap
from csgaussian_ns.ns.pinhole import lens_parameters


@dataclass
class PreciseOutputs(DataparserOutputs):
    """With a transform in double precision, for captures far away from the origin."""

    def transform_poses_to_original_space(
        self, poses: Float[Tensor, "num_poses 3 4"], camera_convention: Literal["opengl", "opencv"] = "opencv"
    ) -> Float[Tensor, "num_poses 3 4"]:
        """See the base class; in double precision."""
        return super().transform_poses_to_original_space(poses.double(), camera_convention)


@dataclass(frozen=True)
class Placement:
    """Where training sees a capture.

    Attributes:
        transform: From the poses in the file to the frame of training, before ``scale``.
        scale: Factor after it.
        middle, spread: Of the cameras in the file, and the farthest of them from it along an axis.
    """

    transform: Float64[np.ndarray, "3 4"]
    scale: float
    middle: Float64[np.ndarray, "3"]
    spread: float


class CaptureParser(Nerfstudio):
    """See the module. Made in place of the base class by the datamanager, for the same configuration."""

    config: NerfstudioDataParserConfig

    @cached_property
    def capture(self) -> Capture:
        """The scene folder, checked.

        Raises:
            DataError: It cannot be trained on.
        """
        capture = read_capture(self.config.data)
        check_trainable(capture, photos=(self.config.downscale_factor or 1) == 1)
        _say(capture.notes)
        return capture

    @cached_property
    def split(self) -> ViewSplit:
        """By the lists of the capture, else by the option ``eval_mode``.

        Raises:
            DataError: A list, or names of files, that no split can be made of.
        """
        lists = by_lists(self.capture)
        if lists is not None:
            _say(lists.notes)
            return lists
        count, mode = len(self.capture.frames), self.config.eval_mode
        if mode == "interval":
            return by_interval(count, self.config.eval_interval)
        try:
            if mode == "fraction":
                fraction = self.config.train_split_fraction
                train, held_out = dataparsers_utils.get_train_eval_split_fraction(self.capture.photos, fraction)
            elif mode == "filename":
                train, held_out = dataparsers_utils.get_train_eval_split_filename(self.capture.photos)
            else:
                train, held_out = dataparsers_utils.get_train_eval_split_all(self.capture.photos)
        except ValueError as error:
            raise DataError(f"--eval-mode {mode}: {error}") from error
        held_out = tuple(map(int, held_out))
        return ViewSplit(tuple(map(int, train)), held_out, held_out, f"--eval-mode {mode}")

    @cached_property
    def placement(self) -> Placement:
        """As nerfstudio orients, centres and scales the cameras, which it holds in single precision.

        Far away from the origin they are centred first. Near it the rotation is nerfstudio's to the last bit: a
        principal axis may turn round when a bit changes, and a run that was trained before would be seen from behind.

        Raises:
            DataError: Cameras too far away from an origin that they shall keep.
        """
        config, poses = self.config, np.stack([stored_pose(frame) for frame in self.capture.frames])
        middle = poses[:, :, 3].mean(axis=0)
        spread = float(np.abs(poses[:, :, 3] - middle).max())
        if config.center_method == "none":
            check_offset(middle, spread)
        near = np.tile(np.eye(4), (len(poses), 1, 1))
        near[:, :3] = poses
        shift = middle if is_far(middle, spread) else np.zeros(3)
        near[:, :3, 3] -= shift
        method = self.capture.facts.get("orientation_override", config.orientation_method)
        try:
            _, found = camera_utils.auto_orient_and_center_poses(
                torch.from_numpy(near).float(), method=method, center_method=config.center_method
            )
        except ValueError as error:
            raise DataError(f"{self.capture.path}: 'orientation_override': {error}") from error
        transform = found.double().numpy()
        transform[:, 3] -= transform[:, :3] @ shift
        placed = poses[:, :, 3] @ transform[:, :3].T + transform[:, 3]
        scale = 1.0 / float(np.abs(placed).max()) if config.auto_scale_poses else 1.0
        return Placement(transform, scale * config.scale_factor, middle, spread)

    def _generate_dataparser_outputs(self, split: str = "train") -> DataparserOutputs:
        numbers = {"train": self.split.train, "val": self.split.validation, "test": self.split.held_out}[split]
        frames, config = [self.capture.frames[number] for number in numbers], self.config
        if self.downscale_factor is None:
            self.downscale_factor = config.downscale_factor or self._factor_of_copies()
        square, own_scale = applied(self.capture)
        scale = self.placement.scale * own_scale
        to_trained = self.placement.transform @ square
        points = self._points(scale) if split == "train" and config.load_3D_points else {}
        half = config.scene_scale
        return PreciseOutputs(
            image_filenames=[self._get_fname(Path(frame.file_path), self.capture.folder) for frame in frames],
            cameras=self._cameras(frames),
            scene_box=SceneBox(torch.tensor([[-half] * 3, [half] * 3], dtype=torch.float32)),
            mask_filenames=self._masks(frames),
            dataparser_scale=scale,
            dataparser_transform=torch.from_numpy(to_trained),
            metadata={"mask_color": config.mask_color, **points},
        )

    def _factor_of_copies(self) -> int:
        """By how much smaller the copies are that stand for large photos, as nerfstudio chooses them; 1 for none."""
        first, factor = self.capture.frames[0].photo, 1
        longest = max(open_photo(first).size)
        while longest / factor > MAX_AUTO_RESOLUTION:
            if not (self.capture.folder / f"images_{2 * factor}" / first.name).exists():
                break
            factor *= 2
        return factor

    def _masks(self, frames: Sequence[Frame]) -> list[Path] | None:
        if not self.capture.files_under(image_masks.KEY):
            return None
        return [self._get_fname(Path(frame.facts[image_masks.KEY]), self.capture.folder, "masks_") for frame in frames]

    def _cameras(self, frames: Sequence[Frame]) -> Cameras:
        placement, optics = self.placement, np.array([intrinsics_of(frame) for frame in frames]).reshape(-1, 6)
        poses = [moved(stored_pose(frame), placement.transform, placement.scale) for frame in frames]
        values = torch.from_numpy(optics).float()[..., None]
        sizes = torch.from_numpy(optics[:, 4:].astype(np.int64))[..., None]
        cameras = Cameras(
            camera_to_worlds=torch.from_numpy(np.array(poses).reshape(-1, 3, 4)).float(),
            fx=values[:, 0],
            fy=values[:, 1],
            cx=values[:, 2],
            cy=values[:, 3],
            width=sizes[:, 0],
            height=sizes[:, 1],
            distortion_params=self._distortion(frames),
            camera_type=torch.tensor([self._type_of(frame) for frame in frames], dtype=torch.int64)[:, None],
            metadata=self._lens_facts(),
        )
        assert self.downscale_factor is not None
        cameras.rescale_output_resolution(scaling_factor=1.0 / self.downscale_factor)
        return cameras

    def _distortion(self, frames: Sequence[Frame]) -> Float[Tensor, "V P"]:
        rows = [lens_parameters(frame) for frame in frames]
        if len(set(map(len, rows))) > 1:
            raise DataError(f"{self.capture.path}: lenses of different numbers of parameters; give all frames the same")
        return torch.tensor(rows, dtype=torch.float32).reshape(len(rows), len(rows[0]) if rows else len(DISTORTION))

    def _type_of(self, frame: Frame) -> int:
        model = frame.facts.get("camera_model", "PINHOLE")
        if model not in CAMERA_MODEL_TO_TYPE:
            known = ", ".join(CAMERA_MODEL_TO_TYPE)
            raise DataError(f"{frame.where}: 'camera_model' is {str(model)[:40]!r}; expected one of {known}")
        return CAMERA_MODEL_TO_TYPE[model].value

    def _lens_facts(self) -> dict[str, Any]:
        """What nerfstudio's undistortion of fisheye lenses asks for."""
        radius = self.capture.facts.get("fisheye_crop_radius")
        fisheye = self.capture.facts.get("camera_model") in ("OPENCV_FISHEYE", "FISHEYE624")
        return {"fisheye_crop_radius": radius} if fisheye and radius is not None else {}

    def _points(self, scale: float) -> dict[str, Tensor]:
        """Points of the capture in the frame of training, under the names that models ask for."""
        name, model = self.capture.facts.get(cloud.KEY), self.capture.folder.joinpath(*COLMAP_MODEL)
        if name is not None:
            file = self.capture.folder / str(name)
            cloud.check_cloud(file)
            points, colours = _points_of_ply(file)
            cloud.check_resolution(file, points, self.placement.spread, self.placement.middle)
        elif model.is_dir():
            points, colours = _points_of_colmap(model)
            square, _ = applied(self.capture)
            points = points @ square[:3, :3].T + square[:3, 3]
        else:
            CONSOLE.print("[yellow]The capture has no point cloud; training starts from random points.[/yellow]")
            return {}
        transform = self.placement.transform
        placed = (points @ transform[:, :3].T + transform[:, 3]) * scale
        return {
            "points3D_xyz": torch.from_numpy(placed.astype(np.float32)),
            "points3D_rgb": torch.from_numpy(colours),
        }


def with_our_parser(config: Any) -> Any:
    """A datamanager's configuration with our parser where it names nerfstudio's own or COLMAP's; else as it is."""
    if isinstance(config.dataparser, ColmapDataParserConfig) and config.dataparser._target is ColmapDataParser:
        return replace(
            config, dataparser=with_our_colmap(config.dataparser, Path(config.data or config.dataparser.data))
        )
    if not isinstance(config.dataparser, NerfstudioDataParserConfig) or config.dataparser._target is not Nerfstudio:
        return config
    return replace(config, dataparser=replace(config.dataparser, _target=CaptureParser))


def _points_of_ply(file: Path) -> tuple[Float64[np.ndarray, "N 3"], UInt8[np.ndarray, "M 3"]]:
    import open3d  # slow, and misses libraries of the system on some machines

    found = open3d.io.read_point_cloud(str(file))  # type: ignore[arg-type]
    return np.asarray(found.points), (np.asarray(found.colors) * 255).astype(np.uint8)


def _points_of_colmap(model: Path) -> tuple[Float64[np.ndarray, "N 3"], UInt8[np.ndarray, "N 3"]]:
    """Of a folder that ns-process-data made before it wrote point clouds."""
    from nerfstudio.data.utils.colmap_parsing_utils import read_points3D_binary, read_points3D_text

    readers = {"points3D.bin": read_points3D_binary, "points3D.txt": read_points3D_text}
    file = next((model / name for name in readers if (model / name).is_file()), None)
    if file is None:
        raise DataError(f"{model} holds neither {' nor '.join(readers)}; run ns-process-data again")
    points = list(readers[file.name](file).values())
    places = np.array([point.xyz for point in points], np.float64).reshape(-1, 3)
    return places, np.array([point.rgb for point in points], np.uint8).reshape(-1, 3)


def _say(notes: Sequence[str]) -> None:
    for note in notes:
        CONSOLE.print(f"[yellow]{escape(note)}.[/yellow]")
