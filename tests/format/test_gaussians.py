"""Files of plain Gaussians."""

from dataclasses import replace

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import CsgError, FormatError, LimitExceeded, QuantisationError, UnsupportedVersion
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.gaussians.meta import GaussianMeta
from csgaussian_ns.format.gaussians.read import decode_gaussians
from csgaussian_ns.format.gaussians.rows import Arrays, GaussianRows, arrays_of, ordered, rounded, steps_of
from csgaussian_ns.format.gaussians.write import CHUNK, MOST_COPIES, Labels, encode_gaussians
from csgaussian_ns.format.layout import MustUnderstand, Section
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from tests.export.scenes import random_gaussians
from tests.format.fuzzing import LIMITS, Target, attack, front_of
from tests.format.surgery import with_checksums

META = GaussianMeta(0.01, 1, (0.1, 0.02, 0.015, 0.1, 0.05, 0.07), name="some")


def rows_of(count: int, copies: int = 0) -> GaussianRows:
    """Rows of degree 1; the first are ``copies`` more times there, with other values."""
    generator = np.random.default_rng(count)
    grid = generator.integers(-400, 400, (count, 3)).astype(np.int32)
    grid[1 : copies + 1] = grid[0]
    return GaussianRows(grid, generator.integers(-9, 10, (count, 19)).astype(np.int32))


def labels_of(count: int, objects: int = 3) -> Labels:
    return Labels((np.arange(count) % (objects + 1)).astype(np.int32), tuple(f"thing {i}" for i in range(objects)))


