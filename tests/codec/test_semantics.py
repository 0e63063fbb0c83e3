"""The semantic layer of a file: what comes out, that it is the same everywhere, cut and damaged files."""

import dataclasses
import hashlib
import os
import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import csgaussian_ns
from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import Encoded, TrainedScene, encode, kept_in_order
from csgaussian_ns.codec.encode_semantics import decoded_layer
from csgaussian_ns.core.errors import FormatError, LimitExceeded, QuantisationError
from csgaussian_ns.core.semantic_layer import SemanticLayer
from csgaussian_ns.entropy.base import Widths
from csgaussian_ns.entropy.registry import new_model
from csgaussian_ns.format.attributes import semantic_layout
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.kinds import Layer
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.limits import DecodeLimits
from csgaussian_ns.format.object_bytes import read_objects, write_objects
from csgaussian_ns.format.objects import ObjectSums, ObjectTexts, object_table, same_table
from tests.codec.scenes import random_scene, with_semantics
from tests.format.samples import mutations
from tests.sampled_types import types_sampled

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def coded() -> tuple[TrainedScene, Encoded]:
    scene = with_semantics(random_scene(3000))
    return scene, encode(scene, chunk_anchors=1024)


@pytest.fixture(scope="module")
def small() -> bytes:
    return encode(with_semantics(random_scene(60, seed=4), texts=False)).data


def layer_of(data: bytes, **options) -> SemanticLayer:
    layer = decode(data, **options).semantics
    assert layer is not None
    return layer


def test_the_modules_of_a_run_stay_where_they_are(monkeypatch: pytest.MonkeyPatch):
    """Moving a module moves it for its owner too, who may be training it on another device."""
    scene, touched, apply = with_semantics(random_scene(60)), [], torch.nn.Module._apply

    def spy(module: torch.nn.Module, *args, **kwargs) -> torch.nn.Module:
        touched.append(module)
        return apply(module, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "_apply", spy)
    encode(scene)
    decoded_layer(scene.semantics, order := kept_in_order(scene), scene.grid[order], scene.meta.voxel_size)
    own = [scene.entropy, scene.decoders, scene.semantics.entropy]
    assert touched and not {id(part) for module in own for part in module.modules()} & set(map(id, touched))


def test_features_and_labels_come_back(coded):
    scene, encoded = coded
    decoded = decode(encoded.data)
    order = kept_in_order(scene)
    assert torch.equal(decoded.grid, scene.grid[order])
    assert decoded.semantics is not None and not decoded.truncated
    assert torch.equal(decoded.semantics.label, scene.semantics.label[order])
    feature, inside = decoded.semantics.feature, decoded.semantics.label > 0
    error = (feature - scene.semantics.feature[order]).abs()[inside]
    assert error.max() <= 2.1 / 2 + 1e-4 and 0.05 < error.mean() < 0.4
    assert not feature[~inside].any() and 100 < int(inside.sum()) < len(feature) - 100


def test_the_layer_of_the_file_is_known_without_writing_it(coded):
    scene, wanted = coded[0], layer_of(coded[1].data)
    order = kept_in_order(scene)
    found = decoded_layer(scene.semantics, order, scene.grid[order], scene.meta.voxel_size)
    assert torch.equal(found.feature, wanted.feature) and torch.equal(found.label, wanted.label)
    assert (found.objects, found.text_encoder) == (wanted.objects, wanted.text_encoder)
    bare = dataclasses.replace(scene.semantics, label=None, names=(), embeddings=None)
    everywhere = decoded_layer(bare, order, scene.grid[order], scene.meta.voxel_size)
    inside = wanted.label > 0
    assert torch.equal(everywhere.feature[inside], wanted.feature[inside]) and everywhere.feature[~inside].any()


def test_objects_say_what_their_anchors_say(coded):
    decoded = decode(coded[1].data)
    layer = decoded.semantics
    assert layer is not None and [thing.id for thing in layer.objects] == [1, 2, 3]
    assert layer.text_encoder == "some encoder"
    for thing in layer.objects:
        own = layer.label == thing.id
        position = decoded.anchors.position[own]
        assert thing.anchors == int(own.sum()) > 100 and thing.name == f"Gerät {thing.id - 1}"
        assert torch.equal(torch.tensor(thing.lowest), position.amin(dim=0))
        assert torch.equal(torch.tensor(thing.highest), position.amax(dim=0))
        assert torch.allclose(torch.tensor(thing.centre), position.mean(dim=0), atol=0.25 / 32 + 1e-4)
        assert torch.allclose(torch.tensor(thing.feature), layer.feature[own].mean(dim=0), atol=1 / 512 + 1e-4)
        wanted = coded[0].semantics.embeddings[thing.id - 1]
        assert thing.embedding is not None
        cosine = np.dot(thing.embedding, wanted) / np.linalg.norm(wanted)
        assert cosine > 0.9995 and np.linalg.norm(thing.embedding) == pytest.approx(1)


