"""Conversions between camera conventions, and what no camera exceeds."""

from typing import Any

from jaxtyping import Float

from csgaussian_ns.core.arrays import namespace, single
from csgaussian_ns.core.types import Camera

FARTHEST = 1e15
"""Places beyond are not believed: their squares come near the end of float32."""
MOST_PIXELS = 1 << 28
"""Images have fewer."""


def opengl_camera(
    camera_to_world: Float[Any, "3 4"],
    focal: tuple[float, float],
    centre: tuple[float, float],
    size: tuple[int, int],
) -> Camera:
    """A pinhole from a pose with OpenGL axes, as nerfstudio and ``transforms.json`` give it.

    OpenGL cameras look along -z with y up; ours (OpenCV) along +z with y down.

    Args:
        camera_to_world: Rotation and position; what is computed with them is as precise as they are.
        focal: In pixels, x and y.
        centre: Principal point in pixels from the top left corner.
        size: Width and height in pixels.

    Returns:
        With ``world_to_camera`` in single precision, of the library of ``camera_to_world`` and on its device.
    """
    library = namespace(camera_to_world)
    right, up, back, position = camera_to_world.T
    rotation = library.stack([right, -up, -back], axis=1)
    upper = library.concatenate([rotation.T, (-rotation.T @ position)[:, None]], axis=1)
    last = library.zeros_like(upper[:1])
    last[0, 3] = 1
    world_to_camera = library.concatenate([upper, last])
    return Camera(single(world_to_camera), *focal, *centre, *size)
