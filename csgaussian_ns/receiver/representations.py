"""What scenes in ``.csg`` files are made of. A new representation is a reader, a writer, and a call of ``register``."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from csgaussian_ns.core.errors import ConfigError, UnsupportedVersion
from csgaussian_ns.format.chunks import ANCHOR_KINDS
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.decode import decode, decode_growing
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import ANCHORS, GROUP, representation_of
from csgaussian_ns.format.gaussians.chunks import GAUSSIAN_KINDS
from csgaussian_ns.format.gaussians.meta import GAUSSIANS
from csgaussian_ns.format.gaussians.read import CodedGaussians, decode_gaussians, decode_growing_gaussians
from csgaussian_ns.format.kinds import KINDS, Kind
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver.groups import CodedGroup, of_group, read_group
from csgaussian_ns.receiver.opened import Coded, Opened, Reader, Wanted
from csgaussian_ns.receiver.writers import AnchorWriter, GaussianWriter, Writer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.render_networks import FrozenDecoders


class Growing(NamedTuple):
    """How a scene is read while it arrives.

    Attributes:
        kinds: Of the sections that share out its rows, in the order of the layers; the last are its colours.
        decode: What is there after each chunk, as ``format.decode.decode_growing``.
    """

    kinds: tuple[str, ...]
    decode: Callable[..., Iterator[Coded]]


class Representation(NamedTuple):
    """All that depends on what a scene is made of.

    Attributes:
        reader: Decodes an open file; the input is not trusted. Errors as of ``receiver.load.load``.
        growing: ``None`` where it is read whole, as all must be that ``opened`` does not know.
        writer: Writes it anew; ``None`` where it is only read.
    """

    reader: Reader
    growing: Growing | None = None
    writer: type[Writer] | None = None


def register(name: str, representation: Representation, kinds: Mapping[str, Kind]) -> None:
    """Know files of a representation.

    Args:
        name: As META has it.
        representation: What to do with them.
        kinds: Sections that it alone has.

    Raises:
        ValueError: The name, or a kind of section, is taken.
    """
    taken = [one for one in (name, *kinds) if one in _KNOWN or one in KINDS]
    if taken:
        raise ValueError(f"{', '.join(taken)}: taken already; choose other names")
    _KNOWN[name] = representation
    KINDS.update(kinds)


def representation(container: Container) -> Representation:
    """That of an open file.

    Raises:
        UnsupportedVersion: Made of what nobody has registered.
        FormatError: Its META is damaged.
    """
    name = representation_of(container)
    if name not in _KNOWN:
        raise UnsupportedVersion(f"the scene is made of {name!r}; this reader knows {', '.join(_KNOWN)}")
    return _KNOWN[name]


def writer_of(container: Container, limits: DecodeLimits) -> Writer:
    """What writes an open file anew.

    Raises:
        ConfigError: It is of what is only read.
        FormatError, UnsupportedVersion, LimitExceeded: As of ``read``.
    """
    found = representation(container)
    if found.writer is None:
        raise ConfigError(f"a scene made of {representation_of(container)!r} is only read here, never written anew")
    return found.writer(container, limits)


def read(container: Container, wanted: Wanted) -> Opened:
    """The scene of an open file.

    Raises:
        UnsupportedVersion: Made of what nobody has registered, or edited where its reader knows no edits.
        FormatError: As of ``receiver.load.load``.
    """
    found = representation(container).reader(container, wanted)
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


_KNOWN = {
    ANCHORS: Representation(_anchors, Growing(ANCHOR_KINDS, decode_growing), AnchorWriter),
    GAUSSIANS: Representation(_gaussians, Growing(GAUSSIAN_KINDS, decode_growing_gaussians), GaussianWriter),
    GROUP: Representation(_group),
}
