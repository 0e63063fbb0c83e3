"""Masks without weights: regions of similar colour. Weak: they know nothing of objects."""

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.semantic.masks.settings import FallbackSettings


class ColourRegions:
    """Splits a photo completely into regions of similar colour, so no pixel is without a mask."""

    def __init__(self, settings: FallbackSettings) -> None:
        """Check that the library is there.

        Raises:
            BackendUnavailable: scikit-image is not installed.
        """
        try:
            from skimage import color, segmentation
        except ImportError as error:
            raise BackendUnavailable(
                f"--source fallback needs scikit-image, which cannot be imported ({error}): pip install scikit-image"
            ) from error
        self._color, self._segmentation, self._settings = color, segmentation, settings

    def __call__(self, image: UInt8[np.ndarray, "H W 3"]) -> MaskSet:
        """Regions of a photo (sRGB), numbered from 1."""
        settings = self._settings
        height, width = image.shape[:2]
        small = Image.fromarray(image)
        if height > settings.max_height:
            small = small.resize((max(1, round(width * settings.max_height / height)), settings.max_height))
        lab = self._color.rgb2lab(np.asarray(small)) / 100 * (settings.lightness, 1.0, 1.0)
        smallest = max(1, round(settings.min_area * lab.shape[0] * lab.shape[1]))
        regions = self._segmentation.felzenszwalb(
            lab, scale=settings.scale, sigma=settings.sigma, min_size=smallest, channel_axis=-1
        )
        whole = Image.fromarray(regions.astype(np.int32)).resize((width, height), Image.Resampling.NEAREST)
        return MaskSet.from_label_map(np.asarray(whole) + 1)
