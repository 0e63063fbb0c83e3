"""Masks without weights: regions of similar colour. Weak: they know nothing of objects."""

import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.shapes import Float, Int32, UInt8
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
                f"--source fallback needs scikit-image, which cannot be imported ({error}): pip install "
                "'csgaussian-ns[masks]'"
            ) from error
        self._color, self._segmentation, self._settings = color, segmentation, settings

    def __call__(self, image: UInt8[np.ndarray, "H W 3"]) -> MaskSet:
        """Regions of a photo (sRGB), numbered from 1."""
        settings = self._settings
        height, width = image.shape[:2]
        small = Image.fromarray(image)
        if height > settings.max_height:
            small = small.resize((max(1, round(width * settings.max_height / height)), settings.max_height))
        lab = self._color.rgb2lab(np.asarray(small)) * (settings.lightness, 1.0, 1.0)
        smallest = max(1, round(settings.min_area * lab.shape[0] * lab.shape[1]))
        regions = self._segmentation.felzenszwalb(
            lab / 100, scale=settings.scale, sigma=settings.sigma, min_size=smallest, channel_axis=-1
        )
        regions = _joined(regions.astype(np.int32), lab, settings.join)
        whole = Image.fromarray(regions).resize((width, height), Image.Resampling.NEAREST)
        return MaskSet.from_label_map(np.asarray(whole) + 1)


def _joined(
    regions: Int32[np.ndarray, "H W"], lab: Float[np.ndarray, "H W 3"], distance: float
) -> Int32[np.ndarray, "H W"]:
    """Regions after neighbours whose mean colours differ by less than ``distance`` have become one.

    The compression of photos leaves blocks of slightly different hue on plain surfaces; without this each is a region.
    """
    count, flat = int(regions.max()) + 1, regions.reshape(-1)
    pixels = np.bincount(flat, minlength=count)
    sums = [np.bincount(flat, weights=lab[..., channel].reshape(-1), minlength=count) for channel in range(3)]
    mean = np.stack(sums, axis=1) / np.maximum(pixels, 1)[:, None]
    one = np.concatenate([regions[:, :-1].reshape(-1), regions[:-1].reshape(-1)])
    other = np.concatenate([regions[:, 1:].reshape(-1), regions[1:].reshape(-1)])
    near = np.linalg.norm(mean[one] - mean[other], axis=1) < distance
    graph = coo_array((np.ones(int(near.sum())), (one[near], other[near])), shape=(count, count))
    _, joined = connected_components(graph, directed=False)
    return joined[regions].astype(np.int32)
