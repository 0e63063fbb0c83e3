"""What scenes in ``.csg`` files are made of. A new one is a record and a call of ``register``."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

import csgaussian_ns.codec  # noqa: F401  # registers the second coder of symbols, which loads nothing until it is used
from csgaussian_ns.core.errors import ConfigError, UnsupportedVersion
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.format.chunks import ANCHOR_KINDS
from csgaussian_ns.format.container import Container
from csgaussian_ns.format.decode import decode, decode_grids, decode_growing
from csgaussian_ns.format.edits import edits_of
from csgaussian_ns.format.facts import ANCHORS, GROUP, Facts, representation_of
from csgaussian_ns.format.gaussians.chunks import GAUSSIAN_KINDS
from csgaussian_ns.format.gaussians.meta import GAUSSIANS, GaussianMeta
from csgaussian_ns.format.gaussians.read import CodedGaussians, decode_gaussians, decode_growing_gaussians
from csgaussian_ns.format.groups import GroupMeta
from csgaussian_ns.format.kinds import KINDS, Kind
from csgaussian_ns.format.latents.meta import LATENTS, LatentMeta
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.representations import FACTS, known_facts
from csgaussian_ns.format.scene import CodedScene
from csgaussian_ns.receiver.groups import CodedGroup, decode_group, of_group
from csgaussian_ns.receiver.latents import decode_latent_scene, of_latents
from csgaussian_ns.receiver.opened import Coded, Opened, Wanted
from csgaussian_ns.receiver.writers import AnchorWriter, GaussianWriter, Writer
from csgaussian_ns.scene.anchor_scene import AnchorScene
from csgaussian_ns.scene.gaussian_scene import GaussianScene
from csgaussian_ns.scene.render_networks import FrozenDecoders


class Growing(NamedTuple):
    """How a scene is read while it arrives.

    Attributes:
        kinds: Of the sections that share out its rows, in the order of the layers; the last are its colours.
        decode: What is there after each chunk, as ``format.decode.decode_growing``.
        positions: Of the rows of each chunk, read before any of them is decoded.
    """

    kinds: tuple[str, ...]
    decode: Callable[..., Iterator[Coded]]
    positions: Callable[[Container, DecodeLimits], list[Float[np.ndarray, "R 3"]]]


class Representation(NamedTuple):
    """All that depends on what a scene is made of.

    Attributes:
        facts: What META tells of it.
        decode: Everything of an open file that is wanted; the input is not trusted. Errors as of
            ``receiver.load.load``.
        opened: The scene of what was decoded, as it was before any edit.
        growing: ``None`` where it is read whole.
        writer: Writes it anew; ``None`` where it is only read.
    """

    facts: type[Facts]
    decode: Callable[[Container, Wanted], Coded]
    opened: Callable[[Any], Opened]
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
    _KNOWN[name], FACTS[name] = representation, representation.facts
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
    found = representation(container)
    opened = found.opened(found.decode(container, wanted))
    if wanted.edits and not opened.coded.edits and edits_of(container):
        raise UnsupportedVersion(f"the file was edited, and edits of {opened.rows} are unknown to this reader")
    return opened


def _decode_anchors(container: Container, wanted: Wanted) -> CodedScene:
    return decode(container, **vars(wanted))


def _of_anchors(coded: CodedScene) -> Opened:
    scene = AnchorScene(coded.anchors, FrozenDecoders(coded.networks), _background(coded))
    return Opened(scene, "anchors", coded)


def _decode_gaussians(container: Container, wanted: Wanted) -> CodedGaussians:
    return decode_gaussians(container, **vars(wanted))


def _of_gaussians(coded: CodedGaussians) -> Opened:
    return Opened(GaussianScene(*coded.arrays, background=_background(coded)), "Gaussians", coded)


def _decode_group(container: Container, wanted: Wanted) -> CodedGroup:
    return decode_group(container, wanted, read)


def _background(coded: Coded) -> Float[np.ndarray, "3"]:
    return np.array(coded.meta.background, np.float32)


def _positions(container: Container, limits: DecodeLimits) -> list[Float[np.ndarray, "R 3"]]:
    """Of rows that lie on voxels."""
    facts = known_facts(container)
    size = np.float32(1.0 if facts is None else facts.unit)
    return [grid.astype(np.float32) * size for grid in decode_grids(container, limits)]


_KNOWN = {
    ANCHORS: Representation(
        SceneMeta, _decode_anchors, _of_anchors, Growing(ANCHOR_KINDS, decode_growing, _positions), AnchorWriter
    ),
    GAUSSIANS: Representation(
        GaussianMeta,
        _decode_gaussians,
        _of_gaussians,
        Growing(GAUSSIAN_KINDS, decode_growing_gaussians, _positions),
        GaussianWriter,
    ),
    GROUP: Representation(GroupMeta, _decode_group, of_group),
    LATENTS: Representation(LatentMeta, decode_latent_scene, of_latents),
}
