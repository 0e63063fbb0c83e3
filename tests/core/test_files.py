"""Files replaced as a whole, and what is left of processes that were killed while they wrote."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import replace_file, replacing, write_json
from tests.full_disk import full_disk

ROOT = Path(__file__).resolve().parents[2]

WRITER = """
import sys, time
from pathlib import Path
from csgaussian_ns.core.files import replace_file

def wait(written):
    print(written.name, flush=True)
    time.sleep(60)

replace_file(Path(sys.argv[1]), b"new", wait)
"""


@pytest.fixture
def waiting_writer(tmp_path: Path):
    """A process that has written everything and not renamed it yet; it is killed afterwards."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "scene.csg")]
    writer = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    yield writer
    writer.kill()
    writer.wait()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_refused_file_leaves_the_old_one_and_nothing_else(tmp_path: Path):
    path, seen = tmp_path / "a.json", []
    replace_file(path, b"old", lambda written: seen.append((written.read_bytes(), path.exists())))
    assert seen == [(b"old", False)] and path.read_bytes() == b"old"

    def refuse(written: Path) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        replace_file(path, b"new", refuse)
    assert path.read_bytes() == b"old" and names(tmp_path) == ["a.json"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL, no flock")
def test_what_a_killed_process_left_is_removed_and_what_a_running_one_writes_is_not(tmp_path: Path, waiting_writer):
    path = tmp_path / "scene.csg"
    partial = waiting_writer.stdout.readline().strip()
    own = [".scene.csg.0123456z.tmp", ".scene.csg.tmp", ".other.csg.01234567.tmp"]
    for name in own:
        (tmp_path / name).write_bytes(b"not of replace_file")
    replace_file(path, b"mine")
    assert path.read_bytes() == b"mine" and names(tmp_path) == sorted([partial, *own, "scene.csg"])
    waiting_writer.send_signal(signal.SIGKILL)
    waiting_writer.wait()
    assert (tmp_path / partial).read_bytes() == b"new"
    replace_file(path, b"mine again")
    assert path.read_bytes() == b"mine again" and names(tmp_path) == sorted([*own, "scene.csg"])


@pytest.mark.skipif(sys.platform == "win32", reason="no flock")
def test_a_file_system_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nothing is removed then: nothing tells a killed writer from a running one."""

    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("csgaussian_ns.core.files.fcntl.flock", unsupported)
    (tmp_path / ".a.01234567.tmp").write_bytes(b"left")
    replace_file(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and names(tmp_path) == [".a.01234567.tmp", "a"]


def test_a_file_system_that_cannot_tell_whether_two_names_are_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os.path, "samestat", lambda one, other: False)
    replace_file(tmp_path / "scene.csg", b"new")
    assert names(tmp_path) == ["scene.csg"]


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"cannot write .*No such file"):
        replace_file(tmp_path / "nowhere" / "scene.csg", b"new")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str):
    def fail(*_: object) -> None:
        raise OSError("disk full")

    (tmp_path / "scene.csg").write_bytes(b"old")
    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(ConfigError, match="disk full"):
        replace_file(tmp_path / "scene.csg", b"new")
    assert (tmp_path / "scene.csg").read_bytes() == b"old" and names(tmp_path) == ["scene.csg"]


RESTLESS_WRITER = """
import sys
from pathlib import Path
from csgaussian_ns.core.files import replace_file
target, contents = Path(sys.argv[1]), [bytes([65 + n]) * (3_000_000 + n) for n in range(2)]
print("ready", flush=True)
while True:
    for content in contents:
        replace_file(target, content)
"""


def test_a_writer_killed_at_any_moment_leaves_a_whole_file(tmp_path: Path):
    target, dice, seen = tmp_path / "scene.csg", random.Random(0), set()
    target.write_bytes(b"old")
    allowed = {bytes([65 + n]) * (3_000_000 + n) for n in range(2)}
    for attempt in range(40):
        if attempt >= 12 and len(seen) > 1:
            break
        writer = subprocess.Popen(
            [sys.executable, "-c", RESTLESS_WRITER, str(target)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
        )
        assert writer.stdout is not None and writer.stdout.readline() == b"ready\n"
        time.sleep(dice.uniform(0, 0.03 * 2 ** min(attempt // 4, 5)))  # a busy machine needs longer to begin
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = target.read_bytes()
        assert content == b"old" or content in allowed
        seen.add(content[:1])
    assert seen & {b"A", b"B"}  # it was killed at work, not before


def test_what_a_block_writes_appears_when_it_ends(tmp_path: Path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"x" * 100_000)
        file.seek(2)
        file.write(b"yz")
        assert path.read_bytes() == b"old" and file.tell() == 4
    assert path.read_bytes() == b"xxyz" + b"x" * 99_996 and names(tmp_path) == ["film.mp4"]
    with pytest.raises(KeyboardInterrupt), replacing(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_bytes().startswith(b"xxyz") and names(tmp_path) == ["film.mp4"]


def test_two_writers_of_one_name_do_not_meet(tmp_path: Path):
    path = tmp_path / "anchors.npz"
    with replacing(path) as first:
        first.write(b"first")
        with replacing(path) as second:
            second.write(b"second")
            first.write(b" goes on")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first goes on" and names(tmp_path) == ["anchors.npz"]


def test_the_hidden_file_can_lie_elsewhere(tmp_path: Path):
    (tmp_path / "models").mkdir()
    abandoned = tmp_path / ".1.ckpt.01234567.tmp"
    abandoned.write_bytes(b"of a killed process")
    with replacing(tmp_path / "models" / "1.ckpt", beside=tmp_path / "1.ckpt") as file:
        file.write(b"state")
        assert names(tmp_path / "models") == [] and not abandoned.exists()
    assert (tmp_path / "models" / "1.ckpt").read_bytes() == b"state" and names(tmp_path) == ["models"]


@pytest.mark.parametrize("name", ["n" * 251 + ".png", "ü" * 125 + ".png"])
def test_a_name_as_long_as_the_file_system_takes(tmp_path: Path, name: str):
    replace_file(tmp_path / name, b"old")
    replace_file(tmp_path / name, b"new")
    assert names(tmp_path) == [name] and (tmp_path / name).read_bytes() == b"new"


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path: Path):
    path = tmp_path / "facts.json"
    write_json(path, {"a": 1})
    with full_disk(after=4096):
        with pytest.raises(ConfigError, match=r"cannot write .*/facts\.json: File too large; make room or choose"):
            write_json(path, {"a": "x" * 10_000})
        with pytest.raises(ConfigError, match=r"cannot write .*/facts\.json: "), replacing(path) as file:
            for _ in range(10_000):
                file.write(b"xyz")
    assert path.read_text() == '{\n "a": 1\n}\n' and names(tmp_path) == ["facts.json"]


def test_rights_and_links_stay(tmp_path: Path):
    path, link = tmp_path / "a.csg", tmp_path / "link.csg"
    path.write_bytes(b"old")
    path.chmod(0o600)
    link.symlink_to(path)
    replace_file(link, b"new")
    assert link.is_symlink() and path.read_bytes() == b"new" and path.stat().st_mode & 0o777 == 0o600
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.csg", "link.csg"]
