"""A frozen network of random weights for tests, made once."""

from functools import lru_cache

import numpy as np

from csgaussian_ns.feedforward.freeze import Sample, freeze
from csgaussian_ns.feedforward.model import Model, read_model
from csgaussian_ns.format.container import Container, pack
from csgaussian_ns.format.layout import MustUnderstand, Section
from tests.feedforward.worlds import photos_of, small_network, two_views


@lru_cache
def weights(seed: int = 0) -> bytes:
    """The file of small random weights."""
    views = two_views()
    network = small_network(seed)
    return freeze(network, [Sample(photos_of(views, 5), views)])


@lru_cache
def model(seed: int = 0) -> Model:
    return read_model(weights(seed))


@lru_cache
def scene(level: int = 1, width: int = 64, height: int = 48, seed: int = 0) -> bytes:
    """A file of two views."""
    views = two_views(width, height)
    return model(seed).encode(photos_of(views, 3), views, level).data


def with_sections(container: Container, rows: int | None = None, **changed: Section | None) -> bytes:
    """The file with other sections of some kinds, or without them."""
    sections = []
    for entry in container.entries:
        section = changed.get(entry.info.kind, container.read(entry))
        if section is not None:
            sections.append(section)
    return pack(sections, container.header.rows if rows is None else rows, MustUnderstand.REPRESENTATION)


def latent_arrays(of: Model, places: tuple[int, int] = (5, 6), seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random hyper-latents and latents of two views, in steps."""
    generator = np.random.default_rng(seed)
    coarse = (-(-places[0] // 4), -(-places[1] // 4))
    hyper = generator.normal(0, 2, (2, of.settings.hyper, *coarse)).astype(np.float32)
    return hyper, generator.normal(0, 3, (2, of.settings.latent, *places)).astype(np.float32)
