"""The decoder in web/ in headless Chromium: on the page, in workers, and while a file arrives."""

import json
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.conftest import BROWSERS

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "web" / "dist"
GOLDEN = ROOT / "tests" / "golden"
DIGESTS = json.loads((GOLDEN / "digests.json").read_text())
TORCHAC = "v1_torchac.csg"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (DIST / "index.js").exists(), reason="web/dist is not built: run make web"),
]

WORKER = 'import { serve } from "/web/dist/index.js"; serve(self);'
DECODE = """async (names) => {
    const { contentDigest, Decoder, httpSource, WorkerPool } = await import("/web/dist/index.js");
    const decoder = await Decoder.create();
    const workers = [0, 1].map(() => new Worker("/worker.js", { type: "module" }));
    const pool = await WorkerPool.create(workers);
    const told = async (work) => {
        try {
            return contentDigest(await work());
        } catch (error) {
            return `${error.name}: ${error.message}`;
        }
    };
    const found = {};
    for (const name of names) {
        const url = `/tests/golden/${name}`;
        const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
        found[name] = [
            await told(() => decoder.decode(bytes)),
            await told(() => pool.decode(bytes)),
            await told(async () => decoder.stream(await httpSource(url))),
        ];
    }
    workers.forEach((worker) => worker.terminate());
    return found;
}"""


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path in ("/", "/worker.js"):
            body, kind = (WORKER, "text/javascript") if "worker" in self.path else ("<title>csg</title>", "text/html")
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(ROOT))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_golden_files_decode_to_their_digests(address: str):
    playwright = pytest.importorskip("playwright.sync_api")
    browser = next(filter(None, map(shutil.which, BROWSERS)))
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page, faults = chromium.new_page(), []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(address)
        found = page.evaluate(DECODE, sorted(DIGESTS))
        chromium.close()
    assert faults == []
    for answer in found.pop(TORCHAC):
        assert answer.startswith("UnsupportedVersion: ") and "torchac" in answer
    assert found == {name: [known["content"]] * 3 for name, known in DIGESTS.items() if name != TORCHAC}
