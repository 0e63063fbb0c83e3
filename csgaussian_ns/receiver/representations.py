"""Readers of what scenes in ``.csg`` files are made of. A new representation is a reader and a call of ``register``."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.edits import Edit
from csgaussian_ns.core.errors import UnsupportedVersion
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import ANCHORS, representation_of
from csgaussian_ns.format.gaussians.meta import GAUSSIANS
from csgaussian_ns.format.gaussians.read import CodedGaussians, decode_gaussians
from csgaussian_ns.format.kinds import KINDS, Kind
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver.orbit import Meta
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.render_networks import FrozenDecoders
from csgaussian_ns.scene.scene import Scene

Coded = CodedScene | CodedGaussians


@dataclass(frozen=True)
class Wanted:
    """What to read, and how; see ``receiver.load.load``."""

    limits: DecodeLimits = DEFAULT_LIMITS
    chunks: Sequence[int] | None = None
    semantics: bool = True
    threads: int | None = None
    progress: Callable[[int, int], None] = lambda done, total: None
    edits: bool = True


class Opened(NamedTuple):
    """A scene as it comes out of a file.

    Attributes:
        scene: To be drawn.
        meta: Where it lies.
        rows: What its rows are called, in the plural.
        coded: Anchors or Gaussians as they were decoded, where it is made of them.
        edits: What shall be seen of it; the scene itself is as it was before them.
    """

    scene: Scene
    meta: Meta
    rows: str
    coded: Coded | None = None
    edits: tuple[Edit, ...] = ()


Reader = Callable[[Container, Wanted], Opened]


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
    coded = decode(
        container,
        wanted.limits,
        wanted.chunks,
        threads=wanted.threads,
        semantics=wanted.semantics,
        edits=wanted.edits,
        progress=wanted.progress,
    )
    return opened(coded)


def _gaussians(container: Container, wanted: Wanted) -> Opened:
    coded = decode_gaussians(
        container,
        wanted.limits,
        wanted.chunks,
        threads=wanted.threads,
        semantics=wanted.semantics,
        edits=wanted.edits,
        progress=wanted.progress,
    )
    return opened(coded)


def opened(coded: Coded) -> Opened:
    """The scene of what was decoded, as it was before any edit."""
    background = np.array(coded.meta.background, np.float32)
    if isinstance(coded, CodedGaussians):
        gaussians = GaussianScene(*coded.arrays, background=background)
        return Opened(gaussians, coded.meta, "Gaussians", coded, coded.edits)
    scene = AnchorScene(coded.anchors, FrozenDecoders(coded.networks), background)
    return Opened(scene, coded.meta, "anchors", coded, coded.edits)


_READERS: dict[str, Reader] = {ANCHORS: _anchors, GAUSSIANS: _gaussians}
