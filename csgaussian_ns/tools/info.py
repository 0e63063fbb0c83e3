"""``csg info``, ``csg verify``, ``csg decode``: what a ``.csg`` file holds, whether it is whole, its anchors."""

import math
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from csgaussian_ns.core.errors import ConfigError, FormatError, UnsupportedVersion
from csgaussian_ns.core.texts import counted, shortened
from csgaussian_ns.tools.answer import AsJson, answer
from csgaussian_ns.tools.inputs import SceneFile, name_of, open_file
from csgaussian_ns.tools.outputs import output_folder
from csgaussian_ns.tools.terminal import remark, tell, tell_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from csgaussian_ns.core.edits import Edit
    from csgaussian_ns.format.container import Container
    from csgaussian_ns.receiver.opened import Coded


MOST_SHOWN = 2000
"""Characters of one fact."""
CUT = "cut after the colours: semantics are missing"


@dataclass(frozen=True)
class Info:
    """Show what is inside a .csg file without decoding it, or which Gaussians a .ply file holds."""

    file: SceneFile
    json: AsJson = False

    def run(self) -> None:
        """Print the facts."""
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.scene.ply_magic import is_ply

        with open_file(self.file) as stream:
            if is_ply(stream):
                from csgaussian_ns.tools.ply_info import describe_ply, tell_ply

                facts = describe_ply(stream)
                words = partial(tell_ply, name_of(self.file), facts)
            else:
                container = read_container(stream)
                facts = describe(container)
                words = partial(_tell, name_of(self.file), container, facts)
            answer(self.json, {"file": name_of(self.file), **facts}, words)


@dataclass(frozen=True)
class Verify:
    """Decode a .csg file completely and check every checksum."""

    file: SceneFile
    json: AsJson = False

    def run(self) -> None:
        """Print one line if the file is whole; otherwise the error says where it is not."""
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.receiver.opened import Wanted
        from csgaussian_ns.receiver.representations import read

        began = time.perf_counter()
        with open_file(self.file) as stream:
            found = read(read_container(stream), Wanted())
        seconds, scene = time.perf_counter() - began, found.coded
        if scene is None:
            raise UnsupportedVersion(f"{name_of(self.file)}: of {found.rows} this version knows no checksums")
        if scene.truncated:
            raise FormatError(f"{name_of(self.file)}: {CUT}; fetch the rest, or use it as it is for its colours")
        facts = {
            "file": name_of(self.file),
            "whole": True,
            "representation": found.rows.lower(),
            "rows": len(scene),
            "objects": None if scene.semantics is None else len(scene.semantics.objects),
            "edits": len(scene.edits),
            "seconds": seconds,
            "content": scene.digest(),
        }
        objects = "" if facts["objects"] is None else f" and {facts['objects']} objects"
        objects += f" before {counted(len(scene.edits), 'edit')}" if scene.edits else ""
        words = (
            f"{name_of(self.file)}: whole, {len(scene):,} {found.rows}{objects} decoded in {seconds:.2f} s, "
            f"content {facts['content']}"
        )
        answer(self.json, facts, words)


@dataclass(frozen=True)
class Decode:
    """Write the anchors, or the Gaussians, of a .csg file as arrays."""

    file: SceneFile
    output: Annotated[Path, tyro.conf.arg(aliases=["-o"])]
    """NumPy archive (.npz) with position, feature, offset, scaling (log), mask, grid, and, where the file has
    semantics, semantic_feature and label; of Gaussians with means, quats, scales, opacities, harmonics, grid, label."""
    json: AsJson = False

    def run(self) -> None:
        """Decode and write; the archive appears when it is complete."""
        from csgaussian_ns.core.npz import write_npz
        from csgaussian_ns.format.container import read_container
        from csgaussian_ns.receiver.opened import Wanted
        from csgaussian_ns.receiver.representations import read

        if self.output.suffix.lower() != ".npz":
            raise ConfigError(f"-o {self.output}: expected a name that ends in .npz, for a NumPy archive")
        with open_file(self.file) as stream:
            found = read(read_container(stream), Wanted())
        if found.coded is None:
            raise UnsupportedVersion(f"{name_of(self.file)}: of {found.rows} this version writes no arrays")
        if found.edits:
            edits = counted(len(found.edits), "edit")
            remark(f"csg: {name_of(self.file)} has {edits}; these are its {found.rows} before any of them")
        with output_folder(self.output.parent):
            size = write_npz(self.output, _arrays(found.coded))
        facts = {
            "file": name_of(self.file),
            "output": str(self.output),
            "bytes": size,
            "representation": found.rows.lower(),
            "rows": len(found.coded),
            "edits_left_out": len(found.edits),
        }
        answer(self.json, facts, f"{self.output}: {len(found.coded):,} {found.rows}, {size / 1e6:.2f} MB")


def _arrays(coded: "Coded") -> "dict[str, np.ndarray]":
    """What was decoded, by name."""
    from csgaussian_ns.format.gaussians.read import CodedGaussians
    from csgaussian_ns.format.scene import CodedScene

    if isinstance(coded, CodedScene):
        names = ("position", "feature", "offset", "scaling", "mask")
        arrays = {name: getattr(coded.anchors, name) for name in names} | {"grid": coded.grid}
        known = {} if coded.semantics is None else {"semantic_feature": coded.semantics.feature}
    elif isinstance(coded, CodedGaussians):
        arrays, known = coded.arrays._asdict() | {"grid": coded.rows.grid}, {}
    else:
        raise ConfigError("the file is a group of scenes, whose rows have no arrays in common; decode its parts")
    return arrays | known | ({} if coded.semantics is None else {"label": coded.semantics.label})


