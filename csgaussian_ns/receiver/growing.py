"""A scene while it arrives: something to draw after each chunk, and only the chunks that are wanted."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.core.geometry import check_camera
from csgaussian_ns.core.shapes import Float
from csgaussian_ns.core.types import Camera
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.facts import is_group, representation_of
from csgaussian_ns.format.layout import Entry
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.receiver.load import bytes_of, check_settings, loaded
from csgaussian_ns.receiver.opened import Wanted
from csgaussian_ns.receiver.representations import read, representation
from csgaussian_ns.receiver.scene import LoadedScene
from csgaussian_ns.receiver.sources import Parts, open_address
from csgaussian_ns.scene.frustum import in_reach

AT_ONCE = 1 << 20
"""Bytes in front of the first colours that are fetched together: networks, positions, masks."""

BoxCorners = Sequence[Any] | np.ndarray


def stream(
    source: str | Path | bytes | Parts,
    camera: Camera | None = None,
    box: BoxCorners | None = None,
    semantics: bool = True,
    limits: DecodeLimits = DEFAULT_LIMITS,
    threads: int | None = None,
) -> Iterator[LoadedScene]:
    """Scenes that grow while a ``.csg`` file arrives, chunk by chunk; the last has all that is wanted.

    Of a scene whose objects were edited there is but the last: what belongs to an object comes last.

    Without ``camera`` and ``box`` chunks come in the order of the file; ``csg arrange`` puts first what matters most.

    Args:
        source: Address, path or content of a ``.csg`` file, or what ``open_address`` gave.
        camera: Fetch only chunks that it sees, those first that fill most of its picture.
        box: Fetch only chunks with anchors in it: its lowest and highest corner, in the frame of the scene.
        semantics: Fetch objects too, after all colours.
        limits: What to refuse before memory is taken or work is done.
        threads: Chunks decoded side by side, at most; by default one after the other where they come over a network,
            else one per core.

    Yields:
        A scene after each chunk. Its rows stay where they are in those that follow.

    Raises:
        ConfigError: The camera or the box is none; both are given.
        DataError, FormatError, UnsupportedVersion, LimitExceeded, OSError: As of ``load``.
    """
    check_settings(limits, threads)
    if camera is not None and box is not None:
        raise ConfigError("expected a camera or a box, got both")
    if camera is not None:
        check_camera(camera)
    weight = _weight(camera, box)
    if is_address(source):
        source = open_address(source, limits.max_file_bytes)
    found = source if isinstance(source, Parts) else bytes_of(source, limits)
    return _growing(found, weight, semantics, limits, threads)


Weight = Callable[[Float[np.ndarray, "A 3"]], float]
"""How much a chunk with anchors at these positions is wanted; 0: not at all."""


def _growing(
    source: Parts | bytes, weight: Weight | None, semantics: bool, limits: DecodeLimits, threads: int | None
) -> Iterator[LoadedScene]:
    container = read_container(source, limits)
    found = representation(container)
    growing = found.growing
    if growing is None:
        if weight is not None:
            of = "a group of scenes" if is_group(container) else f"made of {representation_of(container)!r}"
            raise ConfigError(f"the file is {of}, which is read whole; stream without camera and box, or its parts")
        opened = read(container, Wanted(limits, None, semantics, threads))
        yield loaded(opened, source.whole if isinstance(source, Parts) else source, limits)
        return
    colours = container.chunks(growing.kinds[-1])
    first = min((entry.offset for entry in colours), default=0)
    if isinstance(source, Parts) and first <= AT_ONCE:
        source.fetch([(0, first)])
    if weight is None:
        order = sorted(range(len(colours)), key=lambda number: colours[number].offset)
    else:
        weights = [weight(position) for position in growing.positions(container, limits)]
        order = sorted((number for number, one in enumerate(weights) if one > 0), key=lambda number: -weights[number])
    if isinstance(source, bytes):
        for coded in growing.decode(container, order, limits, threads, semantics):
            yield loaded(found.opened(coded), source, limits)
        return
    with _fetching_ahead([container.chunks(kind) for kind in growing.kinds], source, order):
        for coded in growing.decode(container, order, limits, threads or 1, semantics):
            yield loaded(found.opened(coded), source.whole, limits)


@contextmanager
def _fetching_ahead(kinds: Sequence[tuple[Entry, ...]], source: Parts, order: Sequence[int]) -> Iterator[None]:
    """Chunks come one after the other while those before are decoded; what fails is asked for again when needed."""
    ahead = ThreadPoolExecutor(1, "csg-fetch")
    try:
        for number in order:
            entries = [kind[number] for kind in kinds]
            ahead.submit(source.fetch, [(entry.offset, entry.end - entry.offset) for entry in entries])
        yield
    finally:
        ahead.shutdown(wait=True, cancel_futures=True)


def _weight(camera: Camera | None, box: Any) -> Weight | None:
    if camera is not None:
        return partial(_share_of_picture, camera)
    if box is None:
        return None
    try:
        corners = np.array(box, np.float32)
    except (TypeError, ValueError):
        corners = np.zeros(0, np.float32)
    if corners.shape != (2, 3) or not (corners[0] <= corners[1]).all():
        raise ConfigError(f"box: expected its lowest and its highest corner, x, y and z each, got {box!r:.80}")
    return lambda position: float(((position >= corners[0]) & (position <= corners[1])).all(axis=1).sum())


def _share_of_picture(camera: Camera, position: Float[np.ndarray, "A 3"]) -> float:
    """In proportion to the pixels that anchors of one size fill."""
    seen = position[in_reach(position, np.zeros(len(position), np.float32), camera)]
    return float((1 / ((seen - camera.position) ** 2).sum(axis=1)).sum())
