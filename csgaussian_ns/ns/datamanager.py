"""nerfstudio's full-image datamanager, checked, working without a GPU, and with a view order that can be resumed."""

import copy
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanager, FullImageDatamanagerConfig
from nerfstudio.utils.rich_utils import CONSOLE
from rich.markup import escape

from csgaussian_ns.capture.split import HELD_OUT, fits_into_file, split_names
from csgaussian_ns.capture.transforms import Capture
from csgaussian_ns.core.errors import BackendUnavailable, DataError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.ns.data_checks import check_lenses, check_precision, check_scene_folder, check_split
from csgaussian_ns.ns.dataset import PhotoDataset
from csgaussian_ns.ns.parser import CaptureParser, with_our_parser
from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.ns.training_masks import find_labels, load_labels, say_coverage, say_lone_masks
from csgaussian_ns.scene.gap_points import points_behind_gaps
from csgaussian_ns.semantic.finding.views import MaskedView, spread
from csgaussian_ns.semantic.innermost import innermost
from csgaussian_ns.semantic.masks.sources import LabelSource

GAP_POINTS = "gap_points"
"""Under this name the metadata of the training views hold points where the point cloud has none."""


@dataclass
class CSGaussianDataManagerConfig(FullImageDatamanagerConfig):
    """Full images in memory, one per step."""

    _target: type = field(default_factory=lambda: CSGaussianDataManager)
    masks: str | Path = "auto"
    """What belongs together in each photo: a folder of label maps (csg masks makes one), "none", or "auto": those that
    the frames of transforms.json name as instance_mask_path, if any."""


