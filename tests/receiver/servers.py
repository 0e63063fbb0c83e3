"""A server of one file that can be told to misbehave."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What a server does; requests can be changed between each other.

    Attributes:
        data: The file.
        ranges: Whether it sends parts.
        version: Its ETag.
        failures: Codes that the next requests are answered with; 0 sends half of what it promises.
        told: Content-Range in place of the right one.
        asked: Ranges of the requests that came.
        paths: What they asked for.
    """

    data: bytes
    ranges: bool = True
    version: str = '"1"'
    failures: list[int] = field(default_factory=list)
    told: str | None = None
    asked: list[str | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """Serve it, and yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            behaviour.asked.append(asked)
            behaviour.paths.append(self.path)
            failure = behaviour.failures.pop(0) if behaviour.failures else None
            if failure:
                self.send_error(failure)
                return
            size, body = len(behaviour.data), behaviour.data
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", asked or "")
            if behaviour.ranges and match:
                start, last = int(match[1]), min(int(match[2]), size - 1)
                body = body[start : last + 1]
                self.send_response(206)
                self.send_header("Content-Range", behaviour.told or f"bytes {start}-{last}/{size}")
            else:
                self.send_response(200)
            self.send_header("ETag", behaviour.version)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if failure is None else body[: len(body) // 2])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/scene.csg"
        finally:
            server.shutdown()
