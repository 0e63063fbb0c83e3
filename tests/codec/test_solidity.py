"""How opaque objects are to masks and clicks, in files: section OPAC, which readers may ignore."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode, kept_in_order
from csgaussian_ns.codec.encode_semantics import decoded_layer
from csgaussian_ns.core.edits import Remove, Target
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.receiver.flatten import flattened
from tests.codec.scenes import random_scene, with_semantics
from tests.format.surgery import rewritten

NUMBERS = bytes([0, 12, 64])


def scene_with(numbers: bytes) -> TrainedScene:
    scene = with_semantics(random_scene(400, seed=4), texts=False)
    assert scene.semantics is not None
    return dataclasses.replace(scene, semantics=dataclasses.replace(scene.semantics, solidity=numbers))


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(scene_with(NUMBERS), chunk_anchors=150).data


def powers(data: bytes) -> list[float]:
    layer = decode(data).semantics
    assert layer is not None
    return [thing.solidity for thing in layer.objects]


def test_powers_come_back_and_are_known_without_a_file(data: bytes):
    assert powers(data) == [1.0, 2**1.5, 256.0]
    scene = scene_with(NUMBERS)
    order = kept_in_order(scene)
    assert scene.semantics is not None
    layer = decoded_layer(scene.semantics, order, scene.grid[order], scene.meta.voxel_size)
    assert [thing.solidity for thing in layer.objects] == powers(data)


@pytest.mark.parametrize("numbers", [b"", bytes(3)])
def test_opaque_objects_take_no_byte(numbers: bytes):
    plain = encode(scene_with(numbers)).data
    assert not read_container(plain).of_kind("OPAC") and powers(plain) == [1.0, 1.0, 1.0]
    assert plain == encode(with_semantics(random_scene(400, seed=4), texts=False)).data


def test_all_other_sections_are_those_without_it(data: bytes):
    """Colour, features and labels do not know of it; nor do digests, so edits hold for both files."""
    plain = encode(scene_with(b""), chunk_anchors=150).data
    with_it, without = (read_container(file).sections() for file in (data, plain))
    assert [section for section in with_it if section.info.kind != "OPAC"] == without
    [own] = [section for section in with_it if section.info.kind == "OPAC"]
    assert len(own.body) <= 11 and not own.info.critical
    assert decode(data).digest() == decode(pack(without, read_container(data).header.rows)).digest()


@pytest.mark.parametrize("numbers", [NUMBERS[:2], NUMBERS + b"\0", bytes([0, 0, 65])])
def test_numbers_of_no_object_are_refused(data: bytes, numbers: bytes):
    with pytest.raises(FormatError, match=f"OPAC: {len(numbers)} numbers.*each of 3 objects, at most 64"):
        decode(rewritten(data, "OPAC", numbers))
    assert len(decode(rewritten(data, "OPAC", numbers), semantics=False).anchors)


@pytest.mark.parametrize("numbers", [NUMBERS[:2], bytes([0, 0, 65])])
def test_a_writer_refuses_them(numbers: bytes):
    with pytest.raises(ValueError, match="numbers of OPAC up to 64"):
        encode(scene_with(numbers))


def test_an_object_that_is_gone_for_good_takes_its_number_along(data: bytes, tmp_path: Path):
    (tmp_path / "a.csg").write_bytes(data)
    scene = csgaussian_ns.load(tmp_path / "a.csg").edited(Remove(Target((2,))))
    scene.save(tmp_path / "b.csg")
    assert [thing.solidity for thing in csgaussian_ns.load(tmp_path / "b.csg").objects] == [1.0, 256.0]
    assert powers(flattened((tmp_path / "b.csg").read_bytes()).data) == [1.0, 256.0]


def test_labels_are_the_same(data: bytes):
    one, other = decode(data).semantics, decode(encode(scene_with(b""), chunk_anchors=150).data).semantics
    assert one is not None and other is not None
    np.testing.assert_array_equal(one.label, other.label)
