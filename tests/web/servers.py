"""Servers as pages meet them: with ranges and without, of another origin, slow, and with files that change."""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from csgaussian_ns.tools.view import PAGE

EARLY = 0.15
"""Of a file, up to which slow servers send before they are let go."""
HUGE = 2**31 + 2**20


class Server(ThreadingHTTPServer):
    """Serves the page, and files under ``/KIND/NAME``.

    Kinds: ``ranges``; ``whole-open`` knows none; ``slow`` and ``slow-whole`` stop after ``EARLY`` until ``go`` is set;
    ``changing`` has another tag from its second answer on; ``lost`` breaks off; ``huge`` says that it has 2 GiB;
    ``open`` and ``half-open`` let pages of other hosts read, the latter without telling them of ranges.
    """

    daemon_threads = True

    def __init__(self, files: Mapping[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(PAGE)))
        self.files, self.go, self.answers, self.sent = files, threading.Event(), 0, 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(files: Mapping[str, bytes]) -> Iterator[Server]:
    """Until the end of the block."""
    with Server(files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.go.set()
        server.shutdown()


@contextmanager
def serving_application(pages: Any) -> Iterator[str]:
    """Address of what Starlette serves."""
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(uvicorn.Config(pages, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"
    server.should_exit = True
    thread.join(20)


class _Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        kind, _, name = self.path.partition("?")[0][1:].partition("/")
        data = self.server.files.get(name)
        if data is None:
            return super().do_GET()
        self.server.answers += 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        ranged = asked is not None and kind not in ("whole-open", "slow-whole", "lost")
        start, end = (int(asked[1]), min(int(asked[2]) + 1, len(data))) if asked and ranged else (0, len(data))
        self.send_response(206 if ranged else 200)
        self.send_header("Content-Length", str(end - start))
        if ranged:
            size = HUGE if kind == "huge" else len(data)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
            self.send_header("ETag", f'"{self.server.answers if kind == "changing" else 1}"')
        if "open" in kind:
            self.send_header("Access-Control-Allow-Origin", "*")
        if kind == "open":
            self.send_header("Access-Control-Expose-Headers", "Content-Range, ETag")
        self.end_headers()
        self._send(data, start, end, kind)

    def _send(self, data: bytes, start: int, end: int, kind: str) -> None:
        early = max(start, min(end, int(EARLY * len(data)))) if kind.startswith("slow") else end
        if kind == "lost":
            self.wfile.write(data[: len(data) // 2])
            self.connection.close()
            return
        for first, last in ((start, early), (early, end)):
            if last > first == early and kind.startswith("slow"):
                self.server.go.wait(60)
            with suppress(ConnectionError):  # a page that left, or wants no more
                self.wfile.write(data[first:last])
            self.server.sent += last - first

    def log_message(self, format: str, *args: object) -> None:
        pass
