"""Files of weights: safe to read, and refused where they are damaged or of another network."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.feedforward.model import CODER, read_model
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.latents import weights as layout
from csgaussian_ns.format.latents.coding import CodedLatents, decode_latents
from csgaussian_ns.format.latents.weights import MAGIC, read_weights, write_weights
from csgaussian_ns.format.limits import DEFAULT_LIMITS
from tests.feedforward.models import model, scene, weights
from tests.feedforward.worlds import SMALL, photos_of, two_views
from tests.format.fuzzing import Target, attack


def parts() -> dict[str, np.ndarray]:
    return dict(read_weights(weights()).arrays)


def changed(arrays: dict[str, np.ndarray], settings: dict | None = None) -> bytes:
    return write_weights(SMALL.to_json() if settings is None else settings, arrays)


def test_weights_come_back():
    given = {"a/b": np.arange(6, dtype=np.float32).reshape(2, 3), "c": np.array([1.5], np.float16)}
    given["d"] = np.arange(9, dtype=np.uint8)
    data = write_weights({"x": 1}, given)
    found = read_weights(data)
    assert found.settings == {"x": 1} and list(found.arrays) == list(given)
    for name, array in found.arrays.items():
        assert np.array_equal(array, given[name]) and array.dtype == (np.uint8 if name == "d" else np.float32)
    assert write_weights({"x": 1}, given) == data


def test_half_precision_is_what_the_network_has():
    for name, array in model().parameters.items():
        expected = array if name == "likely/gain" else array.astype(np.float16).astype(np.float32)
        assert np.array_equal(array, expected), name
    assert CODER not in model().parameters and not any("likely/first" in name for name in model().parameters)


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ([["a", "f32", [2]]], "4 bytes of numbers, the list asks for 8"),
        ([["a", "f64", [1]]], "is of kind 'f64'; expected one of f16, f32, u8"),
        ([["a", "f32", [1]], ["a", "u8", []]], "two arrays have one name"),
        ([["a", "f32", [-1]]], "has the shape"),
        ([["a", "f32", [True]]], "has the shape"),
        ([["a", "f32", [1] * 5]], "has the shape"),
        ([["a" * 201, "f32", [1]]], "at most 200 letters"),
        ([["a", "f32"]], "expected name, kind and shape"),
        ({"a": 1}, "must be a list of at most 4096"),
        ([["a", "f32", [1]]] * 4097, "must be a list of at most 4096"),
    ],
)
def test_lists_that_lie_are_refused(listed: object, told: str):
    head = json.dumps({"settings": {}, "arrays": listed}).encode()
    with pytest.raises(FormatError, match=told):
        read_weights(MAGIC + struct.pack("<I", len(head)) + head + bytes(4))


def test_what_is_no_file_of_weights(monkeypatch: pytest.MonkeyPatch):
    for data, told in (
        (b"", "the first bytes"),
        (b"PK\x03\x04" * 9, "this is no such file"),
        (MAGIC + b"\0", "end inside"),
    ):
        with pytest.raises(FormatError, match=told):
            read_weights(data)
    for head in (b"[]", b"{", b'{"settings": 1}', b"[" * 100_000):
        with pytest.raises(FormatError):
            read_weights(MAGIC + struct.pack("<I", len(head)) + head)
    with pytest.raises(LimitExceeded, match="a list of 2000000 bytes"):
        read_weights(MAGIC + struct.pack("<I", 2_000_000))
    with pytest.raises(FormatError, match="is of float64"):
        write_weights({}, {"a": np.zeros(1)})
    with pytest.raises(FormatError, match="'a' has numbers that are not finite"):
        write_weights({}, {"a": np.array([np.inf], np.float16)})
    monkeypatch.setattr(layout, "MOST_BYTES", 1000)
    with pytest.raises(LimitExceeded, match="at most 1000 are read"):
        read_weights(weights())


def test_damaged_weights_are_refused_or_others():
    """Every byte counts: a file that can still be read is another model."""
    sample = weights()

    def digest(damaged: bytes) -> None:
        found = read_model(damaged)
        assert (found.digest == model().digest) == (damaged == sample)

    head = len(MAGIC) + 4 + struct.unpack("<I", sample[8:12])[0]
    target = Target("weights", 1, (sample,), digest, lambda _: [(0, head)])
    assert sum(attack(target, number) for number in range(200)) > 100


def test_weights_of_another_network_are_refused():
    arrays = parts()
    first = next(name for name in arrays if name.startswith("synthesis"))
    for array, told in ((None, f"{first} is missing"), (arrays[first][:1], f"{first} has the shape")):
        other = {name: value for name, value in arrays.items() if name != first}
        other |= {} if array is None else {first: array}
        with pytest.raises(FormatError, match=told):
            read_model(changed(other))
    with pytest.raises(FormatError, match="'coder' is missing"):
        read_model(changed({name: value for name, value in arrays.items() if name != CODER}))
    with pytest.raises(FormatError, match="the coder of latents is not of the sizes"):
        read_model(changed(arrays, replace(SMALL, levels=2).to_json()))
    with pytest.raises(FormatError, match="expected the sizes"):
        read_model(changed(arrays, {"channels": 16}))


def test_a_decoder_alone_makes_scenes_and_no_files():
    kept = {name: array for name, array in parts().items() if not name.startswith(("backbone", "analysis"))}
    alone, views = read_model(changed(kept)), two_views()
    with pytest.raises(Exception, match="only decode: they have no backbone/first/weight"):
        alone.encode(photos_of(views), views, 0)
    arrays = alone.gaussians(replace(decoded(), meta=replace(decoded().meta, model=alone.digest)))
    assert np.array_equal(arrays.means, model().gaussians(decoded()).means)


def decoded() -> CodedLatents:
    return decode_latents(read_container(scene()), model().coder, DEFAULT_LIMITS)
