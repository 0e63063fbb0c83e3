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
from starlette.testclient import TestClient

import csgaussian_ns
from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.serve import Serve, application, served

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


def test_hidden_files_stay_hidden(tmp_path: Path):
    """And so does what links lead to outside of the folder."""
    shared, outside = tmp_path / ".shared", tmp_path / "outside.csg"
    for path in (outside, *(shared / name for name in ("a.csg", ".b.csg", ".git/c.csg", "d/.e/f.csg", "d/g.txt"))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"123")
    (shared / "link.csg").symlink_to(outside)
    (shared / "broken.csg").symlink_to(shared / "nowhere")
    assert served(shared) == ["a.csg"]
    pages = TestClient(application(shared))
    assert [pages.get(name).status_code for name in ("/a.csg", "/d/g.txt", "/./a.csg")] == [200] * 3
    for name in ("/.b.csg", "/%2eb.csg", "/.git/c.csg", "/d/.e/f.csg", "/d//.e/f.csg", "/link.csg", "/", "/.git"):
        assert pages.get(name).status_code == 404, name


def test_folders_answer_with_their_pages(csg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for folder in ("", "site", "other", ".git"):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / ("index.html" if folder != "other" else "a.csg")).write_text("a page")
    pages = TestClient(application(tmp_path))
    assert pages.get("/").text == pages.get("/site/").text == pages.get("/site").text == "a page"
    assert [pages.get(name).status_code for name in ("/other/", "/.git/")] == [404, 404]
    monkeypatch.setattr("csgaussian_ns.tools.serve.application", lambda folder: None)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    code, out, _ = csg("serve", tmp_path, "--port", "0")
    [address] = re.findall(r"^(http://127\.0\.0\.1:\d+): serving", out, re.MULTILINE)
    assert code == 0 and f"{address}/  a page; open it" in out and f"{address}/site/  a page; open it" in out
    assert ".git" not in out


def test_a_port_in_use(csg, tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, out, err = csg("serve", tmp_path, "--port", taken.getsockname()[1])
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert err.startswith("csg: error: cannot listen at 127.0.0.1:") and "Address already in use; choose another" in err


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
