"""The decoder in web/ against this package, in Node and in Chromium: files of every kind, and damaged ones."""

import json
import math
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.gaussians.read import decode_gaussians
from tests.format.fuzzing import LIMITS, bodies_of, damaged, front_of
from tests.format.surgery import inflated_sections, with_checksums
from tests.web.engines import NODE, ROOT, WEB, DecoderPage, decoded_by_node, decoder_page, why_not
from tests.web.made_files import gaussians, made_files

GOLDEN = ROOT / "tests" / "golden"
VECTORS = ROOT / "csgaussian_ns" / "format" / "vectors"
DIGESTS = json.loads((GOLDEN / "digests.json").read_text())
TORCHAC = "v1_torchac.csg"
"""Coded by what the decoder leaves out."""
MUTATIONS = 1500
OF_NODE = ("golden", "vectors", "streams", "networks", "container", "meta", "hostile")
"""Tests of the decoder itself that need nothing of Node."""
ENGINES = [
    pytest.param(name, marks=[pytest.mark.skipif(bool(why_not(name)), reason=why_not(name)), *marks])
    for name, marks in (("node", []), ("chromium", [pytest.mark.browser]))
]

Decoded = Callable[[Sequence[bytes], float], list[dict[str, Any]]]
"""What the decoder says of files, within so many seconds."""


@pytest.fixture(scope="module")
def page() -> Iterator[DecoderPage]:
    if why_not("chromium"):
        pytest.skip(why_not("chromium"))
    with decoder_page() as page:
        yield page


@pytest.fixture(params=ENGINES)
def decoded(request: pytest.FixtureRequest, tmp_path: Path) -> Decoded:
    if request.param == "node":
        return lambda files, timeout: decoded_by_node(files, tmp_path, timeout)
    return request.getfixturevalue("page").decoded


def decoded_here(data: bytes) -> dict[str, Any]:
    """The same by this package."""
    try:
        scene = csgaussian_ns.load(data, limits=LIMITS)
    except CsgError as error:
        return {"error": type(error).__name__, "message": str(error)}
    solidity = [round(8 * math.log2(thing.solidity)) for thing in scene.original.objects]
    tree = scene.original.semantics.tree if scene.original.semantics is not None else None
    told = {} if tree is None else {"tree": [list(own) for own in tree.members()]}
    return {"rows": len(scene), "digest": scene.digest(), "cut": scene.truncated, "solidity": solidity, **told}


@pytest.fixture(scope="module")
def files() -> dict[str, tuple[bytes, dict[str, Any]]]:
    """Files of every kind, made now, golden, and of the vectors, and what this package decodes each to."""
    golden = {path.name: path.read_bytes() for path in GOLDEN.glob("*.csg") if path.name != TORCHAC}
    vectors = {path.name: json.loads(path.read_text()) for path in VECTORS.glob("*.json")}
    whole = {name: bytes.fromhex(told["file"]) for name, told in vectors.items() if "file" in told}
    made = dict(made_files())
    assert len(made) >= 50 and len(golden) == len(DIGESTS) - 1 and len(whole) == 5
    return {name: (data, decoded_here(data)) for name, data in {**made, **golden, **whole}.items()}


