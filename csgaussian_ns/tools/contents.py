"""What a ``.csg`` file holds, told without decoding it: the work of ``csg info``."""

import math
from dataclasses import asdict
from typing import TYPE_CHECKING

from csgaussian_ns.core.texts import shortened
from csgaussian_ns.tools.terminal import tell, tell_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csgaussian_ns.core.edits import Edit
    from csgaussian_ns.core.object_tree import ObjectTree
    from csgaussian_ns.core.semantic_layer import SceneObject
    from csgaussian_ns.format.container import Container

MOST_SHOWN = 2000
"""Characters of one fact."""
CUT = "cut after the colours: semantics are missing"


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
    told, semantics, parts = facts_of(content_of(container, "META")), None, {}
    meta = known_facts(container)
    if meta is not None:
        told, semantics = meta.to_json(), _describe_semantics(container, meta.unit)
    elif is_group(container):
        semantics = _objects_of_group(container)
        parts = {"parts": _parts(container)}
    return {
        "bytes": container.header.file_length - missing,
        "anchors": container.header.rows,
        "chunks": len(container.of_kind("POSI")),
        "truncated": container.truncated,
        "sections": sections,
        "representation": representation_of(container),
        "meta": told,
        "semantics": semantics,
        **parts,
        "edits": [as_facts(edit) for edit in _edits(container)],
    }


def _parts(container: "Container") -> list[dict]:
    """What is in each file of a group, and where it stands."""
    from csgaussian_ns.core.edits import as_facts
    from csgaussian_ns.format.facts import representation_of
    from csgaussian_ns.format.groups import count_objects, group_meta_of, parts_of
    from csgaussian_ns.format.limits import DEFAULT_LIMITS
    from csgaussian_ns.format.representations import known_facts

    described = []
    placements, parts = group_meta_of(container).placements, parts_of(container, DEFAULT_LIMITS)
    for part, placement in zip(parts, placements, strict=True):
        meta = known_facts(part)
        described.append(
            {
                "name": "" if meta is None else meta.name,
                "representation": representation_of(part),
                "bytes": part.header.file_length,
                "rows": part.header.rows,
                "placement": asdict(placement),
                "objects": count_objects(part, DEFAULT_LIMITS),
                "edits": [as_facts(edit) for edit in _edits(part)],
            }
        )
    return described


def tell_contents(name: str, container: "Container", facts: dict) -> None:
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
        if fact == "placements":
            continue  # told part by part
        told = shortened(value if isinstance(value, str) else _rounded(value), MOST_SHOWN)
        tell(f"{fact:12} {told}")
    if "parts" in facts:
        _tell_parts(container, facts["parts"])
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


def _describe_semantics(container: "Container", unit: float) -> dict | None:
    from csgaussian_ns.format.kinds import Layer

    if all(entry.info.layer < Layer.SEMANTIC for entry in container.entries):
        return None
    from csgaussian_ns.format.semantics import read_semantic_facts  # loads numpy

    facts = read_semantic_facts(container)
    if facts is None:
        return None
    objects, edits = facts.objects(unit, embeddings=False), _edits(container)
    if edits:
        from csgaussian_ns.semantic.edited_objects import objects_after

        objects = objects_after(objects, edits)
    features = {"channels": facts.layout.channels, "base_step": facts.layout.base_steps[0]}
    return features | _described(objects, [container]) | _wholes(facts.tree, objects)


def _described(objects: "Sequence[SceneObject]", files: "Sequence[Container]") -> dict:
    """Objects, and what is known of their texts: vectors of several encoders cannot be compared, so none is then."""
    from csgaussian_ns.format.semantics import read_semantic_facts

    texts, known, start = [], set[int](), 0
    for file in files:
        facts = read_semantic_facts(file)
        if facts is not None:
            vectors = facts.texts.embeddings
            known |= {start + number for number, vector in enumerate(vectors, 1) if vector is not None}
            texts += [(facts.texts.encoder, len(vector)) for vector in vectors if vector is not None][:1]
            start += len(vectors)
    encoder, channels = texts[0] if len(set(texts)) == 1 else ("", 0)
    described = [asdict(thing) | {"embedding": bool(encoder) and thing.id in known} for thing in objects]
    return {"text_encoder": encoder, "text_channels": channels, "objects": described}


