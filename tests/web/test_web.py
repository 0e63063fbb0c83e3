"""The decoder in web/ against this package: files of every kind, and damaged ones."""

import json
import random
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.gaussians.read import decode_gaussians
from tests.format.fuzzing import LIMITS, bodies_of, damaged, front_of
from tests.format.surgery import inflated_sections, with_checksums
from tests.web.made_files import gaussians, made_files

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
GOLDEN = ROOT / "tests" / "golden"
NODE = shutil.which("node")
LEAST_NODE = 20
MUTATIONS = 1500


def why_not() -> str:
    """Why the decoder cannot run here; empty if it can."""
    if NODE is None:
        return "no node: install Node 20 or newer"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version[1:].split(".")[0]) < LEAST_NODE:
        return f"node is {version.strip()}, the decoder needs {LEAST_NODE} or newer"
    return "" if (WEB / "dist" / "index.js").exists() else "web/dist is not built: run make web"


pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())


def decoded_by_node(files: Sequence[bytes], folder: Path, timeout: float) -> list[dict]:
    """What the decoder says of each file."""
    packed = folder / "files.bin"
    packed.write_bytes(b"".join(len(data).to_bytes(4, "little") + data for data in files))
    limits = {
        "maxFileBytes": LIMITS.max_file_bytes,
        "maxSections": LIMITS.max_sections,
        "maxRows": LIMITS.max_rows,
        "maxSymbolsPerChunk": LIMITS.max_symbols_per_chunk,
        "maxMemoryBytes": LIMITS.max_memory_bytes,
    }
    command = [NODE or "node", WEB / "scripts" / "digests.mjs", "--packed", packed, "--limits", json.dumps(limits)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def decoded_here(data: bytes) -> dict:
    """The same by this package."""
    try:
        scene = csgaussian_ns.load(data, limits=LIMITS)
    except CsgError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"rows": len(scene), "digest": scene.digest(), "cut": scene.truncated}


@pytest.mark.slow
def test_files_of_every_kind_decode_to_the_same(tmp_path: Path):
    files = dict(made_files())
    assert len(files) >= 50
    found = decoded_by_node(list(files.values()), tmp_path, timeout=100)
    for (name, data), answer in zip(files.items(), found, strict=True):
        expected = decoded_here(data)
        assert {key: answer.get(key) for key in expected} == expected, (name, answer)
    by_name = dict(zip(files, found, strict=True))
    assert by_name["edited"]["edits"] == ["move", "rotate", "scale", "recolour", "rename", "keep", "remove", "crop"]
    assert by_name["group"]["representation"] == "group" and by_name["cut"]["cut"] is True


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


@pytest.mark.slow
def test_damaged_files_give_typed_errors_or_the_same_scene(tmp_path: Path):
    samples = [path.read_bytes() for path in sorted(GOLDEN.glob("*.csg")) if "torchac" not in path.name]
    plain = [inflated_sections(data) for data in samples if "gaussians" not in str(data)]
    samples += plain
    mutations = []
    for number in range(MUTATIONS):
        dice = random.Random(f"web:{number}")
        sample = samples[number % len(samples)]
        regions = (front_of, bodies_of)[number % 5 > 0](sample)
        mutations.append(with_checksums(damaged(sample, tuple(samples), regions, dice)))
    mutations += [sample[: len(sample) * part // 7] for sample in samples for part in range(7)]
    found = decoded_by_node(mutations, tmp_path, timeout=300)
    differing = []
    for number, (data, answer) in enumerate(zip(mutations, found, strict=True)):
        assert "crash" not in answer, (number, answer)
        expected = decoded_here(data)
        if answer.get("digest") != expected.get("digest"):
            differing.append((number, answer, expected))
    assert differing == []
