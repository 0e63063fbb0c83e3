"""nerfstudio's data set with photos and masks as a receiver reads them."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.data.dataparsers.base_dataparser import DataparserOutputs
from nerfstudio.data.datasets.base_dataset import InputDataset
from PIL import Image

from csgaussian_ns.capture.image_masks import read_mask
from csgaussian_ns.capture.photos import mismatch, open_photo
from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.shapes import UInt8

BEHIND = "behind"
"""Under this name the metadata of views hold the RGB that transparent photos are before."""


class PhotoDataset(InputDataset):
    """Photos of any kind, converted as a viewer shows them, each of the size that its camera says.

    What is transparent stays so: the model puts it before its background, which is the colour that a parser asks for
    (``BEHIND`` in the metadata), where one does.
    """

    def __init__(self, dataparser_outputs: DataparserOutputs, scale_factor: float = 1.0) -> None:
        """Note the sizes of photos now: cameras change when their photos are undistorted."""
        behind = dataparser_outputs.alpha_color
        super().__init__(replace(dataparser_outputs, alpha_color=None), scale_factor)
        if behind is not None:
            self.metadata[BEHIND] = behind
        self._sizes = _sizes(dataparser_outputs.cameras)
        self._scaled_sizes = _sizes(self.cameras)

    def get_numpy_image(self, image_idx: int) -> UInt8[np.ndarray, "H W C"]:
        """Three channels, or four where a photo is transparent.

        Raises:
            DataError: It cannot be read, has no colours, or has another size than its camera says.
        """
        path, (width, height) = self.image_filenames[image_idx], self._sizes[image_idx]
        picture = open_photo(path)
        if max(abs(picture.width - width), abs(picture.height - height)) > 1:  # one pixel: a smaller copy was rounded
            raise DataError(mismatch(path, picture.size, (width, height)))
        size = self._scaled_sizes[image_idx]
        if min(size) < 1:
            raise DataError(f"the photo {path} would be {size[0]}x{size[1]} pixels at scale {self.scale_factor}")
        if picture.size != size:
            picture = picture.resize(size, Image.Resampling.BILINEAR)
        return np.array(picture)

    def get_data(self, image_idx: int, image_type: Literal["uint8", "float32"] = "float32") -> dict[str, Any]:
        """``image``, and ``mask`` (Bool [H, W, 1]) where the capture has image masks.

        Raises:
            DataError: A file cannot be read or has another size or shape than its camera says.
        """
        image = self.get_image_uint8(image_idx) if image_type == "uint8" else self.get_image_float32(image_idx)
        data = {"image_idx": image_idx, "image": image}
        files = self._dataparser_outputs.mask_filenames
        if files is not None:
            mask = torch.from_numpy(read_mask(files[image_idx], self._scaled_sizes[image_idx]).copy())[..., None]
            data["mask"] = mask
            if self.mask_color:
                data["image"] = torch.where(mask, image, torch.tensor(self.mask_color, dtype=image.dtype))
        return data


def _sizes(cameras: Cameras) -> list[tuple[int, int]]:
    """Width and height of each."""
    return [(int(w), int(h)) for w, h in zip(cameras.width.flatten(), cameras.height.flatten(), strict=True)]
