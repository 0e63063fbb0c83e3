"""What an export lost, by pictures."""

from collections.abc import Iterable

import numpy as np

from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.render.draw import draw
from csgaussian_ns.scene.scene import Scene

LEAST_ERROR = 1e-10
"""Mean squared error that counts as none: 100 dB."""


def picture(scene: Scene, camera: Camera, background: Float[np.ndarray, "3"] | None) -> Float[np.ndarray, "H W 3"]:
    """What ``camera`` sees, in [0, 1], before ``background``."""
    return draw(scene, camera, np.zeros(3, np.float32) if background is None else background).image.clip(0, 1)


def psnr(image: Float[np.ndarray, "H W 3"], truth: Float[np.ndarray, "H W 3"]) -> float:
    """Peak signal to noise ratio of images in [0, 1], dB."""
    error = float(np.square(image.astype(np.float64) - truth).mean())
    return -10 * float(np.log10(max(error, LEAST_ERROR)))


def likeness(exported: Scene, scene: Scene, cameras: Iterable[Camera]) -> float:
    """Mean PSNR of pictures of ``exported`` against those of ``scene`` before the same background, dB."""
    behind = scene.background
    return float(np.mean([psnr(picture(exported, c, behind), picture(scene, c, behind)) for c in cameras]))