def test_colour_is_what_it_was_without_semantics(coded):
    scene, encoded = coded
    plain = encode(dataclasses.replace(scene, semantics=None), chunk_anchors=1024)
    assert (
        decode(encoded.data, semantics=False).digest() == decode(plain.data).digest() != decode(encoded.data).digest()
    )
    assert decode(encoded.data, semantics=False).semantics is None
    shared = {kind: size for kind, size in encoded.bytes_by_kind.items() if kind in plain.bytes_by_kind}
    shared["container"] = plain.bytes_by_kind["container"]
    assert shared == plain.bytes_by_kind
    layers = [entry.info.layer for entry in read_container(encoded.data).entries]
    assert layers == sorted(layers) and layers[-1] == Layer.SEMANTIC


def test_single_chunks(coded):
    whole, second = layer_of(coded[1].data), layer_of(coded[1].data, chunks=[1])
    assert torch.equal(second.label, whole.label[1024:2048])
    assert torch.equal(second.feature, whole.feature[1024:2048])
    assert second.objects == whole.objects


@pytest.mark.parametrize("arithmetic", ["float32", "float64", "int64"])
def test_arithmetic_changes_no_bit(coded, arithmetic):
    assert decode(coded[1].data, arithmetic=arithmetic).digest() == decode(coded[1].data).digest()


@pytest.mark.parametrize(
    "environment", [{"OMP_NUM_THREADS": "1"}, {"ATEN_CPU_CAPABILITY": "default"}], ids=lambda e: "=".join(*e.items())
)
def test_other_processes_decode_the_same(coded, tmp_path: Path, environment):
    file = tmp_path / "scene.csg"
    file.write_bytes(coded[1].data)
    code = "import sys, csgaussian_ns; print(csgaussian_ns.load(sys.argv[1]).digest())"
    command = [sys.executable, "-c", code, str(file)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == decode(coded[1].data).digest()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_tiny_scenes(count: int):
    scene = with_semantics(random_scene(count, kept=1.1))
    layer = layer_of(encode(scene).data)
    assert layer.feature.shape == (count, 6) and len(layer.label) == count
    assert len(layer.objects) == len(torch.unique(scene.semantics.label[scene.semantics.label > 0]))


def test_without_objects():
    scene = with_semantics(random_scene(100))
    bare = dataclasses.replace(scene.semantics, label=None, names=(), embeddings=None, text_encoder="")
    data = encode(dataclasses.replace(scene, semantics=bare)).data
    layer, order = layer_of(data), kept_in_order(scene)
    known = decoded_layer(bare, order, scene.grid[order], scene.meta.voxel_size)
    assert torch.equal(layer.feature, known.feature)
    assert layer.objects == () and not layer.label.any() and layer.feature.std() > 1


def test_the_digest_is_that_of_documented_bytes():
    """Computed here as a program in another language would, from what ``CodedScene.digest`` says of the bytes."""
    data = (ROOT / "tests" / "golden" / "v1_semantics.csg").read_bytes()
    scene, layer = decode(data), layer_of(data)
    anchors = scene.anchors
    content = struct.pack(f"<{scene.grid.numel()}i", *scene.grid.flatten().tolist())
    for array in (anchors.feature, anchors.offset, anchors.scaling, anchors.mask, layer.feature):
        content += struct.pack(f"<{array.numel()}f", *array.flatten().tolist())
    content += struct.pack(f"<{len(layer.label)}i", *layer.label.tolist())
    content += struct.pack("<i12si", 12, b"some encoder", 3)
    for thing in layer.objects:
        assert thing.embedding is not None
        content += struct.pack("<ii8si", thing.id, 8, thing.name.encode(), thing.anchors)
        content += struct.pack("<9f", *thing.centre, *thing.lowest, *thing.highest)
        content += struct.pack("<i6f", 6, *thing.feature) + struct.pack("<i16f", 16, *thing.embedding)
    assert scene.digest() == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "change",
    [{"name": "other"}, {"anchors": 7}, {"centre": (0.0, 0.0, 0.5)}, {"feature": (1.0,) * 6}, {"embedding": None}],
    ids=lambda change: next(iter(change)),
)
def test_the_digest_tells_objects_apart(coded, change: dict):
    scene = decode(coded[1].data)
    assert scene.semantics is not None
    first, *others = scene.semantics.objects
    objects = (dataclasses.replace(first, **change), *others)
    other = dataclasses.replace(scene, semantics=dataclasses.replace(scene.semantics, objects=objects))
    assert other.digest() != scene.digest()


