"""Files by name, through pipes and on standard input; addresses, which are none."""

import io
import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.format.container import read_container
from csgaussian_ns.tools import cli
from csgaussian_ns.tools.inputs import STDIN, name_of, open_file, path_of, refuse_addresses
from tests.receiver.servers import Behaviour, serving

GOLDEN = Path(__file__).parents[1] / "golden"
DATA = next(path for path in sorted(GOLDEN.glob("*.csg")) if path.stat().st_size > 1000).read_bytes()


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch):
    """Put bytes on standard input."""

    def to_stdin(data: bytes) -> io.BytesIO:
        stream = io.BytesIO(data)
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream, isatty=lambda: False))
        return stream

    return to_stdin


def test_standard_input(send, capsys):
    send(DATA)
    assert cli.main(["info", "-"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"standard input  {len(DATA) / 1e6:.3f} MB, ") and err == ""


def test_what_follows_on_standard_input_is_not_read_to_its_end(send):
    stream = send(DATA + bytes(1 << 20))
    with pytest.raises(CsgError, match=r"standard input: .* something was appended"), open_file(STDIN) as file:
        read_container(file)
    assert stream.tell() == len(DATA) + 1


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "standard input: the file has 0 bytes"),
        (b"y\n" * 100, "standard input: bytes 0 to 7: expected"),
        (DATA[:100], "standard input: the file"),
        (DATA[:24] + (1 << 40).to_bytes(8, "little") + DATA[32:], "more than max_file_bytes"),
    ],
)
def test_what_is_no_file_is_told_in_one_line(send, capsys, data: bytes, told: str):
    send(data)
    assert cli.main(["info", "-"]) == 2
    out, err = capsys.readouterr()
    assert told in err and err.startswith("csg: error: ") and err.count("\n") == 1 and out == ""


def test_a_terminal_is_no_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(ConfigError, match="expected one, as in"), open_file(STDIN):
        pass


def test_a_named_pipe(tmp_path: Path, capsys):
    pipe = tmp_path / "scene.csg"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(DATA,))
    writer.start()
    assert cli.main(["info", str(pipe)]) == 0
    writer.join()
    assert capsys.readouterr().out.startswith(str(pipe))


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("https://a.b/c.csg", "https://a.b/c.csg"),
        ("s3://bucket", "s3://bucket"),
        ("file:///tmp/a.csg", "file:///tmp/a.csg"),
        ("http:a/b", None),
        ("C:/a", None),
        ("/a/https:/b", None),
        ("a.csg", None),
    ],
)
def test_an_address_is_shown_as_it_was_given(path: str, address: str | None):
    if address is None:
        refuse_addresses({"output": Path(path)})
        return
    with pytest.raises(ConfigError) as told:
        refuse_addresses({"views": 3, "data": None, "output": Path(path)})
    assert str(told.value).startswith(f"output {address}: expected a path on this machine, got an address")
    refuse_addresses({"file": path})  # a scene may lie anywhere
    assert name_of(path) == path


@pytest.mark.parametrize(
    "command", [["masks", "--data"], ["decode", "a.csg", "-o"], ["select", "a.csg", "-o"], ["demo-scene"]]
)
def test_every_path_of_every_command_is_looked_at(command: list[str], tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main([*command, "https://a.b/c.npz"]) == 2
    assert "https://a.b/c.npz: expected a path" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "stem"),
    [
        ("https://a.b//c//d%20e.spz?token=x//y.ply", "d e"),
        ("s3://bucket/c.splat", "c"),
        ("folder/c.spz", "c"),
        (STDIN, None),
    ],
)
def test_what_a_file_is_called_wherever_it_lies(given: str, stem: str | None):
    path = path_of(given)
    assert (path and path.stem) == stem


def test_an_address_is_asked_for_as_it_was_given(csg):
    behaviour = Behaviour(DATA)
    path = "/a/./b//scene.csg?signed=x//y"
    with serving(behaviour) as address:
        given = address.replace("/scene.csg", path)
        code, out, err = csg("verify", "--json", given)
    assert code == 0 and json.loads(out)["file"] == given and err == ""
    assert set(behaviour.paths) == {path}


def test_a_scene_at_an_address(capsys):
    behaviour = Behaviour(DATA)
    with serving(behaviour) as address:
        assert cli.main(["info", address]) == 0
        assert cli.main(["verify", address]) == 0
        behaviour.failures = [404]
        assert cli.main(["verify", address]) == 2
    shown = capsys.readouterr()
    assert shown.out.count(address) == 2 and "whole" in shown.out
    assert shown.err.startswith(f"csg: error: {address}: ") and "404" in shown.err and shown.err.count("\n") == 1
