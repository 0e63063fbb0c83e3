"""Writes the test vectors of FORMAT.md, csgaussian_ns/format/vectors: what a decoder in another language compares with.

They come from golden files and from small inputs made here, so they change only where the format does.

    python scripts/make_vectors.py
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.core.edits import Crop, Keep, Move, Recolour, Remove, Rename, Rotate, Scale, Target
from csgaussian_ns.core.object_tree import ObjectTree
from csgaussian_ns.core.similarity import Similarity
from csgaussian_ns.format.attributes import ChannelLayout
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.byte_reader import ByteReader
from csgaussian_ns.format.coded_file import open_coded
from csgaussian_ns.format.container import Container, read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.edit_bytes import read_edits, write_edits
from csgaussian_ns.format.edits import binding_of
from csgaussian_ns.format.gaussians.read import CodedGaussians
from csgaussian_ns.format.meta import meta_of
from csgaussian_ns.format.networks.fixed_point import evaluate
from csgaussian_ns.format.networks.hyper_carm import IntegerHyperCarm
from csgaussian_ns.format.networks.hyperprior import write_hyperprior
from csgaussian_ns.format.networks.model import ChannelPrior, Coding, IntegerModel
from csgaussian_ns.format.networks.near import Neighbourhood, find_near, seen
from csgaussian_ns.format.networks.neighbours import IntegerNeighbours
from csgaussian_ns.format.networks.network_bytes import to_bytes
from csgaussian_ns.format.networks.requantise import requantise
from csgaussian_ns.format.networks.spacing import spacing
from csgaussian_ns.format.object_bytes import write_tree
from csgaussian_ns.format.semantic_chunks import open_semantics
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.labels import decode_labels, encode_labels
from csgaussian_ns.format.streams.offset_masks import decode_masks, encode_masks
from csgaussian_ns.format.streams.positions import decode_positions, encode_positions
from csgaussian_ns.format.streams.splat_rows import decode_rows, encode_rows
from csgaussian_ns.format.streams.symbol_tables import load_tables
from csgaussian_ns.receiver.load import load
from csgaussian_ns.receiver.merge import merged
from csgaussian_ns.receiver.scene import LoadedScene

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
VECTORS = ROOT / "csgaussian_ns" / "format" / "vectors"
ENCODINGS = ("inr", "factorised", "triplane", "hashgrid")


class Recording(Coding):
    """Reads symbols, and keeps all that is known of each group."""

    def __init__(self, coded: np.ndarray, reader: rans.Decoder) -> None:
        super().__init__(coded)
        self._reader, self.groups, self._where = reader, [], (0, 0)

    def code(self, prior: ChannelPrior, channels: slice, rows: Any) -> None:
        """As of ``Coding``."""
        self._where = channels.start, channels.stop
        super().code(prior, channels, rows)

    def exchange(self, prior: ChannelPrior, picked: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Read, and keep."""
        symbols = self._reader.take(prior.table).astype(np.int64)
        known = {name: values.tolist() for name, values in prior._asdict().items()}
        self.groups.append({"channels": self._where, **known, "symbols": symbols.tolist()})
        return symbols


def vectors() -> dict[str, Any]:
    """Content of each file by its name."""
    return {
        "positions.json": [_positions(points) for points in _clouds()],
        "masks.json": [_masks(count, slots) for count, slots in ((1, 1), (9, 3), (40, 10))],
        "labels.json": [_labels([], 0), _labels([1, 1, 2, 2, 2, 0, 3, 0, 3, 1], 3), _labels([5] * 20 + [0, 4], 5)],
        "symbols.json": _symbols(),
        "trees.json": [_tree(2, (1, 1, 0)), _tree(5, (1, 2, 1, 0, 2, 3, 3, 0))],
        "rows.json": [_rows(1, 10), _rows(7, 19), _rows(70, 10)],
        "hyperpriors.json": [_hyperprior(name) for name in ENCODINGS],
        "carm.json": _carm(),
        "neighbours.json": _neighbours(),
        "progressive.json": _progressive(),
        "edits.json": _edits(),
        "file.json": _file(GOLDEN / "v1_semantics.csg"),
        "gaussians.json": _gaussians(),
        "groups.json": _group(),
    }