def test_cut_anywhere_in_the_semantic_layer_is_colour_only(small):
    container = read_container(small)
    first = next(entry for entry in container.entries if entry.info.layer == Layer.SEMANTIC)
    colour = decode(small, semantics=False).digest()
    for number, length in enumerate([*range(first.offset, len(small), 41), len(small) - 1]):
        with types_sampled(number):
            scene = decode(small[:length])
        assert scene.semantics is None and scene.truncated and scene.digest() == colour
    with pytest.raises(FormatError, match="only the semantic layer may be missing"):
        decode(small[: first.offset - 1])


def test_a_missing_section_of_a_whole_file_is_refused(small):
    sections = read_container(small).sections()
    for kind in ("NETS", "LABL", "SEMA"):
        rest = [section for section in sections if section.info.kind != kind]
        with pytest.raises(FormatError, match=kind):
            decode(pack(rest, read_container(small).header.rows))


def test_every_flipped_bit_of_the_layer_is_noticed(small):
    first = next(entry for entry in read_container(small).entries if entry.info.layer == Layer.SEMANTIC)
    dice = random.Random(0)
    for number in range(200):
        damaged = bytearray(small)
        damaged[dice.randrange(first.offset, len(small))] ^= 1 << dice.randrange(8)
        with types_sampled(number), pytest.raises(FormatError):
            decode(bytes(damaged))


@pytest.mark.parametrize("kind", ["NETS", "LABL", "SEMA"])
def test_bodies_with_repaired_checksums_are_refused_or_the_same(small, kind: str):
    """The container's checksums cannot see these: the sections' own checks must."""
    container, expected = read_container(small), decode(small).digest()
    sections, refused = container.sections(), 0
    place = next(i for i, section in enumerate(sections) if section.info.kind == kind)
    for number, body in enumerate(mutations(bytes(sections[place].body), 100, seed=5)):
        changed = [*sections]
        changed[place] = Section(sections[place].info, body or b"\0")
        try:
            with types_sampled(number):
                assert decode(pack(changed, container.header.rows)).digest() == expected
        except FormatError:
            refused += 1
    assert refused > 90


def test_a_changed_network_misses_the_known_answer(coded, monkeypatch):
    from csgaussian_ns.format.networks import hyperprior

    real = hyperprior.integer_steps
    monkeypatch.setattr(hyperprior, "integer_steps", lambda raw: real(raw) + (raw.shape[1] == 1))
    with pytest.raises(FormatError, match=r"SEMA chunk 0.* known answer"):
        decode(coded[1].data)
    assert decode(coded[1].data, semantics=False).semantics is None


def test_limits_hold_for_semantics_too():
    scene = with_semantics(random_scene(300, feature_dim=1, num_offsets=1, carm_dim=0, kept=1.1))
    wide = torch.zeros(len(scene.grid), 32)
    entropy = new_model("inr", semantic_layout(32, 1.0), Widths(8))
    semantics = dataclasses.replace(scene.semantics, feature=wide, entropy=entropy)
    data = encode(dataclasses.replace(scene, semantics=semantics)).data
    limits = DecodeLimits(max_symbols_per_chunk=20 * len(scene.grid))
    with pytest.raises(LimitExceeded, match=r"SEMA.*max_symbols_per_chunk"):
        decode(data, limits)


def test_memory_of_the_layer_counts():
    scene = with_semantics(random_scene(800, feature_dim=1, num_offsets=1, carm_dim=0, kept=1.1))
    plain = encode(dataclasses.replace(scene, semantics=None), chunk_anchors=50).data
    data = encode(scene, chunk_anchors=50).data
    count = len(decode(plain).grid)
    colour = count * (1 + 6 + 3 + 1 + 6) * 4
    limits = DecodeLimits(max_memory_bytes=colour + 1000)
    assert len(decode(plain, limits).grid) == len(decode(data, limits, semantics=False).grid) == count
    with pytest.raises(LimitExceeded, match=r"the decoded scene.*max_memory_bytes"):
        decode(data, limits)
    layer = count * (6 * 4 + 8) + 3 * (9 + 6 + 16) * 32
    assert layer_of(data, limits=DecodeLimits(max_memory_bytes=colour + layer)).feature.shape == (count, 6)