def describe(container: "Container") -> dict:
    """Facts about an open file, for people and for JSON."""
    from csgaussian_ns.core.edits import as_facts
    from csgaussian_ns.format.bodies import content_of
    from csgaussian_ns.format.facts import facts_of, is_group, representation_of
    from csgaussian_ns.format.representations import known_facts

    sections: dict[str, dict[str, int]] = {}
    for entry in container.entries:
        found = sections.setdefault(entry.info.kind, {"count": 0, "bytes": 0})
        found["count"] += 1
        found["bytes"] += entry.length
    missing = sum(entry.end - entry.offset for entry in container.missing)
    used = sum(entry["bytes"] for entry in sections.values())
    sections["container"] = {"count": 1, "bytes": container.header.file_length - missing - used}
    told, semantics = facts_of(content_of(container, "META")), None
    meta = known_facts(container)
    if meta is not None:
        told, semantics = meta.to_json(), _describe_semantics(container, meta.voxel_size)
    elif is_group(container):
        semantics = _objects_of_group(container)
    return {
        "bytes": container.header.file_length - missing,
        "anchors": container.header.rows,
        "chunks": len(container.of_kind("POSI")),
        "truncated": container.truncated,
        "sections": sections,
        "representation": representation_of(container),
        "meta": told,
        "semantics": semantics,
        "edits": [as_facts(edit) for edit in _edits(container)],
    }


def _tell(name: str, container: "Container", facts: dict) -> None:
    """What ``describe`` found out about the file ``name``."""
    from csgaussian_ns.core.edits import in_words

    lost = ", and so are edits" if any(entry.info.kind == "EDIT" for entry in container.missing) else ""
    state = f"  ({CUT}{lost})" if facts["truncated"] else ""
    holds = f"{facts['anchors']:,} {_rows_of(facts)}{state}"
    tell(f"{name}  {facts['bytes'] / 1e6:.3f} MB, {holds}")
    rows = [
        (kind, str(entry["count"]), f"{entry['bytes']:,}", f"{100 * entry['bytes'] / facts['bytes']:.1f} %")
        for kind, entry in facts["sections"].items()
    ]
    tell_table(("section", "count", "bytes", "share"), rows)
    for fact, value in facts["meta"].items():
        told = shortened(value if isinstance(value, str) else _rounded(value), MOST_SHOWN)
        tell(f"{fact:12} {told}")
    if facts["semantics"] is not None:
        _tell_objects(facts["semantics"], _rows_of(facts).split()[0])
    edits = _edits(container)
    if edits:
        tell_table(("edit", "what was done"), [(str(n), in_words(edit)) for n, edit in enumerate(edits, 1)])


def _edits(container: "Container") -> "tuple[Edit, ...]":
    """What was edited. A cut file lacks it, as its state tells."""
    if container.truncated or not container.of_kind("EDIT"):
        return ()
    from csgaussian_ns.format.edits import edits_of  # loads numpy

    return edits_of(container)


def _describe_semantics(container: "Container", voxel_size: float) -> dict | None:
    from csgaussian_ns.format.kinds import Layer

    if all(entry.info.layer < Layer.SEMANTIC for entry in container.entries):
        return None
    from csgaussian_ns.format.semantics import read_facts  # loads numpy

    facts = read_facts(container)
    if facts is None:
        return None
    objects, edits = facts.objects(voxel_size, embeddings=False), _edits(container)
    if edits:
        from csgaussian_ns.semantic.edited_objects import objects_after

        objects = objects_after(objects, edits)
    described = [asdict(thing) | {"embedding": facts.texts.embeddings[thing.id - 1] is not None} for thing in objects]
    return {
        "channels": facts.layout.channels,
        "base_step": facts.layout.base_steps[0],
        "text_encoder": facts.texts.encoder,
        "objects": described,
    }


def _rows_of(facts: dict) -> str:
    """What the rows of a file are called."""
    if facts["representation"] == "group":
        return f"rows of {facts['sections']['PART']['count']} scenes"
    return facts["representation"]


def _objects_of_group(container: "Container") -> dict | None:
    from csgaussian_ns.receiver.listed import objects_of_file
    from csgaussian_ns.semantic.edited_objects import objects_after

    listed = objects_of_file(container)
    if listed is None:
        return None
    objects = [asdict(thing) | {"embedding": False} for thing in objects_after(listed, _edits(container))]
    return {"channels": 0, "base_step": 0.0, "text_encoder": "", "objects": objects}


def _tell_objects(semantics: dict, called: str) -> None:
    encoder = f", text by {semantics['text_encoder']}" if semantics["text_encoder"] else ""
    features = f", features of {semantics['channels']} channels" if semantics["channels"] else ""
    tell(f"{len(semantics['objects'])} objects{features}{encoder}")
    rows = []
    for thing in semantics["objects"]:
        size = [high - low for low, high in zip(thing["lowest"], thing["highest"], strict=True)]
        known = "yes" if thing["embedding"] else ""
        vectors = map(_vector, (thing["centre"], size))
        rows.append((str(thing["id"]), thing["name"], f"{thing['anchors']:,}", *vectors, known))
    if rows:
        tell_table(("object", "name", called, "centre", "size", "text"), rows)


def _vector(numbers: "Sequence[float]") -> str:
    """To three digits of the largest."""
    largest = max(map(abs, numbers))
    if largest and not 1e-3 <= largest < 1e5:
        return " ".join(f"{x:.1e}" for x in numbers)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest else 0
    return " ".join(f"{round(x, decimals) + 0.0:.{decimals}f}" for x in numbers)


def _rounded(value: object) -> str:
    """As Python writes it, numbers to four digits."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_rounded, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_rounded(entry)}' for name, entry in value.items())}}}"
    return repr(value)
