"""How the page of ``csg view`` loads a scene: the first picture comes early, and what goes wrong is said."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.codec.encode import encode
from csgaussian_ns.receiver.arrange import by_importance
from csgaussian_ns.tools.view import PAGE
from tests.codec.scenes import random_scene, with_semantics
from tests.web.made_files import gaussians
from tests.web.servers import EARLY, Server, serving
from tests.web.visits import Visit

ANCHORS, GAUSSIANS = 9000, 20_000

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Scenes, the most important anchors first."""
    anchors = by_importance(encode(with_semantics(random_scene(ANCHORS, 50, 10, seed=5))).data)
    return {"anchors.csg": anchors, "gaussians.csg": by_importance(gaussians(GAUSSIANS, 1))}


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[Server]:
    with serving(files) as server:
        yield server


def shown(page: Any) -> np.ndarray:
    """What the canvas shows."""
    told = page.evaluate("document.querySelector('#scene').toDataURL().split(',')[1]")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(told))).convert("RGB")) / 255


@pytest.mark.parametrize("kind", ["slow", "slow-whole"])
@pytest.mark.parametrize("name", ["anchors", "gaussians"])
def test_the_first_picture_needs_few_bytes(chromium: Any, server: Server, kind: str, name: str):
    visit = Visit(chromium, f"{server.address}/?scene={kind}/{name}.csg", until=".open")
    page = visit.page
    page.wait_for_function("window.csg.firstPicture")
    visit.drawn()
    first = page.evaluate("window.csg.firstPicture")
    size = len(server.files[f"{name}.csg"])
    assert first["all"] == size and 0 < first["bytes"] <= EARLY * size and server.sent <= EARLY * size
    early, rows = shown(page), visit.ask("window.csg.told.rows")
    assert early.std() > 0.01 and 0 < rows < len_of(server, name) / 5 and not visit.ask("window.csg.told.whole")
    assert page.inner_text("#arrived").endswith("kB") and page.locator("#arriving").is_visible()
    server.go.set()
    page.wait_for_selector("body.whole")
    assert visit.ask("window.csg.told.rows") == len_of(server, name) and not page.locator("#arriving").is_visible()
    visit.ask("window.csg.pixels().then(() => undefined)")
    late = shown(page)
    assert np.square(early - late).mean() > 0.001 and late.std() > 0.01
    visit.close()


def len_of(server: Server, name: str) -> int:
    """Rows of a scene that is served."""
    import csgaussian_ns

    return len(csgaussian_ns.load(server.files[f"{name}.csg"]))


@pytest.mark.parametrize("kind", ["whole-open", "open", "half-open"])
def test_servers_that_are_only_half_willing(chromium: Any, files: dict[str, bytes], kind: str):
    with serving({}) as pages, serving(files) as server:
        visit = Visit(chromium, f"{pages.address}/?scene={server.address}/{kind}/anchors.csg")
        assert visit.ask("window.csg.told.whole") and len(visit.ask("window.csg.objects")) > 0
        saved = visit.ask("async () => (await window.csg.saved()).length")
        assert saved == len(files["anchors.csg"])
        assert (server.answers > 2) == (kind == "open")
        visit.close()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("ranges", "does not let pages of other hosts read it: it must send the header Access-Control-Allow-Origin"),
        ("huge", "The file has 2.15 GB, a page holds at most 1.07 GB. This page cannot show it; csg render draws it"),
        ("changing", "the file changed while it was read; load it again"),
        ("lost", "the connection was lost after"),
    ],
)
def test_what_goes_wrong_is_said(chromium: Any, server: Server, kind: str, told: str):
    with serving({}) as pages:
        base = pages.address if kind == "ranges" else server.address
        visit = Visit(chromium, f"{base}/?scene={server.address}/{kind}/anchors.csg")
        page = visit.page
        where = "#failure" if page.locator("#failed").is_visible() else "#message"
        assert told in page.inner_text(where)
        visit.close()


def test_another_file_is_dropped_on_the_page(chromium: Any, server: Server):
    """While the first is still on its way."""
    visit = Visit(chromium, f"{server.address}/?scene=slow/anchors.csg", until=".open")
    data = base64.b64encode(server.files["gaussians.csg"]).decode()
    visit.ask(
        """async (text) => {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            const dropped = new DataTransfer();
            dropped.items.add(new File([bytes], "other.csg"));
            dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, cancelable: true }));
        }""",
        data,
    )
    visit.page.wait_for_function("window.csg.told?.representation === 'gaussians' && window.csg.told.whole")
    assert visit.page.inner_text("#title") == "other.csg" and visit.ask("window.csg.objects").__len__() == 4
    visit.close()