def test_embeddings_count_before_they_are_unpacked():
    scene = with_semantics(random_scene(300), objects=3)
    texts = np.random.default_rng(0).normal(size=(len(scene.semantics.names), 4096))
    data = encode(dataclasses.replace(scene, semantics=dataclasses.replace(scene.semantics, embeddings=texts))).data
    with pytest.raises(LimitExceeded, match=r"the decoded scene.*max_memory_bytes"):
        decode(data, DecodeLimits(max_memory_bytes=3 * 4096 * 32))
    objects = layer_of(data, limits=DecodeLimits(max_memory_bytes=1 << 21)).objects
    assert [len(thing.embedding or ()) for thing in objects] == [4096] * 3


def test_the_table_is_the_same_chunk_by_chunk():
    random = np.random.default_rng(1)
    labels, grid = random.integers(0, 5, 400), random.integers(-99, 99, (400, 3))
    values = random.integers(-(1 << 40), 1 << 40, (400, 3))
    sums = ObjectSums(4, 3)
    for first in range(0, 400, 70):
        rows = slice(first, first + 70)
        sums.add(labels[rows], grid[rows], values[rows])
    assert same_table(sums.table(), object_table(labels, grid, values, 4))
    own = labels == 3
    assert sums.table().anchors[2] == own.sum() and np.array_equal(sums.table().lowest[2], grid[own].min(axis=0))


def test_a_table_of_objects_that_the_labels_do_not_give_is_refused(small):
    container = read_container(small)
    sections = container.sections()
    from csgaussian_ns.format.bodies import content_of, packed_section

    place = next(i for i, section in enumerate(sections) if section.info.kind == "LABL")
    table, texts = read_objects(content_of(container, "LABL"), 6, container.header.rows)
    other = dataclasses.replace(table, anchors=table.anchors - 1)
    sections[place] = packed_section("LABL", write_objects(other, texts))
    with pytest.raises(FormatError, match="not those that the labels"):
        decode(pack(sections, container.header.rows))


def test_nan_is_refused_by_name():
    scene = with_semantics(random_scene(50))
    scene.semantics.feature[3, 2] = float("nan")
    with pytest.raises(QuantisationError, match=r"semantics\.feature holds 1"):
        encode(scene)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": torch.full((2995,), 2)}, r"0 or all of 1\.\.N"),
        ({"names": ("one",)}, "objects, but"),
        ({"names": ("a", "b", "c\n")}, "control"),
        ({"names": ("a", "b", "c" * 256)}, "255 bytes"),
        ({"embeddings": np.full((3, 4), np.inf)}, "finite"),
        ({"text_encoder": ""}, "name their encoder"),
    ],
)
def test_a_writer_refuses_what_does_not_fit(coded, change, message: str):
    scene = coded[0]
    with pytest.raises(ValueError, match=message):
        encode(dataclasses.replace(scene, semantics=dataclasses.replace(scene.semantics, **change)))


def objects_and_bytes():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    table = object_table(labels, random.integers(-50, 50, (60, 3)), random.integers(-(1 << 20), 1 << 20, (60, 6)), 2)
    texts = ObjectTexts.of(("", "müde"), np.array([[0.0, 0, 0], [1.0, -2, 0.5]]), "encoder")
    return table, texts, write_objects(table, texts)


def test_objects_without_embedding_beside_one_with():
    table, _, data = objects_and_bytes()
    again, found = read_objects(data, 6, 60)
    assert all(np.array_equal(a, b) for a, b in zip(table.columns(), again.columns(), strict=True))
    assert found.names == ("", "müde") and found.encoder == "encoder" and found.embeddings[0] is None
    assert [x for vector in found.embeddings[1:] if vector is not None for x in vector] == [64, -127, 32]


def test_bytes_of_objects_that_cannot_be():
    _, _, data = objects_and_bytes()
    for length in range(len(data)):
        with pytest.raises(FormatError, match="LABL"):
            read_objects(data[:length], 6, 60)
    with pytest.raises(FormatError, match="1 bytes too many"):
        read_objects(data + b"\0", 6, 60)
    with pytest.raises(FormatError, match="of 20 to 20 anchors, all in 39"):
        read_objects(data, 6, 39)
    with pytest.raises(FormatError, match="not UTF-8"):
        read_objects(data.replace("ü".encode(), b"\xff\xff"), 6, 60)
    with pytest.raises(FormatError, match="control characters"):
        read_objects(data.replace("ü".encode(), b"\x1b["), 6, 60)
    for damaged in mutations(data, 500, seed=2):
        try:
            read_objects(damaged, 6, 60)
        except FormatError:
            continue


def test_load_takes_the_same_option(coded, tmp_path: Path):
    file = tmp_path / "scene.csg"
    file.write_bytes(coded[1].data)
    assert csgaussian_ns.load(file, semantics=False).semantics is None
    assert csgaussian_ns.load(file).semantics is not None
