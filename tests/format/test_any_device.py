"""One file, one SHA-256: any arithmetic, threads, batches, BLAS kernels, with and without numba, on CPU and GPU."""

from functools import partial
from pathlib import Path

import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.format.decode import decode
from tests.codec.scenes import random_scene
from tests.format.processes import run_python
from tests.format.variants import by_torch, digests, networks_by

ENVIRONMENTS = {
    "as it is": {},
    "Haswell, 4 threads, compatible MKL": {
        "OPENBLAS_CORETYPE": "Haswell",
        "OMP_NUM_THREADS": "4",
        "MKL_CBWR": "COMPATIBLE",
    },
    "Sandybridge, no vectors": {
        "OPENBLAS_CORETYPE": "Sandybridge",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OMP_NUM_THREADS": "1",
    },
    "interpreted kernels": {"NUMBA_DISABLE_JIT": "1"},
}


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(random_scene(60, feature_dim=10, num_offsets=3, kept=0.7), chunk_anchors=20).data


def test_in_this_process(data: bytes):
    found = digests(data)
    assert len(found) == 18 and set(found.values()) == {decode(data).digest()}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_in_other_processes(data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    (tmp_path / "scene.csg").write_bytes(data)
    for variable, value in ENVIRONMENTS[name].items():
        monkeypatch.setenv(variable, value)
    program = f"sys.argv = ['', {str(tmp_path / 'scene.csg')!r}]\n"
    program += "import runpy; runpy.run_module('tests.format.variants', run_name='__main__')"
    assert run_python(program, torch=True).split() == ["18", decode(data).digest()]


def test_without_numba(data: bytes, tmp_path: Path):
    (tmp_path / "scene.csg").write_bytes(data)
    program = "from csgaussian_ns.format.decode import decode\n"
    program += f"print(decode({str(tmp_path / 'scene.csg')!r}).digest())"
    assert run_python(program, numba=False).strip() == decode(data).digest()


def test_the_digest_tells_one_unit(data: bytes):
    """What all these comparisons rest on: a difference of one unit in one value of the scene shows."""
    decoded = decode(data)
    before = decoded.digest()
    decoded.anchors.feature[5, 3] += 1 / 65536
    assert decoded.digest() != before


@pytest.mark.gpu
def test_networks_on_cuda(data: bytes):
    for file in (data, encode(random_scene(20_000)).data):
        expected = decode(file).digest()
        for arithmetic in ("auto", "float32", "float64"):
            with networks_by(partial(by_torch, device="cuda")):
                assert decode(file, arithmetic=arithmetic).digest() == expected
