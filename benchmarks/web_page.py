"""The page of ``csg view`` on a whole demo scene, with mouse and keys, in pixels: what tests/web does with a small one.

Orbit views against our renderer; clicks on objects, by the masks that the demo scene was ray-traced with; an object
hidden and one moved, again against our renderer; a file saved and opened again; 1000 random doings. Writes
results/web_page.json. Needs `make web` before, a browser, and the files that `make demo` makes.

    python benchmarks/web_page.py --file outputs/demo/scene.csg --data outputs/demo/scene
"""

import json
import sys
import tempfile
import time
import types
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from common import RESULTS, machine
from web_chromium import ROOT, SWIFTSHADER, chromium

LEAST_PSNR = 35.0
"""In dB, between page and renderer."""


@dataclass
class Options:
    """Look, click, hide, move, save, play."""

    file: Path = Path("outputs/demo/scene.csg")
    """The scene."""
    data: Path = Path("outputs/demo/scene")
    """The folder of its photos and masks."""
    views: int = 8
    """Of the orbit."""
    width: int = 480
    """Of their pictures, which are four thirds as wide as high."""
    doings: int = 1000
    """Random ones."""


@contextmanager
def page_of(file: Path, browser: Any, width: int, height: int) -> Any:
    """A page that shows a file."""
    from csgaussian_ns.tools import view
    from tests.web.servers import serving_application
    from tests.web.visits import Visit

    with serving_application(view.application({"scene.csg": file})) as address:
        visit = Visit(browser, f"{address}?scene=scene.csg", width, height=height)
        yield visit
        visit.close()


def pictures(options: Options, browser: Any) -> list[float]:
    """PSNR of each view of the orbit against our renderer, in dB."""
    import csgaussian_ns
    from tests.web import person

    scene = csgaussian_ns.load(options.file)
    cameras = scene.orbit(options.views, options.width, options.width * 3 // 4).values()
    with page_of(options.file, browser, 640, 480) as visit:
        return [person.against_ours(visit, scene, camera) for camera in cameras]


def doings(options: Options, browser: Any) -> dict[str, Any]:
    """What a person does, and what came of it."""
    import csgaussian_ns
    from tests.web import person
    from tests.web.demo_file import masks_of

    scene, masks = csgaussian_ns.load(options.file), masks_of(options.data)
    names = json.loads((options.data / "instances.json").read_text())
    best = max(masks, key=lambda name: sorted((masks[name] == int(number)).sum() for number in names)[-6])
    camera = person.enlarged(scene.cameras(options.data)[best], 2)
    wanted = {names[str(number)]: at for number, at in list(person.spots(masks[best], 2).items())[:5]}
    with page_of(options.file, browser, 960, 720) as visit, tempfile.TemporaryDirectory() as folder:
        visit.page.get_by_label("Fold the list").click()
        visit.picture(camera)
        record: dict[str, Any] = {"photo": best, "clicks": person.click_objects(visit, wanted)}
        first, second, *_ = wanted.values()
        visit.page.keyboard.press("Escape")
        record["hide"] = person.hide_by_key(visit, scene, camera, first)
        record["move"] = person.move_by_mouse(visit, scene, camera, second)
        record["save"] = person.save_and_reopen(visit, scene, camera, Path(folder))
    return record


def keep(record: dict[str, Any]) -> None:
    """Write what is known so far, as random doings take longest."""
    (RESULTS / "web_page.json").write_text(json.dumps(record, indent=1) + "\n")


def main(options: Options) -> None:
    """Do it, and write what came of it."""
    # Some installed packages bring a package called tests, which would come before ours.
    sys.modules["tests"] = types.ModuleType("tests")
    sys.modules["tests"].__path__ = [str(ROOT / "tests")]
    from tests.web import person

    record: dict[str, Any] = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "file": options.file.name}
    record |= {"bytes": options.file.stat().st_size, "picture": [options.width, options.width * 3 // 4]}
    with chromium(*SWIFTSHADER) as browser:
        record["orbit_psnr"] = pictures(options, browser)
        record |= doings(options, browser)
        keep(record)
        with page_of(options.file, browser, 260, 220) as visit:
            person.play(visit, options.doings)
            record["random_doings_without_an_error"] = options.doings
    keep(record)
    low = [value for value in record["orbit_psnr"] if value < LEAST_PSNR]
    wrong = {name: found for name, found in record["clicks"].items() if name != found}
    if low or wrong:
        raise SystemExit(f"below {LEAST_PSNR} dB: {low}; clicked wrongly: {wrong}")


if __name__ == "__main__":
    main(tyro.cli(Options))
