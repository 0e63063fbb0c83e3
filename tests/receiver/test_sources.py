"""Files on servers and in clouds, read in parts: what comes, how often is asked, and what goes wrong."""

import sys
from collections.abc import Callable, Iterator

import fsspec
import numpy as np
import pytest

import csgaussian_ns
from csgaussian_ns import BackendUnavailable, DataError, LimitExceeded
from csgaussian_ns.core.errors import SlowStart
from csgaussian_ns.receiver import origins
from csgaussian_ns.receiver.sources import open_address
from tests.receiver.servers import Behaviour, serving

DATA = np.random.default_rng(0).bytes(400_000)
MOST = 1 << 20


@pytest.fixture
def behaviour(monkeypatch: pytest.MonkeyPatch) -> Behaviour:
    monkeypatch.setattr(origins, "PAUSES", (0.0, 0.0))
    return Behaviour(DATA)


@pytest.fixture
def address(behaviour: Behaviour) -> Iterator[str]:
    with serving(behaviour) as found:
        yield found


def test_only_what_is_asked_for_comes_and_once(behaviour: Behaviour, address: str):
    parts = open_address(address, MOST)
    assert (parts.size, parts.requests, parts.fetched) == (len(DATA), 1, 1 << 16)
    assert parts.read(10, 20) == DATA[10:30] and parts.requests == 1
    parts.fetch([(300_000, 100), (200_000, 50_000), (260_000, 5_000)])
    assert behaviour.asked[1:] == ["bytes=200000-264999", "bytes=300000-300099"]
    assert parts.read(200_100, 64_000) == DATA[200_100:264_100] and parts.requests == 3
    assert parts.whole is None
    assert parts.read(60_000, 250_000) == DATA[60_000:310_000]
    assert parts.read(0, parts.size) == DATA == parts.whole
    assert parts.fetched == len(DATA) + 100  # between two others, and not worth a request of its own


def test_as_an_open_file(address: str):
    with open_address(address, MOST).stream() as file:
        assert file.seek(0, 2) == len(DATA)
        file.seek(123_456)
        assert file.read(70_000) == DATA[123_456:193_456]
        assert file.read() == DATA[193_456:] and file.read(1) == b""


@pytest.mark.parametrize("failures", [[503], [0], [429, 0]])
def test_what_passes_is_tried_again(behaviour: Behaviour, address: str, failures: list[int]):
    behaviour.failures = list(failures)
    parts = open_address(address, MOST)
    behaviour.failures = list(failures)
    assert parts.read(100_000, 100) == DATA[100_000:100_100]
    assert len(behaviour.asked) == 2 + 2 * len(failures)


@pytest.mark.parametrize(
    ("failures", "asked", "told"),
    [([404], 1, "the server answers 404, Not Found"), ([0, 0, 0], 3, "of 65536 bytes came")],
)
def test_what_lasts_is_an_error(behaviour: Behaviour, address: str, failures: list[int], asked: int, told: str):
    behaviour.failures = failures
    with pytest.raises(DataError, match=rf"scene\.csg: .*{told}.*expected the address"):
        open_address(address, MOST)
    assert len(behaviour.asked) == asked


def test_a_server_without_parts_sends_all_and_it_is_told(behaviour: Behaviour, address: str):
    behaviour.ranges = False
    with pytest.warns(SlowStart, match="sends no parts, so all of it is fetched"):
        parts = open_address(address, MOST)
    assert parts.whole == DATA and parts.requests == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_files_that_are_too_large_are_not_fetched(behaviour: Behaviour, address: str, ranges: bool):
    behaviour.ranges = ranges
    with pytest.raises(LimitExceeded, match=r"400000 bytes, more than max_file_bytes = 100000"):
        open_address(address, 100_000)


def test_a_file_that_changes_underneath_is_an_error(behaviour: Behaviour, address: str):
    for change in ({"version": '"2"'}, {"data": DATA + b"more"}, {"ranges": False}):
        parts = open_address(address, MOST)
        before = dict(vars(behaviour))
        vars(behaviour).update(change)
        with pytest.raises(DataError, match="changed while it was read; open it again"):
            parts.read(100_000, 100)
        vars(behaviour).update(before)


@pytest.mark.parametrize("told", ["bytes 0-65535/*", "bytes 1-65536/400000", "items 0-1/2", "bytes 0-9/400000"])
def test_a_server_that_says_nonsense(behaviour: Behaviour, address: str, told: str):
    behaviour.told = told
    with pytest.raises(DataError, match="asked for a part from byte 0 on"):
        open_address(address, MOST)


def test_what_fsspec_knows():
    system = fsspec.filesystem("memory")
    system.pipe("/a/scene.csg", DATA)
    parts = open_address("memory://a/scene.csg", MOST)
    assert parts.size == len(DATA) and parts.fetched == 1 << 16
    assert parts.read(250_000, 99) == DATA[250_000:250_099]
    system.pipe("/a/scene.csg", DATA[:300_000])
    with pytest.raises(DataError, match="0 bytes came, asked for 50; the file changed"):
        parts.read(350_000, 50)
    with pytest.raises(DataError, match="expected the address"):
        open_address("memory://a/none.csg", MOST)
    with pytest.raises(DataError, match="expected the address"):
        open_address("nosuch://a/none.csg", MOST)


def test_without_fsspec(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(BackendUnavailable, match=r"addresses of s3 need fsspec; pip install 'csgaussian-ns\[remote\]'"):
        csgaussian_ns.load("s3://bucket/scene.csg")


ONE_PLACE: list[Callable[[str], object]] = [csgaussian_ns.load, lambda source: next(csgaussian_ns.stream(source))]


@pytest.mark.parametrize("read", ONE_PLACE)
def test_a_server_that_is_not_there(read: Callable[[str], object], behaviour: Behaviour):
    with serving(behaviour) as address:
        pass
    with pytest.raises(DataError, match=r"cannot be reached: Connection refused; expected the address of a \.csg file"):
        read(address)


def test_names_with_spaces_and_umlauts(behaviour: Behaviour, address: str):
    assert open_address(address + "?name=Bäume am Haus", MOST).size == len(DATA)
    assert behaviour.asked == ["bytes=0-65535"]
