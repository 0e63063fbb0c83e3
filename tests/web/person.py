"""What a person does to the objects of a scene, with mouse and keys, and whether the pixels show it.

Truth is our renderer, and the masks that the demo scene comes with; ``benchmarks/web_page.py`` does it with any file.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import distance_transform_edt

import csgaussian_ns
from csgaussian_ns.core.types import Camera
from csgaussian_ns.receiver.scene import LoadedScene
from tests.web.visits import Visit

KEYS = ("1", "2", "3", "4", "5", "h", "H", "i", "f", "0", "w", "q", "ArrowLeft", "Escape", "Delete", "n", "Enter")
MORE_KEYS = ("Control+z", "Control+y", "/", "?", "Tab", " ")


def psnr(found: np.ndarray, expected: np.ndarray) -> float:
    """In dB."""
    return float(-10 * np.log10(max(1e-12, np.square(found - expected).mean())))


def against_ours(visit: Visit, scene: LoadedScene, camera: Camera) -> float:
    """PSNR of the page against our renderer."""
    return psnr(visit.picture(camera), scene.draw(camera).image.clip(0, 1))


def spots(mask: np.ndarray, times: int = 1) -> dict[int, tuple[int, int]]:
    """A pixel of each object that a mask shows, as far inside as there is one, the largest objects first."""
    numbers, sizes = np.unique(mask[mask > 0], return_counts=True)
    found = {}
    for number in numbers[np.argsort(-sizes)]:
        inside = np.asarray(distance_transform_edt(np.pad(mask == number, 1)))[1:-1, 1:-1]
        row, column = np.unravel_index(int(inside.argmax()), mask.shape)
        found[int(number)] = (int((column + 0.5) * times), int((row + 0.5) * times))
    return found


def click(visit: Visit, place: tuple[int, int]) -> None:
    """On a pixel of the picture, which the page may show larger; nothing of the page may lie above it."""
    x, y = (pixel / visit.ask("window.csg.picture.sharpness") for pixel in place)
    assert visit.ask("([x, y]) => document.elementFromPoint(x, y).id", [x, y]) == "scene", (place, x, y)
    visit.page.mouse.click(x, y)


def click_objects(visit: Visit, wanted: dict[str, tuple[int, int]]) -> dict[str, str]:
    """The name of what is selected after a click at each place."""
    found = {}
    for name, (x, y) in wanted.items():
        visit.page.keyboard.press("Escape")
        click(visit, (x, y))
        visit.page.wait_for_function("window.csg.selected.length === 1")
        found[name] = visit.page.locator(".object.selected .name").inner_text()
    return found


def around(place: tuple[int, int], reach: int = 6) -> tuple[slice, slice]:
    """Pixels near one."""
    column, row = place
    return slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)


def hide_by_key(visit: Visit, scene: LoadedScene, camera: Camera, place: tuple[int, int]) -> dict[str, Any]:
    """Click and hide; how far its pixels went, what our renderer says, and whether all comes back."""
    before = visit.picture(camera)
    click(visit, place)
    visit.page.wait_for_function("window.csg.selected.length === 1")
    chosen = visit.ask("window.csg.selected[0]")
    visit.page.keyboard.press("h")
    hidden = visit.picture(camera)
    ours = scene.edited(csgaussian_ns.Remove(csgaussian_ns.Target((chosen,)))).draw(camera).image.clip(0, 1)
    away = visit.ask("([x, y]) => window.csg.pick(x, y)", [place[0] + 0.5, place[1] + 0.5])["object"]
    visit.page.keyboard.press("Escape")
    visit.page.keyboard.press("Shift+H")
    return {
        "changed": float(np.abs(hidden - before)[around(place)].mean()),
        "psnr": psnr(hidden, ours),
        "picked_there": away != chosen,
        "psnr_after_show_all": psnr(visit.picture(camera), before),
    }


def move_by_mouse(visit: Visit, scene: LoadedScene, camera: Camera, place: tuple[int, int]) -> dict[str, Any]:
    """Click, drag the upright arrow up; how far pixels went, which edit was made, what our renderer says of it."""
    page = visit.page
    page.keyboard.press("Escape")
    before = visit.picture(camera)
    click(visit, place)
    page.wait_for_function("window.csg.selected.length === 1")
    page.keyboard.press("2")
    x, y = visit.handle("move along z")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=5)
    page.mouse.up()
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    [edit] = visit.ask("window.csg.edits")
    moved = visit.picture(camera)
    target, (dx, dy, dz) = csgaussian_ns.Target(tuple(edit["objects"])), map(float, edit["shift"])
    ours = scene.edited(csgaussian_ns.Move(target, (dx, dy, dz))).draw(camera).image.clip(0, 1)
    change = np.abs(moved - before).mean(axis=2)
    return {
        "edit": edit,
        "changed": float(change[around(place)].mean()),
        "far_from_it": float(np.median(change)),
        "psnr": psnr(moved, ours),
        "psnr_to_before": psnr(moved, before),
    }


def save_and_reopen(visit: Visit, scene: LoadedScene, camera: Camera, folder: Path) -> dict[str, Any]:
    """Save by key, open the file in the page, and look whether it is the same."""
    page = visit.page
    before, listed = visit.picture(camera), visit.ask("window.csg.objects")
    with page.expect_download() as download:
        page.keyboard.press("Control+s")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    saved = csgaussian_ns.load(path)
    page.set_input_files("#file", path)
    page.wait_for_function(f"window.csg.name === '{path.name}' && window.csg.told?.whole && window.csg.objects.length")
    return {
        "psnr": psnr(visit.picture(camera), before),
        "listed": visit.ask("window.csg.objects") == listed,
        "edits": len(saved.edits),
        "bytes_of_the_scene": saved.original.data == scene.data,
        "unsaved": visit.ask("window.csg.editing.unsaved"),
    }


def play(visit: Visit, doings: int, seed: int = 0) -> None:
    """So many random clicks, drags, turns of the wheel, and keys."""
    dice, page = np.random.default_rng(seed), visit.page
    size = page.viewport_size
    keys = [*KEYS, *MORE_KEYS]
    for _ in range(doings // 4):
        x, y = (float(dice.integers(4, size[side] - 4)) for side in ("width", "height"))
        page.mouse.move(x, y)
        if dice.random() < 0.3:
            page.mouse.down()
            page.mouse.move(x + float(dice.integers(-40, 40)), y + float(dice.integers(-40, 40)), steps=2)
            page.mouse.up()
        else:
            page.mouse.click(x, y)
        page.mouse.wheel(0, float(dice.integers(-200, 200)))
        page.keyboard.press(str(dice.choice(keys)))


def enlarged(camera: Camera, times: int) -> Camera:
    """The same view with so many times the pixels."""
    focal = {name: times * getattr(camera, name) for name in ("fx", "fy", "cx", "cy")}
    return replace(camera, width=times * camera.width, height=times * camera.height, **focal)
