"""Readers of what scenes in ``.csg`` files are made of. A new representation is a reader and a call of ``register``."""

from collections.abc import Mapping

import numpy as np

from csgaussian_ns.core.errors import UnsupportedVersion
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import ANCHORS, GROUP, representation_of
from csgaussian_ns.format.gaussians.meta import GAUSSIANS
from csgaussian_ns.format.gaussians.read import CodedGaussians, decode_gaussians
from csgaussian_ns.format.kinds import KINDS, Kind
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver.groups import CodedGroup, of_group, read_group
from csgaussian_ns.receiver.opened import Coded, Opened, Reader, Wanted
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.render_networks import FrozenDecoders


def register(representation: str, reader: Reader, kinds: Mapping[str, Kind]) -> None:
    """Read files of a representation.

    Args:
        representation: As META names it.
        reader: Decodes an open file; the input is not trusted. Errors as of ``receiver.load.load``.
        kinds: Sections that it alone has.

    Raises:
        ValueError: The name, or a kind of section, is taken.
    """
    taken = [name for name in (representation, *kinds) if name in _READERS or name in KINDS]
    if taken:
        raise ValueError(f"{', '.join(taken)}: taken already; choose other names")
    _READERS[representation] = reader
    KINDS.update(kinds)


def read(container: Container, wanted: Wanted) -> Opened:
    """The scene of an open file.

    Raises:
        UnsupportedVersion: Made of what no reader is registered for, or edited where its reader knows no edits.
        FormatError: As of ``receiver.load.load``.
    """
    name = representation_of(container)
    if name not in _READERS:
        raise UnsupportedVersion(f"the scene is made of {name!r}; this reader knows {', '.join(_READERS)}")
    found = _READERS[name](container, wanted)
    if wanted.edits and not found.edits and edits_of(container):
        raise UnsupportedVersion(f"the file was edited, and edits of {found.rows} are unknown to this reader")
    return found


def _anchors(container: Container, wanted: Wanted) -> Opened:
    return opened(decode(container, **vars(wanted)))


def _gaussians(container: Container, wanted: Wanted) -> Opened:
    return opened(decode_gaussians(container, **vars(wanted)))


def opened(coded: Coded) -> Opened:
    """The scene of what was decoded, as it was before any edit."""
    background = np.array(coded.meta.background, np.float32)
    if isinstance(coded, CodedGaussians):
        gaussians = GaussianScene(*coded.arrays, background=background)
        return Opened(gaussians, coded.meta, "Gaussians", coded, coded.edits)
    if isinstance(coded, CodedGroup):
        return of_group(coded)
    if not isinstance(coded, CodedScene):
        raise TypeError(f"{type(coded).__name__}: expected what ``read`` gave")
    scene = AnchorScene(coded.anchors, FrozenDecoders(coded.networks), background)
    return Opened(scene, coded.meta, "anchors", coded, coded.edits)


def _group(container: Container, wanted: Wanted) -> Opened:
    return read_group(container, wanted, read)


_READERS: dict[str, Reader] = {ANCHORS: _anchors, GAUSSIANS: _gaussians, GROUP: _group}
