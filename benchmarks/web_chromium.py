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
