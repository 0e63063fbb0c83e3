"""``csg report`` on folders as ``csg batch`` leaves them: whole ones, and such as a crash or another machine left."""

import base64
import csv
import io
import json
import re
import tracemalloc
from contextlib import redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from csgaussian_ns.fleet.result import EVALUATION, RESULTS, SCENE, TaskError
from csgaussian_ns.report.inlined import jpeg_address
from csgaussian_ns.report.page import bars
from csgaussian_ns.report.pictures import heat
from csgaussian_ns.report.rows import read_batch
from csgaussian_ns.report.trade import captures, settings_of, trade_svg
from csgaussian_ns.report.worst import worst_views
from csgaussian_ns.tools import cli
from tests.docs import place
from tests.report.batches import put_files, result, true_result, write_results

OPTION = "pipeline.model.lambda-rate"


class Page(HTMLParser):
    """What is in a page: texts by section, addresses, images."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.texts: dict[str, str] = {}
        self.open: list[str] = []
        self._section = "head"
        self.feed(path.read_text("utf8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        facts = dict(attrs)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]
        if tag == "section":
            self._section = facts["id"] or ""
        if tag not in ("meta", "input", "img", "path", "use", "rect", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts[self._section] = f"{self.texts.get(self._section, '')} {' '.join(data.split())}"

    @property
    def images(self) -> list[Image.Image]:
        found = [a.partition("base64,")[2] for a in self.addresses if a.startswith("data:image/jpeg;base64,")]
        return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("made")


@pytest.fixture(scope="module")
def measured(made: Path) -> dict[str, Any]:
    """What ``csg evaluate`` says of a real file, which lies in ``made`` then."""
    place.make(made)
    told = io.StringIO()
    with redirect_stdout(told):
        assert cli.main(["evaluate", str(made / "scene.csg"), "--data", str(made / "path/to/scene"), "--json"]) == 0
    return json.loads(told.getvalue())


@pytest.fixture
def batch(tmp_path: Path, made: Path, measured: dict[str, Any]) -> Path:
    """Two rates of one capture, and a task that failed."""
    folder = tmp_path / "rooms & <halls>"
    for name, rate, less in (("fine", 0.002, 0.0), ("coarse", 0.008, 3.0)):
        put_files(folder / name, made, measured, less)
        write_results(folder, true_result(name, made, measured, options={OPTION: rate}, output=str(folder / name)))
    error = TaskError("StageFailed", "train: no <photos> & nothing else")
    failed = {"status": "failed", "error": error, "bytes": None, "sections": {}, "psnr": None, "ssim": None}
    write_results(folder, result("broken", "/nowhere/attic", options={OPTION: 0.002}, gaussians=None, **failed))
    return folder


def test_one_page_with_all_that_there_is(csg, batch: Path, measured: dict[str, Any]):
    code, out, err = csg("report", batch, "--width", "64")
    assert code == 0, err
    assert f"{batch / 'report.html'}: 2 files, 1 failure, 5 pictures" in out and out.endswith("survey\n")
    page = Page(batch / "report.html")
    assert page.open == [], "an element was not closed"
    assert list(page.texts) == ["head", "quality", "files", "views", "objects", "bytes", "failures"]
    assert page.texts["failures"].count("no <photos> & nothing else") == 1, "texts from outside are escaped"
    assert "rooms & <halls>" in page.texts["head"]
    worst = min(found["psnr"] for found in measured["colour"]["per_view"].values()) - 3
    assert f"coarse 00 {worst:.2f} dB" in re.sub(r"\s+", " ", page.texts["views"]) and "fine" not in page.texts["views"]
    assert "cup" in page.texts["objects"] and "plate" in page.texts["objects"]
    assert [image.size for image in page.images] == [(64, 48)] * 5
    photo, decoded, difference, *_ = (np.asarray(image.convert("RGB"), np.float32) / 255 for image in page.images)
    assert photo.std() > 0.1 and heat(photo, decoded).mean() == pytest.approx(difference.mean(), abs=0.05)
    assert "lambda-rate 0.008" in page.texts["files"] and "0.008" in page.texts["quality"]


def test_a_page_fetches_nothing(csg, batch: Path):
    assert csg("report", batch, "--views", "1")[0] == 0
    text = (batch / "report.html").read_text()
    known = {f"row-{number}" for number in (1, 2, 3)}
    found = Page(batch / "report.html").addresses
    assert all(a.startswith("data:") or a == "#failures" or a[1:] in known or a.startswith("#") for a in found)
    assert "://" not in re.sub(r"data:[^\"]*", "", text) and "default-src 'none'" in text
    links = [a for a in found if a[1:] in known]
    assert sorted(links) == ["#row-1", "#row-2"], "points of the figure lead to their rows"


def test_tables_in_the_layout_of_the_survey(csg, batch: Path, made: Path, measured: dict[str, Any]):
    assert csg("report", batch, "--views", "0")[0] == 0
    [table] = (batch / "survey").rglob("*.csv")
    assert table == batch / "survey" / "to" / "scene.csv", "data set and scene"
    first, *lines = csv.reader(table.read_text().splitlines())
    assert ",".join(first) == "Submethod,PSNR,SSIM,Size [Bytes],#Gaussians", "LPIPS was not measured"
    size = (made / "scene.csg").stat().st_size
    psnr = measured["colour"]["psnr"]
    assert lines[0] == [" lambda-rate 0.008", f"{psnr:.4f}", "0.91235", str(size), "9000"]
    assert [line[0] for line in lines] == [" lambda-rate 0.008", " lambda-rate 0.002"]


def test_lpips_has_a_column_where_it_was_measured(csg, tmp_path: Path):
    write_results(tmp_path, result("a", "/x/room", lpips=0.123456), result("b", "/x/hall"))
    write_results(tmp_path, result("c", "/x/attic", options={**result("c", "x").options, "lpips-weights": "/w.pt"}))
    assert csg("report", tmp_path, "--views", "0")[0] == 0
    assert "lpips-weights" not in (tmp_path / "report.html").read_text(), "a measure is no setting"
    lines = (tmp_path / "survey/x/room.csv").read_text().splitlines()
    assert lines == [
        "Submethod,PSNR,SSIM,LPIPS,Size [Bytes],#Gaussians", "Baseline,30.2500,0.91235,0.12346,400000,9000"
    ]  # fmt: skip
    assert (tmp_path / "survey/x/hall.csv").read_text().splitlines()[1] == "Baseline,30.2500,0.91235,,400000,9000"
    table = Page(tmp_path / "report.html").texts["files"]
    assert "LPIPS" in table and "0.123" in table
    write_results(tmp_path, result("a", "/x/room"))
    assert csg("report", tmp_path, "--views", "0")[0] == 0
    assert "LPIPS" not in Page(tmp_path / "report.html").texts["files"]


def test_captures_of_one_name_have_tables_of_their_own(csg, tmp_path: Path):
    places = ["/x/a_b/room", "/a/b/room", "/c/b/room", "s3://k/b/room", "s3://k/b/room?", "/room"]
    write_results(tmp_path, *(result(f"t{number}", place) for number, place in enumerate(places)))
    code, out, _ = csg("report", tmp_path, "--views", "0", "--json")
    assert code == 0
    tables = json.loads(out)["tables"]
    assert len(set(tables)) == len(places) and all(len(Path(table).read_text().splitlines()) == 2 for table in tables)
    names = {Path(table).relative_to(tmp_path / "survey").as_posix() for table in tables}
    assert {"a_b/room.csv", "c_b/room.csv", "scenes/room.csv"} <= names


def test_a_batch_at_an_address(csg, tmp_path: Path, made: Path, measured: dict[str, Any], monkeypatch):
    put_files(tmp_path / "far/task", made, measured)
    address = f"local://{tmp_path}/far"
    write_results(tmp_path / "far", result("task", made / "path/to/scene", output=f"{address}/task"))
    built = tmp_path / "built"
    built.mkdir()
    (built / "index.html").write_text("<body>")
    monkeypatch.setattr("csgaussian_ns.tools.view.PAGE", built)
    code, out, err = csg("report", address, "--json", "--views", "1", "--link-views")
    assert code == 0, err
    facts = json.loads(out)
    assert facts["report"] == f"{address}/report.html" and facts["pictures"] == 5 and facts["notes"] == []
    assert facts["tables"] == [f"{address}/survey/to/scene.csv"] and (tmp_path / "far/survey/to/scene.csv").is_file()
    page = Page(tmp_path / "far/report.html")
    assert [a for a in page.addresses if "view" in a] == ["view/index.html?scene=../task/scene.csg"]
    assert (tmp_path / "far/view/index.html").is_file() and " far" in page.texts["head"]
    assert csg("report", address, "-o", tmp_path / "own.html", "--views", "0")[0] == 0
    assert (tmp_path / "own.html").is_file()
    code, _, err = csg("report", f"local://{tmp_path}/nothing")
    assert code == 2 and "there is no such folder" in err


def test_json_for_programs(csg, batch: Path):
    facts = json.loads(csg("report", batch, "--json", "--views", "1", "-o", batch / "pages" / "one.html")[1])
    assert facts["report"] == str(batch / "pages" / "one.html") and facts["notes"] == []
    assert (facts["done"], facts["failed"], facts["pictures"]) == (2, 1, 5)
    assert facts["bytes"] == (batch / "pages" / "one.html").stat().st_size


def test_folders_of_csg_view_are_linked(csg, batch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (batch / "fine" / "view").mkdir()
    (batch / "fine" / "view" / "index.html").write_text("a page")
    assert csg("report", batch, "--views", "0", "-o", tmp_path / "report.html")[0] == 0
    own = "rooms%20%26%20%3Challs%3E/fine/view/index.html"
    assert [a for a in Page(tmp_path / "report.html").addresses if "view" in a] == [own]
    built = tmp_path / "built"
    built.mkdir()
    (built / "index.html").write_text('<body class="busy">')
    monkeypatch.setattr("csgaussian_ns.tools.view.PAGE", built)
    assert csg("report", batch, "--views", "0", "--link-views")[0] == 0
    links = [a for a in Page(batch / "report.html").addresses if "view" in a]
    assert links == ["fine/view/index.html", "view/index.html?scene=../coarse/scene.csg"]
    assert (batch / "view" / "index.html").is_file()
    (built / "index.html").unlink()
    code, _, err = csg("report", batch, "--link-views")
    assert code == 2 and "make web" in err


def test_a_line_of_a_killed_driver_is_told_and_left_out(csg, batch: Path):
    with (batch / RESULTS).open("a") as file:
        file.write('{"key": "1", "name": "half')
    facts = json.loads(csg("report", batch, "--json", "--views", "0")[1])
    assert facts["done"] == 2 and len(facts["notes"]) == 1
    assert facts["notes"][0].startswith("1 line of results.jsonl cannot be read and is left out: line 4 is no JSON")
    assert "line 4" in Page(batch / "report.html").texts["notes"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"psnr": "good"}, "of another kind"),
        ({"psnr": float("nan")}, "of another kind"),
        ({"bytes": -1}, "of another kind"),
        ({"bytes": True}, "of another kind"),
        ({"sections": {"COLR": "much"}}, "of another kind"),
        ({"name": ""}, "of another kind"),
        ({"name": 3}, "of another kind"),
        ({"status": "perhaps"}, "result"),
        ({"options": [1]}, "of another kind"),
        ({"run": None}, "expected a result of csg batch"),
    ],
)
def test_a_line_that_is_no_result_is_told(batch: Path, changes: dict[str, Any], what: str):
    facts = result("other", "/data/other").facts() | changes
    with (batch / RESULTS).open("a") as file:
        file.write(json.dumps(facts) + "\n[1, 2]\n\n")
    found = read_batch(str(batch))
    assert [one.name for one in found.results] == ["fine", "coarse", "broken"]
    assert len(found.notes) == 1 and what in found.notes[0] and "2 lines" in found.notes[0]


def test_the_last_result_of_a_task_counts(batch: Path):
    again = result("broken", "/data/attic", bytes=7)
    write_results(batch, again)
    found = read_batch(str(batch))
    assert [one.name for one in found.done] == ["fine", "coarse", "broken"] and found.failed == ()
    assert found.results[2] == again


def test_nothing_to_report(csg, tmp_path: Path):
    for folder, what in ((tmp_path / "none", "no such folder"), (tmp_path, "no results.jsonl")):
        code, _, err = csg("report", folder)
        assert code == 2 and what in err and "csg batch" in err
    (tmp_path / RESULTS).write_text("\nnonsense\n")
    code, _, err = csg("report", tmp_path)
    assert code == 2 and "no task of the batch has ended yet" in err and "line 2 is no JSON" in err
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    "options", [("--views", "201"), ("--views", "-1"), ("--width", "15"), ("-o", "page.pdf"), ("--title",)]
)
def test_options_that_cannot_be(csg, batch: Path, options: tuple[str, ...]):
    try:
        code, _, err = csg("report", batch, *options)
    except SystemExit as stopped:  # by the parser
        code, err = stopped.code, "--title"
    assert code == 2 and options[0] in err
    assert not (batch / "report.html").exists()


def test_files_that_are_missing_are_told(csg, batch: Path, tmp_path: Path):
    (batch / "coarse" / EVALUATION).write_text("{")
    (batch / "fine" / SCENE).write_bytes(b"CSGS" + bytes(60))
    facts = json.loads(csg("report", batch, "--json")[1])
    assert len(facts["notes"]) == 2 and facts["pictures"] == 2, "objects of the coarse one are shown still"
    assert facts["notes"][0].startswith("coarse: ") and "its views are not among the worst" in facts["notes"][0]
    assert f"{batch / 'fine' / SCENE} cannot be read" in facts["notes"][1]
    page = Page(batch / "report.html")
    assert "cannot be read" in page.texts["views"] and page.open == []


def test_a_scene_whose_photos_are_elsewhere(csg, tmp_path: Path, made: Path, measured: dict[str, Any]):
    folder = tmp_path / "batch"
    for name, data in (("far", "s3://bucket/room"), ("gone", "/no/such/room")):
        put_files(folder / name, made, measured)
        write_results(folder, result(name, data))
    facts = json.loads(csg("report", folder, "--json", "--width", "48")[1])
    assert {note.partition("; ")[0] for note in facts["notes"]} == {
        "the photos of s3://bucket/room are not here",
        "the photos of /no/such/room are not here",
    }
    assert facts["pictures"] == 4, "objects are shown from a circle around the scene"
    assert sorted(path.name for path in (folder / "survey").rglob("*.csv")) == ["room.csv", "room.csv"]


def test_files_that_were_measured_alone_lie_elsewhere(csg, tmp_path: Path, made: Path, measured: dict[str, Any]):
    place = put_files(tmp_path / "batch" / "task", made, measured)
    (place / SCENE).rename(tmp_path / "scene.csg")
    only = {"run": ("evaluate",), "file": str(tmp_path / "scene.csg")}
    write_results(tmp_path / "batch", result("task", made / "path/to/scene", **only))
    facts = json.loads(csg("report", tmp_path / "batch", "--json", "--views", "1")[1])
    assert facts["notes"] == [] and facts["pictures"] == 5


def test_files_at_an_address(csg, tmp_path: Path, made: Path, measured: dict[str, Any]):
    place = put_files(tmp_path / "elsewhere" / "task", made, measured)
    folder = tmp_path / "batch"
    write_results(folder, result("task", made / "path/to/scene", output=f"file://{place}"))
    facts = json.loads(csg("report", folder, "--json", "--views", "1")[1])
    assert facts["notes"] == [] and facts["pictures"] == 5


def test_worst_views_are_of_many_scenes(tmp_path: Path, made: Path, measured: dict[str, Any]):
    report = measured | {"colour": {"per_view": {f"{n:02d}": {"psnr": 20.0 + n, "ssim": 0.5} for n in range(9)}}}
    for number in range(3):
        put_files(tmp_path / f"t{number}", made, report, -number)
        write_results(tmp_path, result(f"t{number}", f"/data/scene{number // 2}"))
    views, notes = worst_views(read_batch(str(tmp_path)), 9)
    assert notes == [] and [(view.result.name, view.name, view.psnr) for view in views] == [
        ("t0", "00", 20.0), ("t0", "01", 21.0), ("t2", "00", 22.0), ("t2", "01", 23.0)
    ]  # fmt: skip
    assert worst_views(read_batch(str(tmp_path)), 1)[0] == views[:1]


def test_settings_are_what_differs():
    some = [result("a", "/x", options={"p.rate": 1, "same": 2}), result("b", "/x", options={"p.rate": 3, "same": 2})]
    assert settings_of(some) == {"a": "rate 1", "b": "rate 3"}
    assert settings_of(some[:1]) == {"a": ""}
    other = result("c", "/x", method="csgaussian", options={"same": 2})
    assert settings_of([*some, other])["c"] == "csgaussian" and settings_of([*some, other])["a"] == (
        "csgaussian-lite, rate 1"
    )


def test_captures_are_called_as_short_as_can_be():
    found = captures([result("a", "/x/one/room/"), result("b", "/x/two/room"), result("c", "/x/one/room/")])
    assert {name: [one.name for one in own] for name, own in found.items()} == {
        "one/room": ["a", "c"],
        "two/room": ["b"],
    }


def test_the_figure_shows_means_over_what_all_settings_have():
    def task(name: str, data: str, rate: float, size: int, psnr: float) -> Any:
        return result(name, data, options={"rate": rate}, bytes=size, psnr=psnr)

    some = [task("a", "/x", 1, 100_000, 20.0), task("b", "/y", 1, 300_000, 30.0)]
    some += [task("c", "/x", 2, 50_000, 18.0), task("d", "/y", 2, 150_000, 28.0), task("e", "/z", 2, 10_000, 10.0)]
    rows = {one.name: f"row-{one.name}" for one in some}
    text = trade_svg(some, rows)
    assert "mean of 2 captures" in text and "rate 1" in text and "var(--c0)" in text and "var(--ink)" in text
    assert text.startswith("<svg") and text.endswith("</svg>") and "#3b6fb6" not in text
    assert sorted(re.findall(r'<a href="#row-(\w)"', text)) == ["a", "b", "c", "d", "e"]
    many = [task(f"t{n}", f"/{n}", 1, 1000 * (n + 1), 20.0 + n) for n in range(30)]
    assert "30 files of 30 captures" in trade_svg(many, {one.name: one.name for one in many})
    assert trade_svg([result("a", "/x", psnr=None)], {"a": "a"}) == ""


def test_bars_share_out_all_bytes():
    some = [result(f"t{n}", "/x", sections={"COLR": 10 * n, "NEWS": 1, "container": 2}) for n in range(50)]
    found = bars(some)
    assert found["kinds"] == ["COLR", "container", "NEWS"] and found["count"] == 50 and len(found["files"]) == 40
    assert dict(found["all"]) == {"COLR": 10 * sum(range(50)), "container": 100, "NEWS": 50}
    assert found["files"][0] == ("t49", [("COLR", 490), ("container", 2), ("NEWS", 1)]) and found["largest"] == 493
    assert bars([])["all"] == []


def test_a_difference_is_as_bright_as_it_is_large():
    black, levels = np.zeros((1, 3, 3), np.float32), np.array([0, 0.1, 0.3], np.float32)
    shown = heat(black, np.broadcast_to(levels[None, :, None], (1, 3, 3)).copy()).sum(axis=2)[0]
    assert shown[0] < 0.1 < shown[1] < shown[2] and shown[2] > 2.4
    grey = Image.open(io.BytesIO(base64.b64decode(jpeg_address(black + 2).partition(",")[2])))
    assert grey.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.slow
def test_memory_is_flat_in_pictures(csg, tmp_path: Path, made: Path, measured: dict[str, Any]):
    """Rows cost little, and no picture is kept: many views peak hardly above few."""
    report = measured | {"colour": {"per_view": {"00": {"psnr": 20.0, "ssim": 0.5}, "01": {"psnr": 21.0, "ssim": 0.5}}}}
    for number in range(6):
        put_files(tmp_path / f"t{number}", made, report)
        data = tmp_path / f"scene{number}"
        data.symlink_to(made / "path/to/scene")
        write_results(tmp_path, result(f"t{number}", data, psnr=20.0 + number))
    assert csg("report", tmp_path, "--views", "2")[0] == 0  # what is loaded once
    peaks = {}
    for views in (2, 12):
        tracemalloc.start()
        assert csg("report", tmp_path, "--views", views)[0] == 0
        peaks[views] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert len(Page(tmp_path / "report.html").images) == 12 * 3 + 6 * 2
    assert peaks[12] < 1.3 * peaks[2] + 300_000


def test_many_rows(csg, tmp_path: Path):
    for start in range(0, 2000, 500):
        write_results(
            tmp_path,
            *(result(f"t{n}", f"/data/{n}", psnr=20.0 + n % 9, run=("train",)) for n in range(start, start + 500)),
        )
    code, out, err = csg("report", tmp_path, "--views", "0")
    assert code == 0 and "2,000 files" in out, err
    assert (tmp_path / "report.html").read_text().count('id="row-') == 2000


def test_without_the_extra_it_is_named(csg, batch: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    code, _, err = csg("report", batch)
    assert code == 2 and "jinja2" in err and "[report]" in err and not (batch / "report.html").exists()
    assert cli.COMMANDS["report"].__doc__ is not None
