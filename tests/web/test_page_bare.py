"""The page of ``csg view`` in a browser that cannot draw it."""

import pytest

from csgaussian_ns.tools.view import PAGE
from tests.web.servers import serving
from tests.web.visits import Visit, browser_with

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (PAGE / "index.html").is_file(), reason="the page is not built: run make web"),
]


def test_a_browser_without_webgl_is_told_so():
    with serving({}) as server, browser_with("--disable-3d-apis") as chromium:
        visit = Visit(chromium, f"{server.address}/?scene=scene.csg")
        told = visit.page.inner_text("#failure")
        assert "offers no WebGL2" in told and "graphics acceleration is switched on" in told and "csg render" in told
        visit.close()
