"""The decoder in web/ where it runs: Node, and a page in headless Chromium."""

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.conftest import BROWSERS
from tests.format.fuzzing import LIMITS
from tests.web.visits import browser_with

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "web"
NODE = shutil.which("node")
LEAST_NODE = 20
TOLD_LIMITS = {
    "maxFileBytes": LIMITS.max_file_bytes,
    "maxSections": LIMITS.max_sections,
    "maxRows": LIMITS.max_rows,
    "maxSymbolsPerChunk": LIMITS.max_symbols_per_chunk,
    "maxMemoryBytes": LIMITS.max_memory_bytes,
}


def why_not(engine: str) -> str:
    """Why the decoder cannot run there; empty if it can."""
    if not (WEB / "dist" / "index.js").exists():
        return "web/dist is not built: run make web"
    if engine == "chromium":
        return "" if any(map(shutil.which, BROWSERS)) else f"no browser ({', '.join(BROWSERS)})"
    if NODE is None:
        return "no node: install Node 20 or newer"
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    return "" if int(version[1:].split(".")[0]) >= LEAST_NODE else f"node is {version.strip()}, {LEAST_NODE} is needed"


def packed(files: Sequence[bytes]) -> bytes:
    """Files in one, as ``unpacked`` of web/scripts/told.mjs takes them."""
    return b"".join(len(data).to_bytes(4, "little") + data for data in files)


def decoded_by_node(files: Sequence[bytes], folder: Path, timeout: float) -> list[dict[str, Any]]:
    """What the decoder says of each file."""
    path = folder / "files.bin"
    path.write_bytes(packed(files))
    command = [NODE or "node", WEB / "scripts" / "digests.mjs", "--packed", path, "--limits", json.dumps(TOLD_LIMITS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


class DecoderPage:
    """One page for everything; it must live to the end."""

    def __init__(self, page: Any, server: "_Server") -> None:
        self.page, self.server, self.faults = page, server, list[str]()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("crash", lambda: self.faults.append("the page has crashed"))
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/web/test/in_browser/index.html")
        page.wait_for_function("window.found")

    def decoded(self, files: Sequence[bytes], timeout: float) -> list[dict[str, Any]]:
        """What the decoder says of each file."""
        self.server.packed = packed(files)
        return self.done("files", f"window.decodeAll('files', '/packed', {json.dumps(TOLD_LIMITS)})", timeout)

    def done(self, name: str, script: str, timeout: float) -> list[Any]:
        """What a script of web/test/in_browser/doing.mjs found; a page that hangs does not come to that."""
        self.page.evaluate(f"delete window.found['{name}']; void {script}")
        self.page.wait_for_function(f"window.found['{name}']", timeout=1000 * timeout, polling=100)
        return self.page.evaluate(f"window.found['{name}']")


class _Server(ThreadingHTTPServer):
    packed = b""


class _Handler(SimpleHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if self.path != "/packed":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.server.packed)))
        self.end_headers()
        self.wfile.write(self.server.packed)
        return None

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def decoder_page() -> Iterator[DecoderPage]:
    """In Chromium, with the checkout served to it."""
    with _Server(("127.0.0.1", 0), partial(_Handler, directory=str(ROOT))) as server, browser_with() as chromium:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = DecoderPage(chromium.new_page(), server)
        yield page
        assert page.faults == []
        server.shutdown()
