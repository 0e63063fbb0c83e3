"""The real ``ns-viewer`` in a real browser: what the canvas shows is what we render, also as depth."""

import copy
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.scripts.viewer import run_viewer
from nerfstudio.utils.colormaps import apply_depth_colormap
from nerfstudio.viewer.utils import get_camera
from nerfstudio.viewer.viewer import Viewer
from PIL import Image

from csgaussian_ns.ns.config import csgaussian_lite
from csgaussian_ns.ns.model import model_of

PORT = 7123
WINDOW = (900, 600)


class Viewed:
    """A running viewer with one browser page connected to it."""

    def __init__(self, page, state) -> None:
        self.page, self.state = page, state

    @property
    def model(self):
        return model_of(self.state.pipeline)

    def expected(self, output: str) -> np.ndarray:
        """Our own rendering of what the page's camera sees, as the viewer colours it, at the canvas's size."""
        (client,) = self.state.viser_server.get_clients().values()
        box = self._box()
        camera = get_camera(self.state.get_camera_state(client), box["height"], box["width"])
        outputs = self.model.get_outputs_for_camera(camera)
        image = outputs["rgb"] if output == "rgb" else apply_depth_colormap(outputs["depth"])
        return image.clamp(0, 1).numpy()

    def canvas(self) -> np.ndarray:
        """What the page shows in its canvas, in [0, 1]."""
        png = self.page.screenshot(clip=self._box())
        return np.asarray(Image.open(BytesIO(png)).convert("RGB")) / 255.0

    def _box(self) -> dict[str, int]:
        """Where the scene is drawn: the control panel covers the rest of the canvas, as the camera's aspect tells."""
        (client,) = self.state.viser_server.get_clients().values()
        box = {key: int(value) for key, value in self.page.locator("canvas").first.bounding_box().items()}
        return box | {"width": min(box["width"], round(box["height"] * client.camera.aspect))}

    def difference(self, output: str) -> float:
        """Median over the canvas of the absolute difference of page and own rendering, in cells of 8x8 pixels.

        The median leaves out the markers that the viewer draws for the training cameras.
        """
        shown, expected = self.canvas(), self.expected(output)
        rows, columns = (min(sides) // 8 * 8 for sides in zip(shown.shape[:2], expected.shape[:2], strict=True))
        cells = [
            torch.nn.functional.avg_pool2d(torch.from_numpy(image[:rows, :columns]).float().permute(2, 0, 1)[None], 8)
            for image in (shown, expected)
        ]
        return float((cells[0] - cells[1]).abs().median())


@pytest.fixture(scope="module")
def trained_run(scene_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """config.yml of a short run."""
    config = copy.deepcopy(csgaussian_lite.config)
    config.pipeline.datamanager.data = scene_folder
    config.max_num_iterations, config.vis = 200, "tensorboard"
    config.pipeline.model.semantic_steps = 60
    config.output_dir, config.timestamp = tmp_path_factory.mktemp("viewer"), "run"
    config.machine.device_type = "cpu"
    config.steps_per_save = 10**9
    config.steps_per_eval_image = config.steps_per_eval_all_images = 0
    config.save_config()
    trainer = config.setup(local_rank=0, world_size=1)
    trainer.setup()
    trainer.train()
    return trainer.base_dir / "config.yml"


@pytest.fixture(scope="module")
def viewed(trained_run: Path, browser: str) -> Iterator[Viewed]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")
    started: list = []

    def remember(*args, **kwargs):
        started.append(Viewer(*args, **kwargs))
        return started[-1]

    patch = pytest.MonkeyPatch()
    patch.setattr(run_viewer, "ViewerState", remember)
    command = run_viewer.RunViewer(load_config=trained_run)
    command.viewer.websocket_port = PORT
    threading.Thread(target=command.main, daemon=True).start()
    wait_for(lambda: bool(started), 60, "ns-viewer did not start")
    with playwright.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": WINDOW[0], "height": WINDOW[1]})
        page.goto(f"http://localhost:{PORT}", wait_until="domcontentloaded")
        wait_for(lambda: len(started[0].viser_server.get_clients()) == 1, 60, "the page did not connect")
        yield Viewed(page, started[0])
        chromium.close()
    started[0].viser_server.stop()
    time.sleep(1)  # a render thread that outlives the interpreter would abort it
    patch.undo()


def wait_for(condition: Callable[[], bool], seconds: float, failure: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(0.1)


@pytest.mark.browser
@pytest.mark.slow
def test_the_canvas_shows_our_rendering_and_switches_to_depth(viewed: Viewed, tmp_path: Path):
    wait_for(lambda: viewed.difference("rgb") < 0.03, 60, "the canvas never showed the scene")
    assert viewed.expected("rgb").std() > 0.05, "the scene itself is blank: nothing was compared"
    assert viewed.difference("depth") > 0.06, "colour and depth look the same: the comparison cannot fail"

    viewed.page.locator('input[value="rgb"]').first.click()
    viewed.page.get_by_role("option", name="depth", exact=True).click()
    wait_for(lambda: viewed.difference("depth") < 0.03, 60, "the canvas never showed the depth")
    assert viewed.difference("rgb") > 0.06
