"""Scenes to export."""

from dataclasses import dataclass, replace

import numpy as np

from csgaussian_ns.core.geometry import opengl_camera
from csgaussian_ns.core.types import Camera, Gaussians
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.scene import Seen
from csgaussian_ns.scene.splats import Splats


def random_gaussians(count: int, degree: int = 3, spread: float = 1.0) -> GaussianScene:
    """A cloud around the origin whose colours depend on the view."""
    generator = np.random.default_rng(count)

    def normal(*shape: int) -> np.ndarray:
        return generator.normal(size=shape).astype(np.float32)

    harmonics = 0.1 * normal(count, (degree + 1) ** 2, 3)
    harmonics[:, 0] *= 10
    scales = np.exp(0.4 * normal(count, 3) - 2.3)
    opacities = generator.uniform(0.2, 0.95, count).astype(np.float32)
    return GaussianScene(spread * normal(count, 3), normal(count, 4), scales, opacities, harmonics)


def random_splats(count: int, degree: int = 3) -> Splats:
    """The same, of objects 0 to 4."""
    return Splats(random_gaussians(count, degree), np.random.default_rng(0).integers(0, 5, count))


def camera_at(eye: np.ndarray, size: tuple[int, int] = (120, 90)) -> Camera:
    """A camera that looks at the origin, with z up."""
    back = eye / np.linalg.norm(eye)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    pose = np.stack([right, np.cross(back, right), back, eye], axis=1)
    width, height = size
    return opengl_camera(pose, (1.2 * width, 1.2 * width), (width / 2, height / 2), size)


def ring(views: int, radius: float = 6.0, height: float = 2.0) -> list[Camera]:
    """Cameras on a circle around the origin."""
    angles = 2 * np.pi * np.arange(views) / views
    return [camera_at(np.array([radius * np.cos(a), radius * np.sin(a), height])) for a in angles]


@dataclass(frozen=True)
class Fickle:
    """A scene that draws some Gaussians only from some sides, and each a little more opaque from others."""

    scene: GaussianScene

    @property
    def position(self) -> np.ndarray:
        return self.scene.means

    @property
    def background(self) -> None:
        return None

    @property
    def hidden(self) -> np.ndarray:
        return self.scene.hidden

    @property
    def plain(self) -> None:
        return None

    def seen(self, camera: Camera, only: np.ndarray | None = None) -> Seen:
        seen = self.scene.seen(camera, only)
        g, x = seen.gaussians, float(camera.position[0])
        factor = np.where(seen.row % 3 == 0, np.clip(x, 0, 1), 1 - 0.02 * x).astype(np.float32)
        changed = replace(g, opacities=(g.opacities * factor).clip(0, 0.99), scales=g.scales * np.float32(1 + 0.01 * x))
        return replace(seen, gaussians=Gaussians(**vars(changed))).only(changed.opacities > 0)