class CSGaussianDataManager(FullImageDatamanager[PhotoDataset]):
    """Differs from its base in six ways.

    A ``transforms.json`` and photos are read as a receiver reads them (``CaptureParser``, ``PhotoDataset``). Bad scene
    folders are refused with an explanation. Images stay in ordinary memory where there is no GPU (the base
    class pins memory for more than 500 images, which needs a driver). The view trained at a step is a function of the
    step and the seed alone, so that a resumed run sees what an uninterrupted one would have seen. Batches of views
    with masks have a key more, ``labels``: Int32 [1, H, W], a label map aligned with the image, 0 for no mask, of masks
    that overlap the smallest; then all of them are in ``layers``, UInt16 [L, H, W].
    The metadata of the training views tell where the point cloud has gaps (``GAP_POINTS``).

    Attributes:
        label_names: Id to name of the masks; not empty only if ids mean the same object in every view.
        eval_cameras_as_taken: Of the evaluation views before their images are undistorted; there once they are loaded.
    """

    config: CSGaussianDataManagerConfig
    eval_cameras_as_taken: Cameras

    def __init__(self, config: CSGaussianDataManagerConfig, *args, **kwargs) -> None:
        """Check the folder, then load it."""
        check_scene_folder(config, finished=kwargs.get("test_mode", "val") != "val")
        try:
            super().__init__(with_our_parser(config), *args, **kwargs)
        except ImportError as error:  # the parser reads point clouds with open3d
            raise BackendUnavailable(
                f"the point cloud cannot be read: {error}. On Debian or Ubuntu: "
                "sudo apt-get install libusb-1.0-0 libgl1"
            ) from error
        if self.capture is None:
            check_precision(self.train_dataparser_outputs)
        self._order = lru_cache(maxsize=2)(self._shuffled)
        self._find_gaps()
        self._labels = self._find_labels()
        self.label_names = self._labels.names

    def _find_gaps(self) -> None:
        """For a run that trains on a point cloud: leave the points behind its gaps where the model finds them."""
        points, views = self.train_dataset.metadata.get("points3D_xyz"), self.train_dataset.cameras
        if self.test_mode == "val" and points is not None:
            cameras = [to_camera(views[index : index + 1]) for index in range(len(views))]
            self.train_dataset.metadata[GAP_POINTS] = points_behind_gaps(points, cameras)

    def _find_labels(self) -> LabelSource:
        """A run that trains needs the masks it was asked to use; one that is looked at or measured does without."""
        photos = self.train_dataset.image_filenames
        try:
            source = find_labels(self.config.masks, self.capture, [*photos, *self.eval_dataset.image_filenames])
        except DataError as error:
            if self.test_mode == "val":
                raise
            CONSOLE.print(f"[yellow]No masks are used: {escape(one_line(error))}[/yellow]")
            return LabelSource("none")
        if self.test_mode == "val":
            say_coverage(source, photos)
        return source

    @property
    def has_labels(self) -> bool:
        """Whether any training view has masks."""
        return any(photo in self._labels.files for photo in self.train_dataset.image_filenames)

    def masked_views(self) -> Iterator[MaskedView]:
        """Training views that have masks, some of them if they are many, for ``semantic.finding``."""
        batches = self.cached_train  # caching also corrects the cameras
        for index in spread([index for index, batch in enumerate(batches) if "labels" in batch]):
            camera = to_camera(self.train_dataset.cameras[index : index + 1].to(self.device))
            labels = batches[index].get("layers", batches[index]["labels"])
            yield MaskedView(camera, labels.to(self.device, torch.int32))

    @property
    def capture(self) -> Capture | None:
        """What the scene folder's ``transforms.json`` says; ``None`` where another of nerfstudio's parsers reads it."""
        return self.dataparser.capture if isinstance(self.dataparser, CaptureParser) else None

    def held_out_names(self) -> dict[str, list[str]]:
        """For META's ``extra``: views that training holds out; none, and a line says so, where they are too many."""
        if isinstance(self.dataparser, CaptureParser):
            names = split_names(self.dataparser.capture, self.dataparser.split)
        else:
            trained, folder = set(self.train_dataset.image_filenames), self.get_datapath()
            held_out = [path for path in self.eval_dataset.image_filenames if path not in trained]
            names = {HELD_OUT: [Path(os.path.relpath(path, folder)).as_posix() for path in held_out]}
        if fits_into_file(names):
            return names
        CONSOLE.print("[yellow]The names of the held-out views are too long for the file and are left out.[/yellow]")
        return {}

    def create_eval_dataset(self) -> PhotoDataset:
        """The evaluation views; both sides of the split exist by now and are checked."""
        dataset = super().create_eval_dataset()
        check_split(self.train_dataset, dataset)
        return dataset

    def _load_images(
        self, split: Literal["train", "eval"], cache_images_device: Literal["cpu", "gpu"]
    ) -> list[dict[str, Any]]:
        dataset = self.train_dataset if split == "train" else self.eval_dataset
        check_lenses(dataset)
        if cache_images_device == "cpu" and not torch.cuda.is_available():
            cache_images_device = "gpu"  # the base class's name for "plainly on self.device"
        if split == "eval":
            self.eval_cameras_as_taken = copy.deepcopy(dataset.cameras)
        labels = load_labels(dataset, self._labels)
        batches = super()._load_images(split, cache_images_device)
        for batch, maps in zip(batches, labels, strict=True):
            if maps is not None:
                layers = torch.from_numpy(maps)
                batch["labels"] = innermost(layers.int()).to(layers)
                batch |= {"layers": layers} if len(layers) > 1 else {}
        if split == "train":
            say_lone_masks(labels)
        return batches

    def _delivered(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Labels are cached in 16 bits in ordinary memory; torch computes with 32 on the device."""
        if "labels" in batch:
            batch["labels"] = batch["labels"].to(self.device, torch.int32)
        return batch

    def _shuffled(self, epoch: int) -> list[int]:
        order = list(range(len(self.train_dataset)))
        random.Random(f"{self.config.train_cameras_sampling_seed}/{epoch}").shuffle(order)
        return order

    def next_train(self, step: int) -> tuple[Cameras, dict]:
        """Camera and batch of ``step``; every epoch visits all views once in an order of its own."""
        if self.config.train_cameras_sampling_strategy == "random":
            epoch, position = divmod(step, len(self.train_dataset))
            self.train_unseen_cameras = [self._order(epoch)[position]]
        camera, batch = super().next_train(step)
        return camera, self._delivered(batch)

    def next_eval_image(self, step: int) -> tuple[Cameras, dict]:
        """Camera and batch of an evaluation view drawn at random."""
        camera, batch = super().next_eval_image(step)
        return camera, self._delivered(batch)

    @property
    def fixed_indices_eval_dataloader(self) -> list[tuple[Cameras, dict]]:
        """All evaluation views, in order."""
        return [(camera, self._delivered(batch)) for camera, batch in super().fixed_indices_eval_dataloader]
