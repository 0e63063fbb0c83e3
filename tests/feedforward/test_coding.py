"""Files of latents: exact on every device, and refused where they are not what they say."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from csgaussian_ns.core.edits import Crop
from csgaussian_ns.core.errors import ConfigError, CsgError, DataError, FormatError, LimitExceeded, UnsupportedVersion
from csgaussian_ns.feedforward.freeze import freeze
from csgaussian_ns.feedforward.model import read_model
from csgaussian_ns.feedforward.views import Views
from csgaussian_ns.format.bodies import packed_section
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.edits import with_edits
from csgaussian_ns.format.facts import Facts, write_facts
from csgaussian_ns.format.kinds import info_of
from csgaussian_ns.format.latents.coding import decode_latents, encode_latents
from csgaussian_ns.format.latents.meta import latent_meta_of
from csgaussian_ns.format.latents.model import IntegerLatentModel, even_places, rows_of
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.networks.fixed_point import Arithmetic
from csgaussian_ns.format.networks.model import ChannelPrior
from tests.feedforward.models import latent_arrays, model, scene, weights, with_sections
from tests.feedforward.worlds import SMALL, photos_of, small_network, two_views
from tests.format.fuzzing import LIMITS, Target, attack, front_of
from tests.format.surgery import with_checksums
from tests.format.variants import by_torch


def decoded(data: bytes, arithmetic: Arithmetic = "auto"):
    return decode_latents(read_container(data), model().coder, DEFAULT_LIMITS, arithmetic=arithmetic)


@pytest.mark.parametrize("level", range(SMALL.levels))
@pytest.mark.parametrize("size", [(64, 48), (16, 16), (80, 144)])
def test_what_was_coded_comes_back(level: int, size: tuple[int, int]):
    views = two_views(*size)
    photos = photos_of(views, 3) if min(size) > 16 else np.full((2, 3, 16, 16), 0.4, np.float32)
    encoded = model().encode(photos, views, level)
    found = decoded(encoded.data)
    for ours, theirs in zip(found.latents, encoded.latents, strict=True):
        assert np.array_equal(ours, theirs)
    assert found.meta.model == model().digest and found.meta.level == level and found.rows == 2 * size[0] * size[1] // 4
    shown = Views.of_numbers(found.cameras, found.meta)
    assert np.abs(shown.world_to_camera - views.world_to_camera).max() < 1e-5
    assert np.abs(shown.lens - views.lens).max() < 1e-4
    assert model().encode(photos, views, level).data == encoded.data


@pytest.mark.parametrize("arithmetic", ["auto", "float32", "float64", "int64", by_torch])
def test_every_arithmetic_gives_the_same_bits(arithmetic: Arithmetic):
    container = read_container(scene())
    if arithmetic == "float32" and max(model().coder.second.row_bounds()) >= 1 << 24:
        pytest.skip("sums of these random weights are too large for float32")
    found = decode_latents(container, model().coder, DEFAULT_LIMITS, arithmetic=arithmetic)
    assert found.digest() == decoded(scene()).digest()


def test_threads_do_not_change_bytes():
    views, before = two_views(), torch.get_num_threads()
    files = set()
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            files.add(model().encode(photos_of(views, 3), views, 2).data)
    finally:
        torch.set_num_threads(before)
    assert len(files) == 1


def test_latents_are_near_what_was_given():
    hyper, values = latent_arrays(model())
    meta = replace(latent_meta_of(read_container(scene())), width=96, height=80)
    encoded = encode_latents(hyper, values, two_views(96, 80).numbers, meta, model().coder, 10)
    assert np.abs(encoded.latents.values / 65536 - values).max() <= 0.5 + 1e-6
    assert np.abs(encoded.latents.hyper / 65536 - hyper).max() <= 0.5 + 1e-6
    with pytest.raises(ConfigError, match="facts and model need"):
        encode_latents(hyper, values[:, :3], two_views(96, 80).numbers, meta, model().coder, 10)


def test_the_integers_say_what_the_trained_network_says():
    """Means within a tenth of a step, spreads within a table; both see the same values."""
    network, views, level = small_network(), two_views(), 1
    parameters = {name: value.detach().numpy() for name, value in network.named_parameters()}
    latent = network.network.latent(parameters, photos_of(views, 5), views)
    values = 2 * latent * network.likely.gains(parameters, level)

    def rounded(real: np.ndarray, mean: np.ndarray) -> np.ndarray:
        return mean + np.rint(real - mean)

    expected = network.likely.walk(parameters, values, level, rounded)
    even = even_places(4, 4)
    rows = [rows_of(expected.hyper_values), *(_of_places(expected.values, chosen) for chosen in (even, ~even))]
    priors = {}

    def exchange(group: int, prior: ChannelPrior) -> np.ndarray:
        priors[group] = prior
        return np.rint(rows[group] * 65536).astype(np.int64)

    model().coder.walk(2, (4, 4), level, exchange)
    for group, chosen in ((1, even), (2, ~even)):
        mean, octave = (_of_places(part, chosen) for part in expected.latent)
        assert np.abs(priors[group].mean / 256 - mean).max() < 0.1 < np.abs(mean).max(), group
        assert np.abs(priors[group].table / 8 - 4 - octave).max() < 0.125, group


def _of_places(x: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return x[:, :, chosen].transpose(0, 2, 1).reshape(-1, x.shape[1])


def test_more_levels_are_more_bytes():
    sizes = [len(scene(level, 128, 128)) for level in range(SMALL.levels)]
    assert sizes == sorted(sizes) and sizes[-1] > sizes[0]


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        ({"model": "ab" * 31}, FormatError, "'model' must be 64 hexadecimal digits"),
        ({"model": 7}, FormatError, "'model' must be a string"),
        ({"near": 9.0}, FormatError, "near 9, far 6, 64 x 48 pixels; expected near below far"),
        ({"width": 70}, FormatError, "expected near below far, and multiples of 16"),
        ({"views": 13}, FormatError, r"'views' must be an integer in 2\.\.12"),
        ({"views": 3}, FormatError, "promises 200 symbols, META and model need 300"),
        ({"level": 3}, FormatError, r"level 3; the model has levels 0\.\.2"),
        ({"width": 8000, "height": 8000, "views": 12}, LimitExceeded, "latents of 12 views of 8000 x 8000"),
    ],
)
def test_facts_that_lie_are_refused(change: dict, error: type[CsgError], told: str):
    container = read_container(scene())
    facts = latent_meta_of(container).to_json()
    meta = packed_section("META", json.dumps({**facts, **change}).encode())
    limits = DecodeLimits(max_symbols_per_chunk=1 << 20)
    with pytest.raises(error, match=told):
        decode_latents(read_container(with_sections(container, META=meta)), model().coder, limits)


def test_a_million_pixels_are_refused_before_memory_is_taken():
    """A latent of a thousand by a thousand places, claimed by a small file."""
    container = read_container(scene())
    meta = replace(latent_meta_of(container), width=8192, height=8192, views=4)
    claimed = with_sections(container, META=packed_section("META", write_facts(meta)))
    for limits in (
        {"max_memory_bytes": 1 << 28},
        {"max_network_operations": 1 << 30},
        {"max_symbols_per_chunk": 1 << 20},
    ):
        with pytest.raises(LimitExceeded, match=next(iter(limits))):
            decode_latents(read_container(claimed), model().coder, DecodeLimits(**limits))
    with pytest.raises(FormatError, match="symbols"):
        decode_latents(read_container(claimed), model().coder, DEFAULT_LIMITS)


@pytest.mark.parametrize("kind", ["VIEW", "LATN"])
def test_sections_that_contradict_themselves(kind: str):
    container = read_container(scene())
    entry = container.of_kind(kind)[0]
    body = bytes(container.read(entry).body)
    with pytest.raises(FormatError, match=f"{kind} occurs 0 times"):
        decoded(with_sections(container, **{kind: None}))
    with pytest.raises(UnsupportedVersion, match="codec 1"):
        decoded(with_sections(container, **{kind: Section(replace(entry.info, codec=1), body)}))
    with pytest.raises(FormatError):
        decoded(with_sections(container, **{kind: Section(entry.info, body[:-4])}))


def test_cameras_that_cannot_be_are_refused():
    container = read_container(scene())
    for column, value, told in (
        (6, 0.0, "focal length"),
        (0, 1.5, "quaternion"),
        (3, np.nan, "finite"),
        (4, 1e16, "far"),
    ):
        numbers = two_views(64, 48).numbers
        numbers[1, column] = value
        with pytest.raises(FormatError, match=told):
            decoded(with_sections(container, VIEW=Section(info_of("VIEW"), numbers.astype("<f4").tobytes())))


def test_strange_sections_are_refused_and_edits_read():
    container = read_container(scene())
    strange = packed_section("NETR", b"1")
    with pytest.raises(FormatError, match="sections NETR in a scene of latents"):
        decoded(with_sections(container, META=container.read(container.of_kind("META")[0]), VIEW=strange))
    crop = Crop((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
    found = decoded(with_edits(container, (crop,)))
    assert found.edits == (crop,) and found.digest() == decoded(scene()).digest()


def test_damage_behind_right_checksums():
    """Refused, or without effect on what was decoded."""
    data, coder = scene(), model().coder

    def digest(damaged: bytes) -> str:
        return decode_latents(read_container(with_checksums(damaged), LIMITS), coder, LIMITS).digest()

    def bodies(sample: bytes) -> list[tuple[int, int]]:
        latent = read_container(sample).of_kind("LATN")[0]
        return [(latent.offset, latent.offset + latent.length)]

    target = Target("latent-file", 1, (data,), digest, bodies)
    assert sum(attack(target, number) for number in range(200)) > 100
    front = Target("latent-front", 1, (data,), lambda damaged: digest(damaged) and None, front_of)
    assert sum(attack(front, number) for number in range(100)) > 30


def test_damaged_coders_are_refused():
    sample = model().coder.to_bytes()
    assert IntegerLatentModel.from_bytes(sample).to_bytes() == sample
    target = Target("latent-coder", 1, (sample,), lambda damaged: IntegerLatentModel.from_bytes(damaged) and None)
    assert sum(attack(target, number) for number in range(300)) > 60


def test_photos_and_levels_that_do_not_fit():
    views = two_views(64, 48)
    with pytest.raises(DataError, match=r"photos: expected finite numbers of shape \(2, 3, 48, 64\)"):
        model().encode(photos_of(two_views(64, 64)), views, 0)
    with pytest.raises(ConfigError, match=r"level 3: the model has levels 0\.\.2"):
        model().encode(photos_of(views), views, 3)
    poses = views.world_to_camera.copy()
    poses[1, :3, 3] += 1000
    apart = replace(views, world_to_camera=poses)
    with pytest.raises(DataError, match="at most 0% of it is seen in another one"):
        model().encode(photos_of(views), apart, 0)
    with pytest.raises(ConfigError, match="no photos to calibrate"):
        freeze(small_network(), [])


def test_facts_of_the_caller_are_kept():
    views = two_views(64, 48)
    facts = Facts(name="two photos", scale=2.0, background=(1.0, 0.5, 0.0))
    found = latent_meta_of(read_container(model().encode(photos_of(views), views, 1, facts).data))
    assert (found.name, found.scale, found.background) == ("two photos", 2.0, (1.0, 0.5, 0.0))
    assert (found.model, found.level, found.width, found.height) == (model().digest, 1, 64, 48)


def test_weights_decide_and_are_the_same_each_time():
    assert read_model(weights()).digest == model().digest != model(1).digest
