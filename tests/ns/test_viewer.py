"""The real ``ns-viewer`` in a real browser: what the canvas shows is what we render, also as depth."""

import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.scripts.viewer import run_viewer
from nerfstudio.utils.colormaps import apply_depth_colormap
from nerfstudio.viewer.utils import get_camera
from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO, Viewer
from PIL import Image
from scipy.ndimage import distance_transform_edt
from viser.transforms import SO3

from csgaussian_ns.ns.pinhole import to_camera
from csgaussian_ns.semantic.seen import label_map
from csgaussian_ns.semantic.shown import DIMMED
from tests.ns.commands import TypedRun

PORT = 7123
WINDOW = (900, 600)


class Viewed:
    """A running viewer with one browser page connected to it."""

    def __init__(self, page, state) -> None:
        self.page, self.state = page, state

    @property
    def model(self):
        return self.state.pipeline.model

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

    def show(self, output: str) -> None:
        """Choose what is drawn, in the panel."""
        shown = self.state.control_panel.output_render
        if shown != output:
            self.page.locator(f'input[value="{shown}"]').first.click()
            self.page.get_by_role("option", name=output, exact=True).click()

    def note(self) -> str:
        """What the controls for objects say."""
        return self.model.object_controls.row_a.content

    def look_through(self, camera: Cameras) -> None:
        """Put the page where a photo was taken, with the photo's width filling the page's."""
        (client,) = self.state.viser_server.get_clients().values()
        pose = camera.camera_to_worlds.reshape(3, 4).numpy()
        half_width = float(camera.width / 2 / camera.fx)
        with client.atomic():
            client.camera.position = pose[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
            client.camera.wxyz = (SO3.from_matrix(pose[:, :3]) @ SO3.from_x_radians(np.pi)).wxyz
            client.camera.fov = 2 * float(np.arctan(half_width / client.camera.aspect))

    def settled(self) -> np.ndarray:
        """The canvas once it has stopped changing: the viewer draws coarsely first."""
        shown = [self.canvas()]

        def unchanged() -> bool:
            time.sleep(0.5)
            shown.append(self.canvas())
            return bool(np.abs(shown[-1] - shown[-2]).max() < 0.02)

        time.sleep(1)
        wait_for(unchanged, 60, "the canvas never came to rest")
        return shown[-1]

    def click(self, column: float, row: float) -> None:
        """Press the mouse at a place of the canvas."""
        box = self._box()
        self.page.mouse.click(box["x"] + column, box["y"] + row)

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
def viewed(typed_run: TypedRun, browser: str) -> Iterator[Viewed]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install -e '.[dev]'")
    started: list = []

    def remember(*args, **kwargs):
        started.append(Viewer(*args, **kwargs))
        return started[-1]

    patch = pytest.MonkeyPatch()
    patch.setattr(run_viewer, "ViewerState", remember)
    patch.chdir(typed_run.folder)
    command = run_viewer.RunViewer(load_config=Path(typed_run.config))
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

    viewed.show("depth")
    wait_for(lambda: viewed.difference("depth") < 0.03, 60, "the canvas never showed the depth")
    assert viewed.difference("rgb") > 0.06


@pytest.mark.browser
@pytest.mark.slow
def test_a_click_highlights_the_object_that_is_seen(viewed: Viewed):
    page, dataset = viewed.page, viewed.state.pipeline.datamanager.train_dataset
    wait_for(lambda: "objects**, as of step" in viewed.note(), 120, f"no objects were found: {viewed.note()}")
    viewed.show("rgb")
    page.get_by_role("button", name="Hide Train Cams").click()
    viewed.look_through(dataset.cameras[0])
    plain = viewed.settled()
    photo = Path(dataset.image_filenames[0])
    labels = np.asarray(Image.open(photo.parents[1] / "instance_masks" / photo.name))
    truth, target = on_canvas(labels, plain), best_known(viewed, dataset.cameras[:1], labels)
    inside = np.asarray(distance_transform_edt(truth == target))
    row, column = np.unravel_index(inside.argmax(), inside.shape)

    page.get_by_role("button", name="Select by click").click()
    wait_for(lambda: "Click on an object" in viewed.note(), 20, "the button did nothing")
    viewed.click(float(column), float(row))
    wait_for(lambda: "Selected: " in viewed.note(), 20, f"the click did nothing: {viewed.note()}")
    lit = np.abs(viewed.settled() - DIMMED * plain).sum(axis=2) > 0.25
    known = truth >= 0
    union, both = (lit | (truth == target)) & known, lit & (truth == target)
    assert both.sum() / union.sum() >= 0.7

    page.get_by_role("button", name="Show all as it is").click()
    wait_for(lambda: "Selected" not in viewed.note(), 20, "the selection did not end")
    wait_for(lambda: np.abs(viewed.settled() - plain).mean() < 0.02, 60, "the view is not as it was")


def best_known(viewed: Viewed, camera: Cameras, labels: np.ndarray) -> int:
    """The true object that the run knows best in a view: so short a training does not tell all of them apart."""
    view = viewed.model.object_controls._view
    assert view is not None
    seen = view.scene.seen(to_camera(camera))
    found = label_map(seen, view.scene.semantics.label, viewed.model.rasterizer).numpy()
    scores = {}
    for number in range(1, int(labels.max()) + 1):
        true = labels == number
        known = found == np.bincount(found[true], minlength=1).argmax()
        scores[number] = (true & known).sum() / (true | known).sum()
    return max(scores, key=scores.__getitem__)


def on_canvas(labels: np.ndarray, canvas: np.ndarray) -> np.ndarray:
    """A label map as the canvas shows the photo under ``look_through``; -1 beyond the photo's upper and lower edge."""
    height, width = canvas.shape[:2]
    rows, columns = np.mgrid[:height, :width] + 0.5
    scale = labels.shape[1] / width
    x = (columns * scale).astype(int)
    y = np.floor((rows - height / 2) * scale + labels.shape[0] / 2).astype(int)
    inside = (y >= 0) & (y < labels.shape[0])
    return np.where(inside, labels[y.clip(0, labels.shape[0] - 1), x.clip(0, labels.shape[1] - 1)].astype(int), -1)