def covariance(scales: np.ndarray, quats: np.ndarray) -> np.ndarray:
    w, x, y, z = (quats / np.linalg.norm(quats, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    turn = np.moveaxis(np.array(rows), 2, 0)
    return turn * scales[:, None] ** 2 @ turn.transpose(0, 2, 1)


def test_another_order_of_axes_is_the_same_gaussian():
    scene = random_gaussians(300)
    scales, quats = ordered(scene.scales, scene.quats)
    assert (np.diff(scales, axis=1) <= 0).all() and (quats[:, 0] >= np.abs(quats).max(axis=1) - 1e-9).all()
    assert np.allclose(covariance(scales, quats), covariance(scene.scales, scene.quats), atol=1e-6)


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_rounding_is_within_half_a_step(degree: int):
    scene, meta = random_gaussians(200, degree), replace(META, degree=degree)
    given = Arrays(scene.means, scene.quats, scene.scales, scene.opacities, scene.harmonics)
    rows = rounded(given, meta)
    found = arrays_of(rows, meta)
    assert np.abs(found.means - scene.means).max() <= 0.0051
    assert np.abs(np.log(found.scales / ordered(scene.scales, scene.quats)[0])).max() <= 0.0501
    assert np.abs(found.opacities - scene.opacities).max() <= 0.0076
    turned = np.abs(found.harmonics - scene.harmonics)
    assert turned[:, 0].max() <= 0.1 and turned[:, 1:4].max(initial=0) <= 0.05 and turned[:, 4:].max(initial=0) <= 0.07
    cosine = np.abs((found.quats * ordered(scene.scales, scene.quats)[1]).sum(axis=1))
    assert cosine.min() > 0.999 and rows.values.shape[1] == len(steps_of(meta)) == 10 + 3 * ((degree + 1) ** 2 - 1)


@pytest.mark.parametrize(("count", "copies"), [(1, 0), (50, 3), (CHUNK + 40, 2)])
def test_a_file_holds_every_gaussian_as_it_was(count: int, copies: int):
    rows, labels = rows_of(count, copies), labels_of(count) if count > 3 else Labels(np.ones(1, np.int32), ("thing 0",))
    data = encode_gaussians(rows, META, labels)
    coded = decode_gaussians(read_container(data), DEFAULT_LIMITS)
    assert coded.semantics is not None
    found = np.concatenate([coded.rows.grid, coded.rows.values, coded.semantics.label[:, None]], axis=1)
    given = np.concatenate([rows.grid, rows.values, labels.label[:, None]], axis=1)
    assert sorted(map(tuple, found)) == sorted(map(tuple, given))
    assert coded.meta == META and tuple(thing.name for thing in coded.semantics.objects) == labels.names
    assert encode_gaussians(rows, META, labels, threads=1) == data
    for threads in (1, 3):
        assert decode_gaussians(read_container(data), DEFAULT_LIMITS, threads=threads).digest() == coded.digest()


def test_labels_with_gaps_are_refused():
    with pytest.raises(ValueError, match=r"expected 0 and all of 1\.\.3"):
        encode_gaussians(rows_of(2), META, labels_of(2))


def test_too_many_in_one_place():
    with pytest.raises(QuantisationError, match="300 Gaussians lie in one place"):
        encode_gaussians(rows_of(300, 299), META)
    assert encode_gaussians(rows_of(MOST_COPIES, MOST_COPIES - 1), META)


def test_a_cut_file_still_has_its_colours():
    data = encode_gaussians(rows_of(60), META, labels_of(60))
    first = min(entry.offset for entry in read_container(data).entries if entry.info.layer == 2)
    scene = csgaussian_ns.load(data[: first + 8])
    assert scene.truncated and scene.semantics is None and len(scene) == 60
    for length in (first - 8, 100, 64):
        with pytest.raises(FormatError):
            csgaussian_ns.load(data[:length])


def edited(data: bytes, kind: str, **fields: int) -> bytes:
    """The file with other fields of the first section of a kind."""
    container, sections = read_container(data), []
    for entry in container.entries:
        section = container.read(entry)
        if entry.info.kind == kind and entry.info.chunk == 0:
            section = Section(replace(entry.info, **fields), section.body)
        sections.append(section)
    return pack(sections, container.header.rows, MustUnderstand.REPRESENTATION)


@pytest.mark.parametrize(
    ("kind", "fields", "error", "told"),
    [
        ("SPLT", {"symbols": 60}, FormatError, "60 Gaussians and 60 values"),
        ("SPLT", {"codec": 1}, UnsupportedVersion, "codec 1 is unknown"),
        ("POSI", {"codec": 1}, UnsupportedVersion, "codec 1 is unknown"),
        ("SPLT", {"decoded_crc": 1}, FormatError, "checksum"),
        ("POSI", {"decoded_crc": 1}, FormatError, "checksum"),
    ],
)
def test_sections_that_contradict_themselves(kind: str, fields: dict, error: type[CsgError], told: str):
    data = encode_gaussians(rows_of(60), META)
    with pytest.raises(error, match=told):
        csgaussian_ns.load(edited(data, kind, **fields))


def test_limits_are_obeyed():
    data = encode_gaussians(rows_of(60), META, labels_of(60))
    for limits in ({"max_symbols_per_chunk": 100}, {"max_memory_bytes": 2000}, {"max_network_operations": 10}):
        with pytest.raises(LimitExceeded, match=next(iter(limits))):
            csgaussian_ns.load(data, DecodeLimits(**limits))


def test_damage_behind_right_checksums():
    """Refused, or without effect on what was decoded: every result is compared with a checksum of its own."""
    data = encode_gaussians(rows_of(40, 1), META, labels_of(40))

    def digest(damaged: bytes) -> str | None:
        return csgaussian_ns.load(with_checksums(damaged), LIMITS, threads=1).digest()

    bodies = Target("gaussian-file", 1, (data,), digest, lambda sample: [(front_of(sample)[0][1], len(sample))])
    assert sum(attack(bodies, number) for number in range(300)) > 100
    front = Target("gaussian-front", 1, (data,), lambda damaged: digest(damaged) and None, front_of)
    assert sum(attack(front, number) for number in range(150)) > 60
