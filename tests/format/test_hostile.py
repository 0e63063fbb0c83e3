"""Small files that ask for much work, memory or text: refused at once, with one short typed error."""

import itertools
import json
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.core.errors import CsgError, FormatError, LimitExceeded
from csgaussian_ns.core.texts import quoted
from csgaussian_ns.format import decode as module
from csgaussian_ns.format.bodies import content_of
from csgaussian_ns.format.container import pack, read_container
from csgaussian_ns.format.decode import decode
from csgaussian_ns.format.kinds import Run, info_of
from csgaussian_ns.format.layout import Section
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.format.streams.offset_masks import encode_masks
from csgaussian_ns.format.streams.positions import encode_positions
from csgaussian_ns.tools.contents import describe
from tests.codec.scenes import random_scene, with_semantics
from tests.format.processes import run_python
from tests.format.surgery import rewritten


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode(with_semantics(random_scene(60, kept=1.1)), chunk_anchors=40).data


def full_cube(edge: int, feature_dim: int) -> bytes:
    """A file of a few kB that promises a cube full of anchors, one offset each; its colours are noise."""
    grid = np.array(list(itertools.product(range(edge), repeat=3)), np.int32)
    common = read_container(encode(random_scene(20, feature_dim, 1, carm_dim=0)).data).sections()[:3]
    count, bits = len(grid), np.zeros((len(grid), 1), bool)
    masks_crc = zlib.crc32(np.packbits(bits).tobytes())
    chunk = [
        Section(info_of("POSI", Run(rows=count), decoded_crc=zlib.crc32(grid.tobytes())), encode_positions(grid)),
        Section(info_of("MASK", Run(rows=count), symbols=count, decoded_crc=masks_crc), encode_masks(bits)),
        Section(info_of("COLR", Run(rows=count), symbols=count * (feature_dim + 6)), bytes(64)),
    ]
    return pack([*common, *chunk], count)


def test_work_of_the_networks_is_bounded_for_all_anchors(data: bytes):
    channels = 20 + 6 + 12
    hyperprior = 63 + 63 * 16 + 16 * 16 + 16 * (2 * channels + 3)
    carm = sum(start * 8 + 8 * 2 * width for start, width in ((2, 4), (6, 6), (12, 8)))
    render = sum((20 + 4) * 8 + 8 * outputs * 4 for outputs in (1, 7, 3))
    semantic = 63 + 63 * 8 + 8 * 8 + 8 * (2 * 6 + 1)
    work = 60 * (hyperprior + carm + render + semantic)
    assert len(decode(data, DecodeLimits(max_network_operations=work)).grid) == 60
    with pytest.raises(LimitExceeded, match=rf"networks for 60 anchors: {work} is more than max_network_operations"):
        decode(data, DecodeLimits(max_network_operations=work - 1))
    with pytest.raises(LimitExceeded, match="networks for 20 anchors"):
        decode(data, DecodeLimits(max_network_operations=work // 3 - 1), chunks=[1])
    assert DEFAULT_LIMITS.max_network_operations >= (1 << 24) * 50_000  # ten times what trained networks take


def test_promises_that_the_bytes_cannot_keep_are_refused_before_memory_is_taken(data: bytes, monkeypatch):
    monkeypatch.setattr(module, "_Rows", None)  # where memory is taken
    sections = read_container(data).sections()
    (posi, _), (mask, _), (colr, _) = (
        [s for s in sections if s.info.kind == kind] for kind in ("POSI", "MASK", "COLR")
    )
    many = 1 << 22
    infos = [info_of("POSI", Run(rows=many)), info_of("MASK", Run(rows=many), symbols=4 * many)]
    infos.append(info_of("COLR", Run(rows=many), symbols=0))
    chunk = [Section(info, part.body) for info, part in zip(infos, (posi, mask, colr), strict=True)]
    wide = DecodeLimits(max_symbols_per_chunk=1 << 62, max_memory_bytes=1 << 62, max_network_operations=1 << 62)
    with pytest.raises(FormatError, match="section POSI chunk 0: 4194304 anchors cannot come from"):
        decode(pack([*sections[:3], *chunk], many), wide)


def test_memory_that_the_machine_does_not_have_is_a_limit(tmp_path: Path):
    (tmp_path / "cube.csg").write_bytes(full_cube(64, 200))
    assert (tmp_path / "cube.csg").stat().st_size < 40_000
    program = f"""
from csgaussian_ns.format.decode import decode
from csgaussian_ns.core.errors import LimitExceeded
size = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (100 << 20)
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try:
    decode({str(tmp_path / "cube.csg")!r}, threads=1)
except LimitExceeded as error:
    print(error)
"""
    assert "more memory than this machine gives" in run_python(program)


def test_facts_that_inflate_are_refused(data: bytes):
    facts = json.loads(content_of(read_container(data), "META"))
    content = json.dumps(facts | {"extra": {"a": [[]] * 5_000_000}}).encode()
    packed = zlib.compress(content, 9)
    assert len(content) > 1 << 24 > 400 * len(packed)
    with pytest.raises(FormatError, match=r"META: .*longer than 65536 bytes"):
        decode(rewritten(data, "META", packed, codec=1, decoded_crc=zlib.crc32(content)))


@pytest.mark.parametrize("field", ["voxel_size", "feature_dim", "name", "base_steps", "extra"])
def test_long_values_do_not_make_long_messages(data: bytes, field: str):
    facts = json.loads(content_of(read_container(data), "META")) | {field: "\x1b" * 9000}
    with pytest.raises(FormatError, match=f"META: '{field}'") as caught:
        decode(rewritten(data, "META", json.dumps(facts).encode()))
    assert len(str(caught.value)) < 300 and str(caught.value).isprintable()


def test_values_are_quoted_short_and_in_ascii():
    assert quoted("a\x1b\u202eé") == r"'a\x1b\u202e\xe9'" and quoted([1, 2.5]) == "[1, 2.5]"
    assert quoted("x" * 200) == "'" + "x" * 98 + "..."


FOUND = ["alloc_untyped.csg", "cpu_bomb_27kB.csg", "longmsg.csg", "metalists.csg"]


@pytest.mark.parametrize("name", FOUND)
def test_files_that_once_got_through(shared_data: Path, name: str):
    file = shared_data / "faults" / "csg" / name
    if not file.is_file():
        pytest.skip(f"no {file}")
    began = time.process_time()
    with pytest.raises(CsgError) as caught:
        decode(file)
    assert len(str(caught.value)) < 400
    with file.open("rb") as stream:
        try:
            assert len(json.dumps(describe(read_container(stream)))) < 100_000
        except CsgError as error:
            assert len(str(error)) < 400
    assert time.process_time() - began < 20
