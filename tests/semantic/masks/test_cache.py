"""A folder of masks fills photo by photo, survives being killed, and is made again only where something changed."""

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.semantic.masks.cache import FilledCache, fill
from csgaussian_ns.semantic.masks.label_maps import read_label_maps, read_notes, write_masks
from csgaussian_ns.semantic.masks.mask_set import MaskSet
from csgaussian_ns.semantic.masks.settings import FallbackSettings, SamSettings, settings_hash


def write_photos(folder: Path, count: int = 5) -> list[Path]:
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (8, 6), (number, 0, 0)).save(folder / f"{number}.png")
    return sorted(folder.iterdir())


def halves(image: np.ndarray) -> MaskSet:
    """Two masks, so that the first photo's label map can be told from the second's: the cut is its red value."""
    left = np.arange(image.shape[1]) <= image[0, 0, 0]
    return MaskSet.from_masks(np.stack([np.tile(left, (6, 1)), np.tile(~left, (6, 1))]))


class Counting:
    """A maker that counts its calls, and may fail at one of them."""

    def __init__(self, fail_at: int = -1) -> None:
        self.calls, self.fail_at = 0, fail_at

    def __call__(self, image: np.ndarray) -> MaskSet:
        if self.calls == self.fail_at:
            raise KeyboardInterrupt
        self.calls += 1
        return halves(image)


def run(folder: Path, photos: list[Path], maker: Counting, made_by: str = "a/1") -> FilledCache:
    return fill(folder, photos, made_by, lambda: maker)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path):
    photos = write_photos(tmp_path / "photos")
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", photos, Counting(fail_at=3))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.npz", "1.npz", "2.npz"]
    maker = Counting()
    made = run(tmp_path / "out", photos, maker)
    assert (maker.calls, made.made, made.replaced) == (2, 2, 0)
    for number, photo in enumerate(photos):
        assert read_label_maps(made.files[photo])[0, 0].tolist() == [1] * (number + 1) + [2] * (7 - number)


def test_a_finished_folder_needs_no_maker(tmp_path: Path):
    photos = write_photos(tmp_path / "photos")
    run(tmp_path / "out", photos, Counting())

    def no_maker() -> Counting:
        raise AssertionError("weights were loaded for nothing")

    made = fill(tmp_path / "out", photos, "a/1", no_maker)
    assert made.made == 0 and len(made.files) == 5


def test_what_changed_is_made_again(tmp_path: Path):
    photos = write_photos(tmp_path / "photos")
    run(tmp_path / "out", photos, Counting())
    Image.new("RGB", (8, 6), (6, 0, 0)).save(photos[1])
    maker = Counting()
    made = run(tmp_path / "out", photos, maker)
    assert (maker.calls, made.made, made.replaced) == (1, 1, 1)
    assert read_label_maps(made.files[photos[1]])[0, 0].tolist() == [1] * 7 + [2]
    assert run(tmp_path / "out", photos, Counting(), made_by="a/2").replaced == 5
    assert read_notes(tmp_path / "out" / "0.npz")["made_by"] == "a/2"


def test_files_of_others_stay(tmp_path: Path):
    photos = write_photos(tmp_path / "photos")
    write_masks(tmp_path / "0.npz", halves(np.zeros((6, 8, 3), np.uint8)))
    before = (tmp_path / "0.npz").read_bytes()
    with pytest.raises(ConfigError, match=r"0.npz was not written by csg masks and stays"):
        run(tmp_path, photos, Counting())
    assert (tmp_path / "0.npz").read_bytes() == before


def test_photos_of_the_same_name_in_two_folders(tmp_path: Path):
    (tmp_path / "photos").mkdir()
    left, right = write_photos(tmp_path / "photos" / "left", 1), write_photos(tmp_path / "photos" / "right", 2)
    made = run(tmp_path / "out", left + right, Counting())
    assert [path.relative_to(tmp_path / "out").as_posix() for path in made.files.values()] == [
        "left/0.npz",
        "right/0.npz",
        "right/1.npz",
    ]
    Image.new("RGB", (8, 6)).save(tmp_path / "photos" / "left" / "0.jpg")
    with pytest.raises(DataError, match=r"0.png and .*0.jpg would share one label map"):
        run(tmp_path / "out", [*left, tmp_path / "photos" / "left" / "0.jpg"], Counting())


def test_a_damaged_photo_is_named(tmp_path: Path):
    photos = write_photos(tmp_path / "photos")
    photos[2].write_bytes(photos[2].read_bytes()[:40])
    with pytest.raises(DataError, match=r"the photo .*2.png cannot be read"):
        run(tmp_path / "out", photos, Counting())


KILLED = """
import sys, time
from pathlib import Path
from csgaussian_ns.semantic.masks.cache import fill
from csgaussian_ns.semantic.masks.mask_set import MaskSet
import numpy as np

def maker(image):
    print("photo", flush=True)
    time.sleep(0.02)
    return MaskSet.from_masks(np.random.default_rng(0).random((200, 240, 320)) > 0.5)

fill(Path(sys.argv[1]), sorted(Path(sys.argv[2]).iterdir()), "a/1", lambda: maker)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_after_kill_9_every_file_is_whole(tmp_path: Path):
    photos = write_photos(tmp_path / "photos", 40)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "out"), str(tmp_path / "photos")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    time.sleep(0.05)  # into the writing of a file
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = sorted((tmp_path / "out").glob("*.npz"))
    assert 3 <= len(whole) < 40
    for file in whole:
        assert read_label_maps(file).shape[1:] == (240, 320) and read_notes(file)["made_by"] == "a/1"
    assert run(tmp_path / "out", photos, Counting()).made == 40 - len(whole)


@pytest.mark.parametrize(
    "change", [{"scale": 201.0}, {"lightness": 0.4}, {"sigma": 0.1}, {"min_area": 0.1}, {"join": 3.0}]
)
def test_every_setting_counts(change: dict):
    settings = FallbackSettings()
    assert settings_hash("fallback", settings) == settings_hash("fallback", FallbackSettings())
    assert settings_hash("fallback", replace(settings, **change)) != settings_hash("fallback", settings)


def test_weights_count_and_memory_does_not():
    settings = SamSettings()
    assert settings_hash("sam", settings, "weights") != settings_hash("sam", settings, "others")
    assert settings_hash("sam", settings, "w") == settings_hash("sam", replace(settings, points_per_batch=1), "w")
