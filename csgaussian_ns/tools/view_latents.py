"""Scenes of photos for a browser, which has no weights to decode them by: their Gaussians as a file of plain ones."""

from pathlib import Path

from csgaussian_ns import __version__
from csgaussian_ns.core.files import replace_file
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.facts import representation_of
from csgaussian_ns.format.latents.meta import LATENTS
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.tools.inputs import open_csg
from csgaussian_ns.tools.terminal import remark

STEP = 0.25
"""Of ``csg import``: the difference is not seen."""


def is_latents(container: Container) -> bool:
    """Whether an open file is a scene of photos."""
    return representation_of(container) == LATENTS


def as_gaussians(given: str, folder: Path) -> Path:
    """A file of the Gaussians of a scene of photos, edited alike, in a folder.

    Raises:
        CheckpointError: The weights that it names are not here.
        FormatError: It is damaged.
        ConfigError: It shows nothing.
    """
    from csgaussian_ns.format.container import read_container
    from csgaussian_ns.format.edits import with_edits
    from csgaussian_ns.receiver.importing import Settings, import_gaussians
    from csgaussian_ns.receiver.latents import decode_latent_scene
    from csgaussian_ns.receiver.opened import Wanted
    from csgaussian_ns.receiver.orbit import up_of
    from csgaussian_ns.scene.splats import Splats

    with open_csg(given) as stream:
        scene = decode_latent_scene(read_container(stream), Wanted())
    x, y, z = map(float, up_of(scene.meta))
    settings = Settings(STEP, name=scene.meta.name, tool=f"csgaussian_ns {__version__}", up=(x, y, z))
    data = import_gaussians(Splats(GaussianScene(*scene.arrays)), settings).data
    if scene.edits:
        data = with_edits(read_container(data), scene.edits)
    path = folder / Path(given).name
    replace_file(path, data)
    remark(
        f"csg: {given} is a scene of photos, {Path(given).stat().st_size:,} bytes; the browser is given its Gaussians, "
        f"{len(data):,} bytes, and what it saves is a scene of those"
    )
    return path