@pytest.fixture(scope="module")
def damages() -> list[tuple[bytes, dict[str, Any]]]:
    """Damaged files, and what this package says of them."""
    samples = [path.read_bytes() for path in sorted(GOLDEN.glob("*.csg")) if path.name != TORCHAC]
    samples += [inflated_sections(data) for data in samples if "gaussians" not in str(data)]
    mutations = []
    for number in range(MUTATIONS):
        dice = random.Random(f"web:{number}")
        sample = samples[number % len(samples)]
        regions = (front_of, bodies_of)[number % 5 > 0](sample)
        mutations.append(with_checksums(damaged(sample, tuple(samples), regions, dice)))
    mutations += [sample[: len(sample) * part // 7] for sample in samples for part in range(7)]
    return [(data, decoded_here(data)) for data in mutations]


@pytest.mark.slow
def test_files_of_every_kind_decode_to_the_same(files: dict[str, tuple[bytes, dict[str, Any]]], decoded: Decoded):
    found = dict(zip(files, decoded([data for data, _ in files.values()], 100), strict=True))
    for name, (_, expected) in files.items():
        told = {key: value for key, value in found[name].items() if value is not None}
        if told["representation"] == "group":  # its parts have the objects
            told = expected | told
        assert {key: told.get(key) for key in expected} == expected, (name, found[name])
    assert {name: found[name]["digest"] for name in DIGESTS if name != TORCHAC} == {
        name: known["content"] for name, known in DIGESTS.items() if name != TORCHAC
    }
    assert found["solid objects"]["solidity"] == [0, 8, 16, 24, 32][: len(found["solid objects"]["solidity"])] != []
    assert found["wholes"]["tree"] == [[1], [2], [3], [1, 3], [1, 2, 3]]
    assert found["edited"]["edits"] == ["move", "rotate", "scale", "recolour", "rename", "keep", "remove", "crop"]
    assert found["group"]["representation"] == "group" and found["cut"]["cut"] is True


@pytest.mark.slow
def test_damaged_files_give_typed_errors_or_the_same_scene(
    damages: list[tuple[bytes, dict[str, Any]]], decoded: Decoded
):
    found = decoded([data for data, _ in damages], 300)
    assert [answer for answer in found if "crash" in answer] == [] and len(found) == len(damages)
    assert [
        (number, answer, expected)
        for number, (answer, (_, expected)) in enumerate(zip(found, damages, strict=True))
        if any(answer.get(key, expected.get(key)) != expected.get(key) for key in ("digest", "solidity", "tree"))
        or ("digest" in answer) != ("digest" in expected)
    ] == []


@pytest.mark.browser
def test_chromium_passes_the_tests_of_the_decoder(page: DecoderPage):
    """All vectors of FORMAT.md, and hostile bytes, with the very tests of Node."""
    found = dict(page.done("tests", f"window.runTests({json.dumps([f'{name}.test.mjs' for name in OF_NODE])})", 120))
    assert {name: fault for name, fault in found.items() if fault} == {}
    assert len(found) >= 50 and "positions" in found and f"{sorted(DIGESTS)[0]} decodes to its digest" in found


@pytest.mark.browser
def test_workers_and_streams_decode_golden_files_in_chromium(page: DecoderPage):
    addresses = [f"/tests/golden/{name}" for name in sorted(DIGESTS)]
    found = dict(zip(sorted(DIGESTS), page.done("otherwise", f"window.decodeOtherwise({addresses})", 60), strict=True))
    for answer in found.pop(TORCHAC):
        assert answer.startswith("UnsupportedVersion: ") and "torchac" in answer
    assert found == {name: [known["content"]] * 2 for name, known in DIGESTS.items() if name != TORCHAC}


@pytest.mark.skipif(bool(why_not("node")), reason=why_not("node"))
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_plain_gaussians_are_those_of_this_package(tmp_path: Path, degree: int):
    data = gaussians(60, degree)
    (tmp_path / "scene.csg").write_bytes(data)
    program = f"""
        import {{ readFileSync }} from "node:fs";
        import {{ Decoder, plainGaussians }} from "{(WEB / "dist" / "index.js").as_uri()}";
        const scene = Decoder.createSync().decode(new Uint8Array(readFileSync("scene.csg")));
        const {{ means, quats, scales, opacities, harmonics }} = plainGaussians(scene);
        console.log(JSON.stringify([means, quats, scales, opacities, harmonics].map((array) => [...array])));
    """
    command = [NODE or "node", "--input-type=module", "--eval", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
    arrays = decode_gaussians(read_container(data), LIMITS).arrays
    unit = arrays.quats / np.linalg.norm(arrays.quats, axis=1, keepdims=True)
    for found, expected in zip(json.loads(done.stdout), arrays._replace(quats=unit), strict=True):
        assert np.allclose(np.reshape(found, expected.shape), expected, rtol=1e-6, atol=1e-7)
