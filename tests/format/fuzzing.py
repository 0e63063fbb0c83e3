"""Attacks every decoder with damaged bytes. Each mutation has a number; number and name of the target are its seed.

A mutation must end in a typed error, or, where checksums are in force, in the very result of the undamaged bytes.
Used by test_fuzz.py for some 10^4 mutations and by benchmarks/fuzz.py for as many as there is time for.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.codec.render_networks import networks_of
from csgaussian_ns.core.edits import Crop, Move, Recolour, Remove, Rename, Rotate, Scale
from csgaussian_ns.core.edits import Target as Names
from csgaussian_ns.core.errors import CsgError, FormatError
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.format import attribute_streams, chunks, coded_file, meta, semantic_chunks, semantics
from csgaussian_ns.format.bodies import content_of, inflated
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edit_bytes import read_edits, write_edits
from csgaussian_ns.format.facts import parse_facts, write_facts
from csgaussian_ns.format.kinds import Layer
from csgaussian_ns.format.layout import ENTRY_BYTES, HEADER_BYTES
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.meta import SceneMeta
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import read_hyperprior, write_hyperprior
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.format.networks.progressive import IntegerProgressive
from csgaussian_ns.format.object_bytes import read_objects, read_tree, write_tree
from csgaussian_ns.format.render_networks import read_render_networks, write_render_networks
from csgaussian_ns.format.streams.labels import decode_labels
from csgaussian_ns.format.streams.offset_masks import decode_masks, encode_masks
from csgaussian_ns.format.streams.positions import decode_positions, encode_positions
from csgaussian_ns.format.streams.rans import Decoder
from csgaussian_ns.format.streams.rans import encode as encode_symbols
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.receiver.load import load
from csgaussian_ns.semantic.edited import edited
from tests.codec.scenes import context_of, frozen, random_scene, with_semantics
from tests.format.samples import all_escapes, draw_symbols
from tests.format.surgery import inflated_sections, with_checksums
from tests.sampled_types import types_sampled

LIMITS = DecodeLimits(
    max_file_bytes=1 << 20,
    max_sections=64,
    max_rows=1 << 14,
    max_symbols_per_chunk=1 << 20,
    max_memory_bytes=1 << 28,
)
GOLDEN = Path(__file__).parents[1] / "golden"
EDITS = (
    Move(Names((2,)), (0.5, 0.0, -1.0)),
    Rotate(Names((1, 3)), (0.0, 0.0, 1.0), 45.0, (1.0, 2.0, 3.0)),
    Scale(Names((2,)), 2.0, (0.0, 0.0, 0.0)),
    Recolour(Names((1,)), (1.0, 0.5, 0.0)),
    Rename(Names((3,)), "cup"),
    Remove(Names((1,))),
    Crop((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0)),
)
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF)


@dataclass(frozen=True)
class Target:
    """One decoder.

    Attributes:
        name: For seeds and messages.
        share: Part of all mutations.
        samples: Undamaged inputs.
        run: Decodes; what it returns is compared with what it returns for the undamaged input, unless that is None.
        regions: Begin and end of the parts of a sample, all of which are hit equally often however long they are, and
            whose lengths stay; ``None``: anywhere, lengths too.
    """

    name: str
    share: float
    samples: tuple[bytes, ...]
    run: Callable[[bytes], object]
    regions: Callable[[bytes], list[tuple[int, int]]] | None = None
    expected: dict[bytes, object] = field(default_factory=dict)


def damaged(
    sample: bytes, others: tuple[bytes, ...], regions: list[tuple[int, int]] | None, dice: random.Random
) -> bytes:
    """One to four changes: bits, bytes, 32-bit numbers, runs copied within or from another sample, lengths."""
    data = bytearray(sample)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        first, end = dice.choice(regions) if regions else (0, len(data))
        place, kind = dice.randrange(first, end), dice.randrange(6 if regions else 8)
        if kind <= 2:
            data[place] ^= 1 << dice.randrange(8)
        elif kind == 3:
            data[place] = dice.randrange(256)
        elif kind == 4:
            width = min(dice.choice((1, 2, 4, 8)), end - place)
            data[place : place + width] = bytes([dice.choice(INTERESTING)]) * width
        elif kind == 5:
            source, length = dice.choice(others), min(dice.randrange(1, 33), end - place)
            begin = dice.randrange(max(1, len(source) - length))
            copied = source[begin : begin + length]
            data[place : place + len(copied)] = copied
        elif kind == 6:
            del data[place : place + dice.randrange(1, 1 + len(data) - place)]
        else:
            data[place:place] = dice.randbytes(dice.randrange(1, 17))
    return bytes(data)


def attack(target: Target, number: int) -> bool:
    """Run one mutation; whether it was refused.

    Raises:
        AssertionError: It ended in another error than a typed one, or in a wrong result. The message tells its seed.
    """
    dice = random.Random(f"{target.name}:{number}")
    sample = target.samples[number % len(target.samples)]
    regions = target.regions(sample) if target.regions else None
    data = damaged(sample, target.samples, regions, dice)
    try:
        with types_sampled(number):
            result = target.run(data)
    except CsgError:
        return True
    except Exception as error:
        raise AssertionError(f"{target.name}:{number} of {len(data)} bytes: {type(error).__name__}: {error}") from error
    if result is None:
        return False
    if sample not in target.expected:
        target.expected[sample] = target.run(sample)
    assert result == target.expected[sample], f"{target.name}:{number} gave a wrong result and no error"
    return False


@contextmanager
def no_checksums() -> Iterator[None]:
    """Checksums of decoded content and known answers pass: what lies behind them must stand on its own."""
    checks = [(chunks, "compare_crc"), (semantic_chunks, "compare_crc"), (attribute_streams, "check_known_answer")]
    patches: list[Any] = [mock.patch.object(*check, lambda *_: None) for check in checks]
    patches += [mock.patch.object(module, "content_of", _unchecked_content) for module in (coded_file, meta, semantics)]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def _unchecked_content(container, kind: str) -> bytes:
    found = container.of_kind(kind)
    if len(found) != 1:
        raise FormatError(f"{kind} occurs {len(found)} times")
    return inflated(found[0].info.codec, container.read(found[0]).body, kind)


def all_targets() -> dict[str, Target]:
    """Every decoder that reads bytes of a file, whole files included."""
    made = [*_whole_files(), *_streams(), *_networks()]
    return {target.name: target for target in made}


def _whole_files() -> list[Target]:
    small = {"feature_dim": 10, "num_offsets": 2, "carm_dim": 3, "seed": 5}
    learned = [with_semantics(random_scene(24, encoding=name, **small)) for name in ("triplane", "hashgrid")]
    files = (
        encode(random_scene(24, **small), chunk_anchors=8).data,
        *(encode(scene, chunk_anchors=12).data for scene in learned),
    )
    plain = tuple(map(inflated_sections, files))

    def unchecked(data: bytes) -> None:
        with no_checksums():
            decode(with_checksums(data), LIMITS, threads=1)

    def content(data: bytes) -> None:
        read_container(with_checksums(data), LIMITS).sections()

    return [
        Target("file", 0.004, (*files, *plain), _digest, bodies_of),
        Target("file-no-checksums", 0.003, plain, unchecked, bodies_of),
        Target("semantics", 0.002, plain[1:], unchecked, semantic_bodies_of),
        Target("table-of-contents", 0.03, files, content, front_of),
    ]


@lru_cache(maxsize=16)
def bodies_of(data: bytes) -> list[tuple[int, int]]:
    """Where the bodies of a file lie."""
    return [(entry.offset, entry.offset + entry.length) for entry in read_container(data).entries]


@lru_cache(maxsize=16)
def semantic_bodies_of(data: bytes) -> list[tuple[int, int]]:
    """Where those of the semantic layer lie."""
    entries = [entry for entry in read_container(data).entries if entry.info.layer == Layer.SEMANTIC]
    return [(entry.offset, entry.offset + entry.length) for entry in entries]


@lru_cache(maxsize=16)
def front_of(data: bytes) -> list[tuple[int, int]]:
    """Where header and table of contents lie."""
    return [(0, HEADER_BYTES + ENTRY_BYTES * len(read_container(data).entries))]


def _digest(data: bytes) -> str:
    return decode(with_checksums(data), LIMITS, threads=1).digest()


def _streams() -> list[Target]:
    generator = np.random.default_rng(0)
    grids = [np.unique(generator.integers(-20, 20, (40, 3)).astype(np.int32), axis=0), np.zeros((1, 3), np.int32)]
    positions = tuple(encode_positions(grid) for grid in grids)
    masks = tuple(encode_masks(generator.random((30, slots)) < 0.4) for slots in (4, 10))
    tables = load_tables()
    plain, escapes = draw_symbols(300, 0, 176), all_escapes(60)
    symbols = tuple(encode_symbols(values, ids, tables) for values, ids in (plain, escapes))

    def take_symbols(ids: np.ndarray) -> Callable[[bytes], None]:
        def run(data: bytes) -> None:
            decoder = Decoder(data, tables)
            decoder.take(ids[: len(ids) // 2])
            decoder.take(ids[len(ids) // 2 :])
            decoder.finish()

        return run

    return [
        Target("positions", 0.14, positions, lambda data: _nothing(decode_positions(data, len(grids[0])))),
        Target("masks", 0.12, masks, lambda data: _nothing(decode_masks(data, 30, 4))),
        Target("symbols", 0.331, symbols, take_symbols(plain[1])),
        Target("escapes", 0.18, symbols[::-1], take_symbols(escapes[1])),
        Target("labels", 0.06, masks, lambda data: _nothing(decode_labels(memoryview(data), 30, 3))),
    ]


def _networks() -> list[Target]:
    scene = random_scene(12, feature_dim=10, num_offsets=2, carm_dim=3)
    layout, model = scene.meta.layout, frozen(scene)
    decoders = tuple(write_render_networks(networks_of(scene.decoders), bits) for bits in (8, 16))

    def entropy(data: bytes) -> None:
        IntegerHyperCarm.from_bytes(data, layout).known_answer(scene.grid[:2].numpy())

    near = random_scene(12, feature_dim=10, num_offsets=2, carm_dim=3, encoding="neighbours")
    looking = near.entropy.freeze(context_of(near))

    def neighbours(data: bytes) -> None:
        IntegerNeighbours.from_bytes(data, layout).known_answer(near.grid[:2].numpy())

    told = random_scene(12, feature_dim=10, num_offsets=2, carm_dim=3, encoding="spaced")
    telling = told.entropy.freeze(context_of(told))

    def progressive(data: bytes) -> None:
        IntegerProgressive.from_bytes(data, layout).known_answer(told.grid[:2].numpy())

    learned = [random_scene(40, feature_dim=10, num_offsets=2, encoding=name) for name in ("triplane", "hashgrid")]
    lattices = [frozen(one).hyperprior for one in learned]
    texts = with_semantics(random_scene(60))
    objects = content_of(read_container(encode(texts).data), "LABL")

    trees = tuple(write_tree(ObjectTree(5, parents)) for parents in ((1, 1, 2, 2, 3, 3, 3, 0), (0,) * 5))
    small = load((GOLDEN / "v1_semantics.csg").read_bytes())

    def edits(data: bytes) -> None:
        edited(small, read_edits(data)[1])

    def hyperprior(data: bytes) -> None:
        read_hyperprior(data, layout).prior(np.zeros((1, 3), np.int32))

    return [
        Target("entropy-networks", 0.015, (model.to_bytes(),), entropy),
        Target("neighbours", 0.015, (looking.to_bytes(),), neighbours),
        Target("progressive", 0.015, (telling.to_bytes(),), progressive),
        Target("hyperprior", 0.015, (write_hyperprior(model.hyperprior),), hyperprior),
        Target("lattices", 0.01, tuple(map(write_hyperprior, lattices)), hyperprior),
        Target("edits", 0.002, (write_edits(bytes(16), EDITS),), edits),
        Target("tree", 0.008, trees, lambda data: _nothing(read_tree(data, 5))),
        Target("objects", 0.02, (objects,), lambda data: _nothing(read_objects(data, 6, 60))),
        Target("render-networks", 0.015, decoders, lambda data: _nothing(read_render_networks(data, 10, 2))),
        Target("meta", 0.015, (write_facts(scene.meta),), lambda data: _nothing(parse_facts(data, SceneMeta))),
    ]


def _nothing(_: object) -> None:
    """Streams have no checksum of their own: any result is right for them."""