def _wholes(tree: "ObjectTree | None", objects: "Sequence[SceneObject]") -> dict:
    """What objects are parts of: the number of each whole, its parts, and which of its objects there are."""
    there = {thing.id for thing in objects}
    members = [] if tree is None else tree.members()
    rows = (
        [
            {"id": node, "parts": list(tree.parts_of(node)), "objects": sorted(there & set(members[node - 1]))}
            for node in range(tree.objects + 1, len(tree.parents) + 1)
        ]
        if tree is not None
        else []
    )
    return {"wholes": rows} if rows else {}


def _rows_of(facts: dict) -> str:
    """What the rows of a file are called."""
    if facts["representation"] == "group":
        return f"rows of {facts['sections']['PART']['count']} scenes"
    return facts["representation"]


def _tell_parts(container: "Container", parts: list[dict]) -> None:
    from csgaussian_ns.core.edits import in_words
    from csgaussian_ns.format.groups import parts_of
    from csgaussian_ns.format.limits import DEFAULT_LIMITS

    rows, edits = [], []
    for number, (part, file) in enumerate(zip(parts, parts_of(container, DEFAULT_LIMITS), strict=True), 1):
        count = f"{part['rows']:,} {part['representation']}"
        rows.append((str(number), part["name"], count, f"{part['bytes']:,}", str(part["objects"]), _placed(part)))
        edits += [(str(number), str(n), in_words(edit)) for n, edit in enumerate(_edits(file), 1)]
    tell_table(("scene", "name", "rows", "bytes", "objects", "placed"), rows)
    if edits:
        tell_table(("scene", "edit", "what was done, by its own numbers"), edits)


def _placed(part: dict) -> str:
    """Where a part stands, in words."""
    factor, (w, *axis), shift = (part["placement"][name] for name in ("factor", "turn", "shift"))
    sine = math.hypot(*axis)
    degrees = math.degrees(2 * math.atan2(sine, w))
    words = [f"scaled by {factor:.4g}"] if abs(factor - 1) > 1e-9 else []
    words += [f"turned by {degrees:.4g} degrees around {_vector([x / sine for x in axis])}"] if sine > 1e-9 else []
    words += [f"moved by {_vector(shift)}"] if any(shift) else []
    return ", ".join(words) or "as it is"


def _objects_of_group(container: "Container") -> dict | None:
    from csgaussian_ns.format.groups import parts_of
    from csgaussian_ns.format.limits import DEFAULT_LIMITS
    from csgaussian_ns.receiver.listed import objects_of_file, tree_of_file
    from csgaussian_ns.semantic.edited_objects import objects_after

    listed = objects_of_file(container)
    if listed is None:
        return None
    objects = objects_after(listed, _edits(container))
    return (
        {"channels": 0, "base_step": 0.0}
        | _described(objects, parts_of(container, DEFAULT_LIMITS))
        | _wholes(tree_of_file(container), objects)
    )


def _tell_objects(semantics: dict, called: str) -> None:
    known = sum(thing["embedding"] for thing in semantics["objects"])
    text = f"text vectors of {known} of them, {semantics['text_channels']} numbers by {semantics['text_encoder']}"
    features = f", features of {semantics['channels']} channels" if semantics["channels"] else ""
    tell(f"{len(semantics['objects'])} objects{features}{f', {text}' if known else ''}")
    rows = []
    for thing in semantics["objects"]:
        size = [high - low for low, high in zip(thing["lowest"], thing["highest"], strict=True)]
        known = "yes" if thing["embedding"] else ""
        vectors = map(_vector, (thing["centre"], size))
        rows.append((str(thing["id"]), thing["name"], f"{thing['anchors']:,}", *vectors, known))
    if rows:
        tell_table(("object", "name", called, "centre", "size", "text"), rows)
    wholes = semantics.get("wholes", [])
    if wholes:
        names = {thing["id"]: f"{thing['id']} {thing['name']}".strip() for thing in semantics["objects"]}
        parts = [", ".join(names[number] for number in whole["objects"]) for whole in wholes]
        tell_table(("whole", "objects"), [(str(whole["id"]), own) for whole, own in zip(wholes, parts, strict=True)])


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