def _clouds() -> list[np.ndarray]:
    random = np.random.default_rng(1)
    cube = random.integers(-40, 40, (60, 3))
    return [
        np.array([[5, -3, 8]]),
        np.array([[1, 0, 0], [9, 3, 4], [9, 3, 5], [15, 2, 1], [6, 7, 7], [2, 4, 6]]),
        np.unique(cube, axis=0),
        np.unique(cube // 2 * 16, axis=0),
    ]


def _positions(points: np.ndarray) -> dict[str, Any]:
    stream = encode_positions(points.astype(np.int32))
    return {"count": len(points), "points": decode_positions(stream, len(points)).tolist(), "stream": stream.hex()}


def _masks(count: int, slots: int) -> dict[str, Any]:
    masks = np.random.default_rng(count).random((count, slots)) < np.linspace(0.9, 0.1, slots)
    stream = encode_masks(masks)
    assert np.array_equal(decode_masks(stream, count, slots), masks)
    return {"masks": ["".join("01"[int(bit)] for bit in row) for row in masks], "stream": stream.hex()}


def _rows(count: int, channels: int) -> dict[str, Any]:
    random = np.random.default_rng(count)
    grid = random.integers(-9, 9, (count, 3)).astype(np.int32)
    values = np.rint(random.laplace(0, 5, (count, channels)) ** 3 / 50).astype(np.int32)
    stream = encode_rows(values, grid)
    assert np.array_equal(decode_rows(stream, grid, channels), values)
    return {"voxels": grid.tolist(), "values": values.tolist(), "stream": stream.hex()}


def _labels(labels: list[int], objects: int) -> dict[str, Any]:
    stream = encode_labels(np.array(labels, np.int32), objects)
    assert decode_labels(stream, len(labels), objects).tolist() == labels
    return {"objects": objects, "labels": labels, "stream": stream.hex()}


def _symbols() -> dict[str, Any]:
    random, tables = np.random.default_rng(3), load_tables()
    ids = random.integers(0, 176, 50).astype(np.uint8)
    symbols = np.rint(random.normal(size=50) * 2.0 ** (-4 + ids % 88 / 8)).astype(np.int32)
    symbols[[7, 20, 33]] = [2000, -70_000, (1 << 24) - 1]
    return {"tables": ids.tolist(), "symbols": symbols.tolist(), "stream": rans.encode(symbols, ids, tables).hex()}


def _model(container: Container) -> IntegerHyperCarm:
    return IntegerHyperCarm.from_bytes(content_of(container, "NETE"), meta_of(container).layout)


def _hyperprior(name: str) -> dict[str, Any]:
    container = read_container((GOLDEN / f"v1_{name}.csg").read_bytes())
    hyperprior = _model(container).hyperprior
    voxels = np.array([[0, 0, 0], [-7, 3, 2], [100, -100, 4], [1, 2, 3]])
    prior = hyperprior.prior(voxels)
    return {
        "encoding": name,
        "channels": list(hyperprior.layout.sizes),
        "bytes": write_hyperprior(hyperprior).hex(),
        "voxels": voxels.tolist(),
        "inputs": hyperprior.encoding(voxels).tolist(),
        **{part: values.tolist() for part, values in prior._asdict().items()},
    }


def _carm() -> dict[str, Any]:
    model = _model(read_container((GOLDEN / "v1_inr.csg").read_bytes()))
    network = model.carm[0]
    values = np.random.default_rng(5).integers(-1 << 20, 1 << 20, (3, network.num_inputs))
    inputs = requantise(values, *model.requantiser)
    return {
        "multiplier": model.requantiser[0],
        "shift": model.requantiser[1],
        "network": to_bytes(network).hex(),
        "values": values.tolist(),
        "inputs": inputs.tolist(),
        "outputs": evaluate(network, inputs).tolist(),
    }


def _neighbours() -> dict[str, Any]:
    """Who sees whom, what, and the file of a scene that is coded so."""
    container = read_container((GOLDEN / "v1_neighbours.csg").read_bytes())
    model, grid = open_coded(container).model, decode((GOLDEN / "v1_neighbours.csg").read_bytes()).grid
    assert isinstance(model, IntegerNeighbours) and model.across is not None
    voxels = np.unique(np.random.default_rng(6).integers(-6, 6, (40, 3)), axis=0)
    near = find_near(voxels, Neighbourhood(waves=4, most=3, reach=2))
    known = np.random.default_rng(7).integers(-511, 512, (len(voxels), 2))
    groups = _coded_by(model, container, grid)
    return {
        "selection": [4, 3, 2],
        "voxels": voxels.tolist(),
        **{name: values.tolist() for name, values in vars(near).items()},
        "known": known.tolist(),
        "seen": seen(near, np.arange(len(voxels)), known).tolist(),
        "file": (GOLDEN / "v1_neighbours.csg").read_bytes().hex(),
        "chunks": groups,
    }


def _progressive() -> dict[str, Any]:
    """Spacings, and the file of a scene whose scalings and offsets know the feature."""
    data = (GOLDEN / "v1_progressive.csg").read_bytes()
    container = read_container(data)
    return {
        "voxels": (voxels := _clouds()[2]).tolist(),
        "spacings": spacing(voxels).tolist(),
        "file": data.hex(),
        "chunks": _coded_by(open_coded(container).model, container, decode(data).grid),
    }


def _coded_by(model: IntegerModel, container: Container, grid: np.ndarray) -> list[dict[str, Any]]:
    meta, parts = meta_of(container), []
    for masks, colours in zip(container.chunks("MASK"), container.chunks("COLR"), strict=True):
        rows = grid[colours.info.first_row : colours.info.first_row + colours.info.rows]
        mask = decode_masks(container.read(masks).body, len(rows), meta.num_offsets)
        coded = meta.layout.coded(mask)
        parts.append(_groups(model, meta.layout, rows, coded, container.read(colours).body))
    return parts


def _edits() -> dict[str, Any]:
    target = Target((1, 3))
    edits = (
        Remove(Target((2,))),
        Keep(target),
        Move(target, (0.5, -1.0, 2.0)),
        Rotate(Target((3,)), (0.0, 0.0, 2.0), -90.0, (1.0, 2.0, 3.0)),
        Scale(Target((300,)), 1.5, (0.25, 0.0, 0.0)),
        Recolour(Target((1,)), (1.0, 0.5, 0.0)),
        Rename(Target((3,)), "Täßchen"),
        Crop((-1.0, -2.0, -3.0), (1.0, 2.0, 3.0)),
    )
    content = write_edits(bytes(16), edits)
    assert read_edits(content) == (bytes(16), edits)
    return {
        "scene": binding_of(read_container((GOLDEN / "v1_semantics.csg").read_bytes())).hex(),
        "content": content.hex(),
        "edits": [{"do": type(edit).__name__.lower(), **asdict(edit)} for edit in edits],
    }


def _tree(objects: int, parents: tuple[int, ...]) -> dict[str, Any]:
    """TREE, and the objects that each object and each whole is made of."""
    tree = ObjectTree(objects, parents)
    return {"objects": objects, "bytes": write_tree(tree).hex(), "members": tree.members()}


def _file(path: Path) -> dict[str, Any]:
    """A whole file, step by step, to a picture."""
    data = path.read_bytes()
    container, scene = read_container(data), load(data)
    meta, model, layout = meta_of(container), _model(container), meta_of(container).layout
    semantics = open_semantics(container)
    assert semantics is not None
    sections = [{**asdict(entry.info), "offset": entry.offset, "length": entry.length} for entry in container.entries]
    chunks = []
    for number, entries in enumerate(zip(*(container.chunks(kind) for kind in ("POSI", "MASK", "COLR")), strict=True)):
        bodies = [container.read(entry).body for entry in entries]
        grid = decode_positions(bodies[0], entries[0].info.rows)
        mask = decode_masks(bodies[1], len(grid), meta.num_offsets)
        chunk = {"points": grid.tolist(), "masks": mask.astype(int).tolist()}
        chunk["colour"] = _groups(model, layout, grid, layout.coded(mask), bodies[2])
        reader = ByteReader(container.read(semantics.entries[number]).body, "SEMA")
        stream, objects = reader.block(), len(semantics.facts.table)
        chunk["labels"] = decode_labels(reader.rest(), len(grid), objects).tolist()
        described = np.array(chunk["labels"]) > 0
        coded = np.broadcast_to(described[:, None], (len(grid), semantics.facts.layout.channels))
        rows = grid[described]
        chunk["semantics"] = _groups(semantics.model, semantics.facts.layout, rows, coded[described], stream)
        chunks.append(chunk)
    return {
        "file": data.hex(),
        "sections": sections,
        "chunks": chunks,
        "objects": [{k: v for k, v in asdict(thing).items() if k != "solidity"} for thing in scene.objects],
        "digest": scene.digest(),
        **_drawn(scene),
    }


def _gaussians() -> dict[str, Any]:
    """A file of plain Gaussians: its integers, what they stand for, and a picture."""
    scene = load((GOLDEN / "v1_gaussians.csg").read_bytes())
    assert isinstance(scene.coded, CodedGaussians)
    rows, arrays = scene.coded.rows, scene.coded.arrays
    return {
        "file": scene.data.hex(),
        "voxels": rows.grid.tolist(),
        "values": rows.values.tolist(),
        "arrays": {name: _short(values) for name, values in arrays._asdict().items()},
        "labels": scene.coded.named_arrays()["label"].tolist(),
        "digest": scene.digest(),
        **_drawn(scene),
    }


def _group() -> dict[str, Any]:
    """A file of anchors, edited, beside one of Gaussians."""
    anchors, gaussians = (load((GOLDEN / f"v1_{name}.csg").read_bytes()) for name in ("semantics", "gaussians"))
    edited = anchors.edited(Remove(Target((2,))))
    motions = [Similarity(), Similarity.about((1.0, 0.0, 0.0), (0.0, 0.0, 1.0), 90.0, 0.5)]
    scene = load(merged([edited.data, gaussians.data], motions, "normalised"))
    return {
        "file": scene.data.hex(),
        "placements": [asdict(motion) for motion in motions],
        "positions": _short(scene.position),
        "hidden": scene.hidden.astype(int).tolist(),
        "labels": [] if scene.semantics is None else scene.semantics.label.tolist(),
        "objects": [(thing.id, thing.name, thing.anchors) for thing in scene.objects],
        "digest": scene.digest(),
        **_drawn(scene),
    }


def _drawn(scene: LoadedScene) -> dict[str, Any]:
    """A view of it: the camera, what it sees, and the picture."""
    [camera] = scene.orbit(1, 16, 12).values()
    drawn, seen = scene.draw(camera), scene.seen(camera).gaussians
    return {
        "camera": {**asdict(camera), "world_to_camera": camera.world_to_camera.tolist()},
        "gaussians": {name: _short(values) for name, values in vars(seen).items()},
        "image": _short(drawn.image),
        "alpha": _short(drawn.alpha[..., 0]),
    }


def _groups(
    model: IntegerModel, layout: ChannelLayout, grid: np.ndarray, coded: np.ndarray, stream: bytes | memoryview
) -> dict[str, Any]:
    recording = Recording(coded, rans.Decoder(stream, load_tables()))
    model.walk(grid, recording)
    values = recording.finish()
    return {"groups": recording.groups, "values": values.tolist(), "attributes": _short(layout.real_values(values))}


def _short(values: np.ndarray) -> Any:
    """Real numbers to six digits: their last bits may differ between machines."""
    return json.loads(json.dumps(values.tolist()), parse_float=lambda text: float(f"{float(text):.6g}"))


def text_of(content: Any) -> str:
    """As it is stored: one entry of the outermost list or object per line."""
    if isinstance(content, dict):
        lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in content.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"
    return "[\n" + ",\n".join(map(json.dumps, content)) + "\n]\n"


def main() -> None:
    """Write all files."""
    VECTORS.mkdir(exist_ok=True)
    for name, content in vectors().items():
        (VECTORS / name).write_text(text_of(content))
        print(f"{name}: {(VECTORS / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
