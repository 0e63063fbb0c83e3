"""Headless Chromium for benchmarks: pages of this checkout, and the CPU time that its processes took."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SWIFTSHADER = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist")
NAMES = ("chromium", "chromium-browser", "google-chrome")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Address of a server of files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class _Held(_Quiet):
    data: bytes
    """Of ``/scene.csg``."""
    start: int
    """Requests from here on are not answered."""
    sent: list[int]
    """Bytes of each answer."""

    def do_GET(self) -> None:
        if self.path != "/scene.csg":
            return super().do_GET()
        first, last = (int(text) for text in self.headers["Range"].removeprefix("bytes=").split("-"))
        if first >= self.start:
            threading.Event().wait(30)
            return None
        part = self.data[first : last + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(part)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(part) - 1}/{len(self.data)}")
        self.end_headers()
        self.wfile.write(part)
        self.sent.append(len(part))
        return None


def bytes_to_the_first_picture(data: bytes, start: int) -> int:
    """How many bytes of a file the page has fetched when it shows something; none are sent from ``start`` on."""
    kind = type("Held", (_Held,), {"data": data, "start": start, "sent": []})
    page_folder = str(ROOT / "csgaussian_ns" / "page")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=page_folder)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with chromium(*SWIFTSHADER) as browser:
            page = browser.new_page(viewport={"width": 640, "height": 360})
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/?scene=scene.csg")
            page.wait_for_function("window.csg.firstPicture", timeout=120_000)
            found = page.evaluate("window.csg.firstPicture.bytes")
        server.shutdown()
    assert found == sum(kind.sent), (found, kind.sent)
    return found


@contextmanager
def chromium(*arguments: str) -> Iterator[Any]:
    """A browser, as Playwright drives it."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise SystemExit(f"no browser ({', '.join(NAMES)}); install one: apt-get install chromium")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=["--no-sandbox", *arguments])
        yield started
        started.close()


def browser_cpu_seconds() -> float:
    """Of all processes that this one started, directly or not, and that run still."""
    parents, ticks = {}, {}
    for folder in Path("/proc").iterdir():
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # none of a process, or it has ended
            continue
        parents[folder.name] = fields[1]
        ticks[folder.name] = int(fields[11]) + int(fields[12])
    own, total = str(os.getpid()), 0
    for name in parents:
        above = name
        while above in parents and above != own:
            above = parents[above]
        if above == own and name != own:
            total += ticks[name]
    return total / os.sysconf("SC_CLK_TCK")
