"""Masks by Segment Anything (package ``segment-anything``), with weights from a file that the user has."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from csgaussian_ns.core.errors import BackendUnavailable, CheckpointError, ConfigError
from csgaussian_ns.core.shapes import UInt8
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.semantic.masks.settings import SamSettings
from csgaussian_ns.semantic.weights_file import read_weights, short

VARIANTS = {(768, 12): "vit_b", (1024, 24): "vit_l", (1280, 32): "vit_h"}
"""Width and depth of the image encoder, and what that variant is called."""
ADDRESS = "https://dl.fbaipublicfiles.com/segment_anything"
DOWNLOADS = {
    "vit_b": f"{ADDRESS}/sam_vit_b_01ec64.pth",
    "vit_l": f"{ADDRESS}/sam_vit_l_0b3195.pth",
    "vit_h": f"{ADDRESS}/sam_vit_h_4b8939.pth",
}
"""Where the authors publish the weights: 0.4, 1.2 and 2.6 GB."""
PATCHES, BLOCK = "image_encoder.patch_embed.proj.weight", "image_encoder.blocks."


def how_to_download(variant: str = "vit_b") -> str:
    """The line a user can type; nothing is fetched without being asked."""
    return f"curl -LO {DOWNLOADS[variant]}"


class SamMasks:
    """All masks of a photo that Segment Anything is sure enough of; they overlap and nest."""

    def __init__(self, model: Any, settings: SamSettings) -> None:
        """Take over a model that ``load_sam`` made."""
        self._max_height = settings.max_height
        self._generator = _generator_class()(
            model,
            points_per_side=settings.points_per_side,
            points_per_batch=settings.points_per_batch,
            pred_iou_thresh=settings.pred_iou,
            stability_score_thresh=settings.stability,
            box_nms_thresh=settings.box_nms,
            crop_nms_thresh=settings.box_nms,
            crop_n_layers=settings.crop_layers,
            crop_n_points_downscale_factor=settings.crop_points_downscale,
            min_mask_region_area=settings.min_area,
        )

    def __call__(self, image: UInt8[np.ndarray, "H W 3"]) -> MaskSet:
        """Masks of a photo (sRGB), best first.

        Raises:
            ConfigError: The GPU has too little memory.
        """
        height, width = image.shape[:2]
        picture = Image.fromarray(image)
        if height > self._max_height:
            picture = picture.resize((round(width * self._max_height / height), self._max_height))
        try:
            found = self._generator.generate(np.asarray(picture))
        except torch.OutOfMemoryError as error:
            raise ConfigError(
                "the GPU has too little memory for Segment Anything; lower --sam.points-per-batch or "
                "--sam.max-height, choose a smaller variant, or take --device cpu"
            ) from error
        found.sort(key=lambda mask: -mask["predicted_iou"] * mask["stability_score"])
        masks = [np.packbits(_enlarged(mask["segmentation"], width, height), axis=-1) for mask in found]
        packed = np.stack(masks) if masks else np.zeros((0, height, (width + 7) // 8), np.uint8)
        return MaskSet(packed, width, np.arange(1, len(masks) + 1, dtype=np.uint16))


def load_sam(checkpoint: Path, variant: str = "auto", device: torch.device | str = "cpu") -> Any:
    """Segment Anything with the weights of ``checkpoint``, which is read without unpickling.

    Args:
        checkpoint: A file as the authors publish it.
        variant: "vit_b", "vit_l" or "vit_h"; "auto" takes the one that the file holds.
        device: Where it shall run.

    Raises:
        BackendUnavailable: segment-anything is not installed.
        ConfigError: No such file, or the file holds another variant than asked for.
        CheckpointError: The file is cut, damaged, or holds something else.
    """
    registry = _registry()
    state = _read_state(checkpoint, variant)
    found = variant_of(state, checkpoint)
    if variant not in ("auto", found):
        raise ConfigError(
            f"{checkpoint} holds the variant {found}, not {variant}. Leave --sam-variant out, or fetch the other "
            f"weights: {how_to_download(variant)}"
        )
    model = registry[found]()
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(
            f"{checkpoint} looks like Segment Anything {found} but does not fit it: {short(error)}. Fetch it again: "
            f"{how_to_download(found)}"
        ) from error
    return model.requires_grad_(False).to(device)


def variant_of(state: dict[str, Tensor], checkpoint: Path) -> str:
    """Which variant the tensors belong to, by their shapes.

    Raises:
        CheckpointError: None.
    """
    blocks = {name[len(BLOCK) :].split(".")[0] for name in state if name.startswith(BLOCK)}
    size = (state[PATCHES].shape[0] if PATCHES in state else 0, len(blocks))
    if size not in VARIANTS:
        holds = f"an image encoder of width {size[0]} and depth {size[1]}" if PATCHES in state else "other tensors"
        known = ", ".join(f"{name}: {width} and {depth}" for (width, depth), name in VARIANTS.items())
        raise CheckpointError(
            f"{checkpoint} is no checkpoint of Segment Anything: it holds {holds} (known widths and depths are "
            f"{known}). Fetch one: {how_to_download()}"
        )
    return VARIANTS[size]


def _registry() -> Any:
    try:
        from segment_anything import sam_model_registry
    except ImportError as error:
        raise BackendUnavailable(
            f"--source sam needs segment-anything, which cannot be imported ({error}): pip install "
            "'csgaussian-ns[masks]'"
        ) from error
    return sam_model_registry


def _generator_class() -> Any:
    from segment_anything import SamAutomaticMaskGenerator

    class Generator(SamAutomaticMaskGenerator):
        """Without this, a photo in whose crops nothing is found ends in an IndexError (segment-anything 1.0)."""

        def _process_crop(self, *args: Any) -> Any:
            data = super()._process_crop(*args)
            data["crop_boxes"] = data["crop_boxes"].reshape(-1, 4)
            return data

    return Generator


def _read_state(checkpoint: Path, variant: str) -> dict[str, Tensor]:
    def read(file: Path) -> Any:
        # weights_only: tensors and nothing that could run.
        return torch.load(file, map_location="cpu", weights_only=True)  # noqa: TID251

    advice = f"To fetch it: {how_to_download(variant if variant in DOWNLOADS else 'vit_b')}"
    return read_weights(checkpoint, read, "Segment Anything checkpoint", advice)


def _enlarged(mask: np.ndarray, width: int, height: int) -> np.ndarray:
    """A mask at the size of its photo, nearest neighbour."""
    if mask.shape == (height, width):
        return mask
    return np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
