"""The one interface every renderer implements, and the choice of one."""

from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from csgaussian_ns.core.types import Camera, Gaussians, Rendering


class Rasterizer(Protocol):
    """Draws the Gaussians seen by one camera.

    Contract, checked for every backend by tests/render/test_parity.py: the axes and units of ``core.types``; a
    Gaussian contributes to a pixel where ``opacity * exp(-sigma) >= 1/255``, alpha is capped at 0.999, blending
    stops before transmittance falls to 1e-4, 0.3 px^2 is added to both diagonal entries of the projected
    covariance, equal depths are drawn in index order. Gradients flow to every tensor of ``gaussians`` and to
    nothing in ``camera``.
    """

    name: str

    def __call__(
        self,
        gaussians: Gaussians,
        camera: Camera,
        background: Float[Tensor, " C"] | None = None,
        with_depth: bool = False,
    ) -> Rendering:
        """Render ``gaussians`` as seen by ``camera``; see the class for the contract."""
        ...
