"""nerfstudio's full-image datamanager, checked, working without a GPU, and with a view order that can be resumed."""

import random
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.datamanagers.full_images_datamanager import FullImageDatamanager, FullImageDatamanagerConfig
from nerfstudio.data.datasets.base_dataset import InputDataset

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.ns.checks import check_scene_folder, check_split, check_view


@dataclass
class CSGaussianDataManagerConfig(FullImageDatamanagerConfig):
    """Full images in memory, one per step."""

    _target: type = field(default_factory=lambda: CSGaussianDataManager)


class CSGaussianDataManager(FullImageDatamanager[InputDataset]):
    """Differs from its base in three ways.

    Bad scene folders are refused with an explanation. Images stay in ordinary memory where there is no GPU (the base
    class pins memory for more than 500 images, which needs a driver). And the view trained at a step is a function of
    the step and the seed alone, so that a resumed run sees what an uninterrupted one would have seen.
    """

    config: CSGaussianDataManagerConfig

    def __init__(self, config: CSGaussianDataManagerConfig, *args, **kwargs) -> None:
        """Check the folder, then load it."""
        check_scene_folder(config)
        try:
            super().__init__(config, *args, **kwargs)
        except ImportError as error:  # the parser reads point clouds with open3d
            raise BackendUnavailable(
                f"the point cloud cannot be read: {error}. On Debian or Ubuntu: "
                "sudo apt-get install libusb-1.0-0 libgl1"
            ) from error
        self._order = lru_cache(maxsize=2)(self._shuffled)

    def create_eval_dataset(self) -> InputDataset:
        """The evaluation views; both sides of the split exist by now and are checked."""
        dataset = super().create_eval_dataset()
        check_split(self.train_dataset, dataset)
        return dataset

    def _load_images(
        self, split: Literal["train", "eval"], cache_images_device: Literal["cpu", "gpu"]
    ) -> list[dict[str, Any]]:
        dataset = self.train_dataset if split == "train" else self.eval_dataset
        for index in range(len(dataset)):
            check_view(dataset, index)
        if cache_images_device == "cpu" and not torch.cuda.is_available():
            cache_images_device = "gpu"  # the base class's name for "plainly on self.device"
        return super()._load_images(split, cache_images_device)

    def _shuffled(self, epoch: int) -> list[int]:
        order = list(range(len(self.train_dataset)))
        random.Random(f"{self.config.train_cameras_sampling_seed}/{epoch}").shuffle(order)
        return order

    def next_train(self, step: int) -> tuple[Cameras, dict]:
        """Camera and batch of ``step``; every epoch visits all views once in an order of its own."""
        if self.config.train_cameras_sampling_strategy == "random":
            epoch, position = divmod(step, len(self.train_dataset))
            self.train_unseen_cameras = [self._order(epoch)[position]]
        return super().next_train(step)
