"""What objects are parts of, in files: section TREE, which readers may ignore."""

import dataclasses
import struct
from pathlib import Path

import pytest

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import TrainedScene, encode, kept_in_order
from csgaussian_ns.codec.encode_semantics import decoded_layer
from csgaussian_ns.core.edits import Remove, Target
from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.receiver.flatten import flattened
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.merge import merged
from tests.codec.scenes import random_scene, with_semantics
from tests.format.surgery import rewritten

TREE = ObjectTree(3, (1, 2, 1, 2, 0))


def scene_with(tree: ObjectTree | None) -> TrainedScene:
    scene = with_semantics(random_scene(400, seed=4), texts=False)
    assert scene.semantics is not None
    return dataclasses.replace(scene, semantics=dataclasses.replace(scene.semantics, tree=tree))


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(scene_with(TREE), chunk_anchors=150).data


def tree_of(data: bytes) -> ObjectTree | None:
    layer = load(data).semantics
    assert layer is not None
    return layer.tree


def test_it_comes_back_and_is_known_without_a_file(data: bytes):
    layer = decode(data).semantics
    assert layer is not None and layer.tree == TREE == tree_of(data)
    scene = scene_with(TREE)
    order = kept_in_order(scene)
    assert scene.semantics is not None
    assert decoded_layer(scene.semantics, order, scene.grid[order], scene.meta.voxel_size).tree == TREE


@pytest.mark.parametrize("tree", [None, ObjectTree(3, (0, 0, 0))])
def test_objects_that_are_parts_of_nothing_take_no_byte(tree: ObjectTree | None):
    plain = encode(scene_with(tree)).data
    assert not read_container(plain).of_kind("TREE") and tree_of(plain) is None
    assert plain == encode(with_semantics(random_scene(400, seed=4), texts=False)).data


def test_all_other_sections_are_those_without_it(data: bytes):
    """An old reader leaves out what it does not know and is not critical: the rest is a file of before."""
    plain = encode(scene_with(None), chunk_anchors=150).data
    with_it, without = (read_container(file).sections() for file in (data, plain))
    assert [section for section in with_it if section.info.kind != "TREE"] == without
    [own] = [section for section in with_it if section.info.kind == "TREE"]
    assert len(own.body) <= 12 and not own.info.critical
    assert decode(data).digest() == decode(pack(without, read_container(data).header.rows)).digest()


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ((2, 1, 2, 1, 2), "end inside a part"),
        ((2, 1, 2, 1, 2, 0, 0), "bytes"),
        ((1, 1, 1, 2, 0), "part of whole 2; expected 0..1"),
        ((2, 1, 2, 1, 2, 1), "whole 2 is a part of whole 1, which is itself or before it"),
        ((1, 1, 1, 1, 1), "whole 1 is a part of whole 1, which is itself"),
        ((1, 0, 0, 1, 0), "whole 1 has 1 parts"),
    ],
)
def test_what_is_no_tree_is_refused(data: bytes, numbers: tuple[int, ...], why: str):
    bad = rewritten(data, "TREE", struct.pack(f"<{len(numbers)}H", *numbers))
    with pytest.raises(FormatError, match=f"TREE.*{why}"):
        decode(bad)
    assert len(decode(bad, semantics=False).anchors)


def test_a_writer_refuses_a_tree_of_other_objects():
    with pytest.raises(ValueError, match="objects in a tree"):
        encode(scene_with(ObjectTree(2, (1, 1, 0))))


def test_edits_leave_numbers_and_flattening_counts_anew(data: bytes, tmp_path: Path):
    (tmp_path / "a.csg").write_bytes(data)
    scene = csgaussian_ns.load(tmp_path / "a.csg").edited(Remove(Target((1,))))
    scene.save(tmp_path / "b.csg")
    edited = (tmp_path / "b.csg").read_bytes()
    assert tree_of(edited) == TREE
    assert tree_of(flattened(edited).data) == ObjectTree(2, (1, 1, 0))


def test_a_merged_scene_has_both_trees(data: bytes):
    both = merged([data, encode(scene_with(None)).data, data], [Similarity()] * 3, "normalised")
    assert tree_of(both) == ObjectTree(9, (1, 2, 1, 0, 0, 0, 3, 4, 3, 2, 0, 4, 0))
