"""``csg serve``: parts of files, to any page, and nothing else."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import csgaussian_ns
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.serve import Serve

FILE = Path(__file__).parents[1] / "golden" / "v1_semantics.csg"


def test_a_folder_on_the_network(tmp_path: Path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "scene.csg").write_bytes(FILE.read_bytes())
    command = [sys.executable, "-u", "-m", "csgaussian_ns.tools.cli", "serve", str(tmp_path), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first, second = process.stdout.readline(), process.stdout.readline()
        address = re.match(r"(http://127\.0\.0\.1:\d+/below/scene\.csg)  0\.006 MB", first)
        assert address is not None and "serving 1 .csg files" in second
        whole = csgaussian_ns.load(FILE)
        *_, last = csgaussian_ns.stream(address[1])
        assert len(last) == len(whole) and list(last.objects) == list(whole.objects)
        request = Request(address[1], headers={"Range": "bytes=8-15", "Origin": "https://somewhere.else"})
        with urlopen(request, timeout=30) as answer:
            assert answer.status == 206 and answer.read() == FILE.read_bytes()[8:16]
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]
        for outside in ("/../secret", "/%2e%2e/secret", "/nothing.csg"):
            with pytest.raises(HTTPError, match="404"):
                urlopen(address[1].split("/below")[0] + outside, timeout=30)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in (0, 130)


def test_what_cannot_be_served(tmp_path: Path):
    with pytest.raises(ConfigError, match="is no folder"):
        Serve(tmp_path / "none").run()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"cannot listen at 127\.0\.0\.1:\d+: Address already in use"):
            Serve(tmp_path, port=taken.getsockname()[1]).run()
    with pytest.raises(ConfigError, match="choose another --port"):
        Serve(tmp_path, port=1 << 20).run()
