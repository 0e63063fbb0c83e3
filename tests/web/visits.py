"""The page of ``csg view`` in a browser, and what went wrong in it."""

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from csgaussian_ns.core.types import Camera
from tests.conftest import BROWSERS

DRAWING = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")
UNBLURRED = "* { backdrop-filter: none !important }"
"""What lies behind panels is blurred by software here, at every frame."""
PIXELS = """async (camera) => {
    window.csg.look(camera);
    const bytes = await window.csg.pixels();
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    return btoa(text);
}"""


@contextmanager
def browser_with(*arguments: str) -> Iterator[Any]:
    """A headless one, as Playwright drives it."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as play:
        browser = next(filter(None, map(shutil.which, BROWSERS)))
        started = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu", *arguments])
        yield started
        started.close()


class Visit:
    """A page that shows a scene, and what went wrong in it."""

    def __init__(self, chromium: Any, url: str, width: int = 640, until: str = "", height: int = 480) -> None:
        self.faults: list[str] = []
        self.page = chromium.new_page()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("crash", lambda: self.faults.append("the page has crashed"))
        self.page.on("console", self._hear)
        self.page.goto(url)
        self.page.add_style_tag(content=UNBLURRED)
        self.page.wait_for_selector(f"body:is({until or '.whole, .failed, .broken'})", timeout=60_000)

    def _hear(self, message: Any) -> None:
        """Errors that are logged, but those of answers, which are what some tests are about."""
        if message.type == "error" and not message.text.startswith(("Failed to load resource", "Access to fetch")):
            self.faults.append(message.text)

    def picture(self, camera: Camera) -> np.ndarray:
        width, height = camera.width, camera.height
        pixels = base64.b64decode(self.page.evaluate(PIXELS, told(camera)))
        return np.frombuffer(pixels, np.uint8).reshape(height, width, 4)[..., :3] / 255

    def ask(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    def drawn(self) -> None:
        """Wait until what has changed is drawn: frames of the page come before those that are asked for here."""
        self.page.evaluate("new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then)))")

    def handle(self, name: str) -> tuple[float, float]:
        """Where the middle of a handle is on the page, once it is there."""
        grip = self.page.locator(f'#gizmo circle[aria-label="{name}"]')
        grip.wait_for()
        box = grip.bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def close(self) -> None:
        self.page.close()
        assert self.faults == []


def told(camera: Camera) -> dict[str, Any]:
    """A camera as the page takes it."""
    matrix = np.asarray(camera.world_to_camera, np.float64)
    axes, origin = matrix[:3, :3], matrix[:3, 3]
    numbers = {name: float(getattr(camera, name)) for name in ("fx", "fy", "cx", "cy")}
    size = {"width": camera.width, "height": camera.height}
    return {
        "axes": axes.ravel().tolist(),
        "origin": origin.tolist(),
        "eye": (-axes.T @ origin).tolist(),
        **numbers,
        **size,
    }
