"""Scenes that a network makes of a few photos, out of their files."""

from dataclasses import dataclass

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.shapes import Bool
from csgaussian_ns.feedforward.found import model_named
from csgaussian_ns.feedforward.heads import GaussianArrays
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.latents.coding import CodedLatents, decode_latents
from csgaussian_ns.format.latents.meta import LatentMeta, latent_meta_of
from csgaussian_ns.format.limits import within_memory
from csgaussian_ns.receiver.opened import Opened, Wanted
from csgaussian_ns.scene.gaussian_scene import GaussianScene


@dataclass(frozen=True)
class LatentGaussians:
    """A decoded file of latents; see ``receiver.opened.Coded``.

    Attributes:
        coded: Its integers.
        arrays: The Gaussians that the network makes of them.
        semantics: Nothing is known of them.
        truncated: Such files have nothing that may be cut off.
    """

    coded: CodedLatents
    arrays: GaussianArrays
    semantics: None = None
    truncated: bool = False

    @property
    def meta(self) -> LatentMeta:
        """Facts."""
        return self.coded.meta

    @property
    def edits(self) -> tuple[Edit, ...]:
        """What shall be seen of it."""
        return self.coded.edits

    @property
    def slots(self) -> Bool[np.ndarray, "N 1"]:
        """Each row draws one Gaussian."""
        return np.ones((len(self), 1), np.bool_)

    def __len__(self) -> int:
        """Number of Gaussians."""
        return self.coded.rows

    def digest(self) -> str:
        """SHA-256 of all that was decoded as integers: the same on every device, as Gaussians are not."""
        return self.coded.digest()

    def named_arrays(self) -> dict[str, np.ndarray]:
        """All Gaussians, by name."""
        return self.arrays._asdict()


def decode_latent_scene(container: Container, wanted: Wanted) -> LatentGaussians:
    """An open file of latents.

    Args:
        container: The file; it is not trusted.
        wanted: What of it; it is read whole.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``.
        CheckpointError: The weights that it names are not here.
        ConfigError: Some chunks were asked for.
    """
    if wanted.chunks is not None:
        raise ConfigError("chunks: the file is a scene of latents, which is read whole")
    meta = latent_meta_of(container)
    model = model_named(meta.model)
    model.check(meta, wanted.limits)
    coded = decode_latents(container, model.coder, wanted.limits, wanted.edits)
    with within_memory(wanted.limits):
        arrays = model.gaussians(coded)
    wanted.progress(1, 1)
    return LatentGaussians(coded, arrays)


def of_latents(coded: LatentGaussians) -> Opened:
    """The scene of a decoded file."""
    background = np.array(coded.meta.background, np.float32)
    return Opened(GaussianScene(*coded.arrays, background=background), "Gaussians", coded)
