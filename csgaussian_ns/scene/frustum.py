"""What a camera can see of things that reach a certain length around their centre, in torch or in numpy."""

from typing import Any

from csgaussian_ns.core.arrays import like
from csgaussian_ns.core.shapes import Bool, Float
from csgaussian_ns.core.types import Camera

NEAR_PLANE = 0.01
"""What is closer to the image plane than this is not seen, world units."""
MARGIN = 0.15
"""How far outside the image, as a share of its size, a centre still counts as inside."""


def in_reach(position: Float[Any, "N 3"], reach: Float[Any, " N"], camera: Camera) -> Bool[Any, " N"]:
    """Whether each centre, widened by its reach, lies in the frustum with its margin.

    The reach is counted parallel to the image, so a sphere of that radius may touch the side of a frustum that is wider
    than the margin and yet count as outside.
    """
    world_to_camera = like(camera.world_to_camera, position)
    x, y, z = (position @ world_to_camera[:3, :3].T + world_to_camera[:3, 3]).T
    half_x = z * ((0.5 + MARGIN) * camera.width / camera.fx) + reach
    half_y = z * ((0.5 + MARGIN) * camera.height / camera.fy) + reach
    shift_x = z * ((0.5 * camera.width - camera.cx) / camera.fx)
    shift_y = z * ((0.5 * camera.height - camera.cy) / camera.fy)
    return (z > NEAR_PLANE) & (abs(x - shift_x) < half_x) & (abs(y - shift_y) < half_y)
