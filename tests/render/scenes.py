"""Small scenes for the renderers' tests: random ones, and one for everything that has ever gone wrong."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from csgaussian_ns.core.types import Camera, Gaussians

FIELDS = ("means", "quats", "scales", "opacities", "colors")


@dataclass(frozen=True)
class Scene:
    """What one call renders, and how the result is weighted into a loss."""

    gaussians: Gaussians
    camera: Camera
    background: Tensor | None = None
    with_depth: bool = False


class Observed:
    """A ``PositionObserver`` that remembers what it was told: gradient and visible, once per backward pass."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.calls: list[tuple[Tensor, Tensor]] = []

    def __call__(self, gradient: Tensor, visible: Tensor) -> None:
        """Remember."""
        self.calls.append((gradient.cpu(), visible.cpu()))


def camera(width: int = 67, height: int = 45, angle: float = 0.3, distance: float = 4.0, shift: float = 0.0) -> Camera:
    """Looks at the origin from ``distance``, turned by ``angle`` (radians); ``shift`` moves the principal point."""
    turn = torch.tensor(angle)
    view = torch.eye(4)
    view[0, 0] = view[2, 2] = turn.cos()
    view[0, 2], view[2, 0] = turn.sin(), -turn.sin()
    view[2, 3] = distance
    focal = 0.9 * max(width, height)
    return Camera(view, focal, 1.1 * focal, width / 2 + shift, height / 2 - shift, width, height)


def gaussians(count: int = 150, channels: int = 3, seed: int = 0, size: float = 0.1) -> Gaussians:
    """A cloud around the origin; ``size`` is the median scale."""
    random = torch.Generator().manual_seed(seed)
    return Gaussians(
        means=torch.randn(count, 3, generator=random),
        quats=torch.randn(count, 4, generator=random),
        scales=size * torch.exp(0.7 * torch.randn(count, 3, generator=random)),
        opacities=torch.sigmoid(2 * torch.randn(count, generator=random)),
        colors=torch.rand(count, channels, generator=random),
    )


def _changed(**changes: Tensor) -> Gaussians:
    return replace(gaussians(), **changes)


def _nowhere() -> Scene:
    cloud = gaussians()
    return Scene(replace(cloud, means=cloud.means + torch.tensor([0.0, 0.0, -9.0])), camera(angle=0), torch.rand(3))


def _partly_behind() -> Scene:
    # Half lie behind the camera, and some close enough to its plane for the clamped Jacobian.
    return Scene(gaussians(seed=4), camera(distance=0.1), torch.rand(3), with_depth=True)


def _equal_depths() -> Scene:
    means = gaussians().means
    means[:, 2] = 0.25
    return Scene(_changed(means=means), camera(angle=0))


def _strided() -> Scene:
    cloud = gaussians(channels=6)
    return Scene(
        Gaussians(
            means=cloud.means.T.contiguous().T,
            quats=torch.cat([cloud.quats, cloud.quats], 1)[:, :4],
            scales=cloud.scales.flip(0).flip(0).expand(150, 3),
            opacities=cloud.opacities.repeat_interleave(2)[::2],
            colors=cloud.colors[:, ::2],
        ),
        camera(),
    )


SCENES: dict[str, Callable[[], Scene]] = {
    "plain": lambda: Scene(gaussians(), camera()),
    "background": lambda: Scene(gaussians(seed=1), camera(), torch.rand(3)),
    "depth": lambda: Scene(gaussians(seed=2), camera(), torch.rand(3), with_depth=True),
    "crowded": lambda: Scene(gaussians(700, seed=3, size=0.3), camera(97, 61)),
    "one channel": lambda: Scene(gaussians(channels=1), camera()),
    "eleven channels": lambda: Scene(gaussians(channels=11), camera(), torch.rand(11)),
    "thirty-two channels": lambda: Scene(gaussians(channels=32), camera()),
    "two groups and depth": lambda: Scene(gaussians(channels=11), camera(), with_depth=True),
    "no gaussians": lambda: Scene(gaussians(0), camera(), torch.rand(3), with_depth=True),
    "nothing visible": _nowhere,
    "partly behind": _partly_behind,
    "off-centre lens": lambda: Scene(gaussians(), camera(shift=14.0)),
    "one pixel": lambda: Scene(gaussians(seed=6), camera(1, 1), with_depth=True),
    "one tile": lambda: Scene(gaussians(), camera(8, 32)),
    "one row": lambda: Scene(gaussians(seed=7), camera(130, 1)),
    "huge": lambda: Scene(gaussians(size=40.0), camera()),
    "needles": lambda: Scene(_changed(scales=torch.tensor([[0.8, 1e-4, 1e-5]]).repeat(150, 1)), camera()),
    "points": lambda: Scene(gaussians(size=1e-3), camera()),
    "transparent": lambda: Scene(_changed(opacities=torch.arange(150) % 3 / 2.5), camera()),
    "opaque": lambda: Scene(_changed(opacities=torch.ones(150)), camera(), torch.rand(3)),
    "equal depths": _equal_depths,
    "not contiguous": _strided,
}
