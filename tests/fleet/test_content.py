"""The key of a task is of what its capture shows: another when that changes, the same wherever it lies."""

import json
import os
import shutil
from pathlib import Path

import pytest

from csgaussian_ns.fleet.content import END, WHOLE, content_of
from tests.fleet.quick_steps import put_capture


def test_a_moved_capture_is_the_same_and_a_changed_one_is_not(tmp_path: Path):
    data = put_capture(tmp_path / "data")
    first = content_of(str(data))
    shutil.copytree(data, tmp_path / "elsewhere" / "other")
    assert content_of(str(tmp_path / "elsewhere" / "other")) == first == content_of(str(data / "transforms.json"))
    os.utime(data / "images/a.png", (1, 1))
    (data / "notes.txt").write_text("nothing that training reads")
    assert content_of(str(data)) == first
    seen = {first}
    (data / "images/a.png").write_text("photo A")  # of the same size
    seen.add(content_of(str(data)))
    put_capture(data, "a", "b", "c")
    seen.add(content_of(str(data)))
    (data / "images/c.png").unlink()
    seen.add(content_of(str(data)))
    (data / "instances.json").write_text("{}")
    seen.add(content_of(str(data)))
    assert len(seen) == 5


def test_what_frames_name_counts(tmp_path: Path):
    data = put_capture(tmp_path / "data")
    facts = json.loads((data / "transforms.json").read_text())
    facts["frames"][0]["instance_mask_path"] = "masks\\a.png"
    facts["ply_file_path"] = "points.ply"
    (data / "transforms.json").write_text(json.dumps(facts))
    seen = {content_of(str(data))}
    for name in ("masks/a.png", "points.ply"):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_bytes(b"x")
        seen.add(content_of(str(data)))
    assert len(seen) == 3


def test_of_large_files_both_ends_count(tmp_path: Path):
    data = put_capture(tmp_path / "data")
    photo, middle = data / "images/a.png", WHOLE // 2
    content = bytearray(WHOLE + 1)
    seen = []
    for place in (None, 0, END, middle, WHOLE - END + 1, WHOLE):
        if place is not None:
            content[place] = 1
        photo.write_bytes(content)
        seen.append(content_of(str(data)))
        content = bytearray(WHOLE + 1)
    assert seen[0] == seen[2] == seen[3] and len(set(seen)) == 4


@pytest.mark.parametrize("kind", ["blender", "colmap"])
def test_other_captures(tmp_path: Path, kind: str):
    data = tmp_path / kind
    (data / "images").mkdir(parents=True)
    if kind == "blender":
        (data / "transforms_train.json").write_text(json.dumps({"frames": [{"file_path": "./images/a"}]}))
    else:
        (data / "sparse/0").mkdir(parents=True)
        for name in ("cameras.bin", "images.bin"):
            (data / "sparse/0" / name).write_bytes(b"x")
    first = content_of(str(data))
    (data / "images/a.png").write_text("a")
    second = content_of(str(data))
    (data / "images/a.png").write_text("b")
    assert len({first, second, content_of(str(data))}) == 3


def test_a_run_and_a_scene_count_by_what_is_in_them(tmp_path: Path):
    data, config = put_capture(tmp_path / "data"), tmp_path / "run/config.yml"
    (config.parent / "nerfstudio_models").mkdir(parents=True)
    config.write_text("a")
    seen = {content_of(str(data)), content_of(str(data), str(config))}
    (config.parent / "nerfstudio_models/step-000001.ckpt").write_text("1")
    seen.add(content_of(str(data), str(config)))
    config.write_text("b")
    seen.add(content_of(str(data), str(config)))
    config.write_bytes(bytes(3 * WHOLE))
    seen.add(content_of(str(data), None, str(config)))
    config.write_bytes(bytes(WHOLE) + b"x" + bytes(2 * WHOLE - 1))
    seen.add(content_of(str(data), None, str(config)))
    assert len(seen) == 6


def test_at_an_address_names_sizes_and_times_count(tmp_path: Path):
    data = put_capture(tmp_path / "data")
    address = f"local://{data}"
    first = content_of(address)
    assert content_of(address) == first
    (data / ".hidden").write_text("x")
    assert content_of(address) == first
    os.utime(data / "images/a.png", (1, 1))
    second = content_of(address)
    (data / "images/a.png").write_text("longer than before")
    os.utime(data / "images/a.png", (1, 1))
    assert len({first, second, content_of(address)}) == 3


def test_of_what_cannot_be_read_the_place_counts(tmp_path: Path):
    assert content_of(str(tmp_path / "a")) != content_of(str(tmp_path / "b"))
    assert content_of("nothing://a") != content_of("nothing://b")


def test_changed_photos_are_a_new_task(write_manifest, plan_of, tmp_path: Path):
    plan = plan_of(write_manifest({"name": "a"}))
    [first] = plan.tasks()
    (tmp_path / "data/images/a.png").write_text("another photo")
    [second] = plan.tasks()
    shutil.move(tmp_path / "data", tmp_path / "moved")
    [third] = plan_of(write_manifest({"name": "b", "data": "moved"})).tasks()
    assert first.key != second.key == third.key and third.data == str(tmp_path / "moved")
