"""Figures of docs/fleet_plan.md: what was measured, what is assumed, and what follows for many scenes.

The tables of the page stand between marks and are written by this script, from the files of benchmarks/results;
tests/docs/test_fleet_plan.py compares them. Assumptions are the fields of ``Assumed``: change them and run

    python scripts/fleet_plan.py
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fleet_plan.md"
RESULTS = ROOT / "benchmarks" / "results"
HOUR, WEEK = 3600.0, 168.0


@dataclass(frozen=True)
class Assumed:
    """What nobody measured. Prices are in units of money, such as dollars; no offer stands behind them."""

    scenes: int = 100_000
    """Scenes."""
    photo_megabytes: float = 3.0
    """MB of one photo as a camera writes it."""
    interruptions_per_hour: float = 0.05
    """Interruptions of a spot machine in an hour."""
    restart_seconds: float = 120.0
    """Seconds until an interrupted task goes on: a machine, imports, photos."""
    evaluate_core_seconds: float = 60.0
    """Seconds of one core to decode and measure a file, photos read."""
    objects_per_scene: int = 5
    """Objects written for a scene: file, two reports, log, marker."""
    opens_per_month: int = 100
    """Times that a scene is opened in a month."""
    gpu_hour: float = 2.5
    """Price of a GPU hour."""
    spot_share: float = 0.4
    """Share of it that a spot machine costs."""
    core_hour: float = 0.04
    """Price of a core hour."""
    gigabyte_month: float = 0.02
    """Price of a GB kept for a month."""
    gigabyte_out: float = 0.05
    """Price of a GB sent by a CDN."""


@dataclass(frozen=True)
class Measured:
    """What was, with the file of benchmarks/results that says so."""

    train_seconds: float
    steps: int
    photos: int
    encode_seconds: float
    cpu_train_seconds: float
    fine_bytes: int
    fine_psnr: float
    fine_anchors: int
    small_bytes: int
    small_psnr: float
    arranged_bytes: int
    plain_bytes: int
    first_bytes: int
    first_psnr: float
    requests: int
    good_bytes: int
    good_psnr: float
    checkpoint_per_anchor: float
    checkpoint_every: int
    result_bytes: float


def read() -> Measured:
    """From the records."""
    peers, streaming, sizes = (_json(f"{name}.json") for name in ("peers", "streaming", "fleet_sizes"))
    on_gpu = _run(peers, "csgaussian f39e0bc, growth mended", 0.004)
    fine = _run(peers, "csgaussian 4acd167, on one CPU core", 0.002)
    small = _run(peers, "csgaussian 20d2913, on one CPU core", 0.014)
    points, plain = streaming["files"]["bonsai_arranged"], streaming["files"]["bonsai"]
    good = next(point for point in points if point["psnr"] >= 22 - 0.05)
    every = re.search(r"`--steps-per-save` \| `(\d+)`", (ROOT / "method_configs.md").read_text("utf8"))
    photos = re.search(r"(\d+) photos", peers["conditions"])
    assert every is not None and photos is not None
    return Measured(
        train_seconds=on_gpu["train_seconds"],
        steps=on_gpu["steps"],
        photos=int(photos[1]),
        encode_seconds=on_gpu["encode_seconds"],
        cpu_train_seconds=fine["train_cpu_seconds"],
        fine_bytes=fine["bytes"],
        fine_psnr=fine["decoded"]["psnr"],
        fine_anchors=fine["anchors"],
        small_bytes=small["bytes"],
        small_psnr=small["decoded"]["psnr"],
        arranged_bytes=points[-1]["bytes"],
        plain_bytes=plain[-1]["bytes"],
        first_bytes=points[0]["bytes"],
        first_psnr=points[0]["psnr"],
        requests=points[-1]["requests"],
        good_bytes=good["bytes"],
        good_psnr=good["psnr"],
        checkpoint_per_anchor=_mean([one["bytes"] / one["anchors"] for one in sizes["checkpoints"]]),
        checkpoint_every=int(every[1]),
        result_bytes=_mean(sizes["result_bytes"]),
    )


def _json(name: str) -> Any:
    return json.loads((RESULTS / name).read_text("utf8"))


def _run(peers: Any, method: str, weight: float) -> dict[str, Any]:
    [found] = [run for run in peers["runs"] if run["method"] == method and run["lambda"] == weight]
    return found


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def measured_rows(m: Measured) -> list[tuple[str, str, str]]:
    """What, how much, from where."""
    peers, streaming, sizes = "peers.json", "streaming.json", "fleet_sizes.json"
    return [
        (f"training on one H200, {m.steps:,} steps, {m.photos} photos", f"{m.train_seconds:,.0f} s", peers),
        ("training on one core, the same steps", f"{m.cpu_train_seconds:,.0f} s", peers),
        ("encoding on that machine", f"{m.encode_seconds:.1f} s", peers),
        ("file at `lambda-rate` 0.002", f"{m.fine_bytes / 1e6:.3f} MB, {m.fine_psnr:.2f} dB", peers),
        ("file at `lambda-rate` 0.014", f"{m.small_bytes / 1e6:.3f} MB, {m.small_psnr:.2f} dB", peers),
        ("bytes that `csg arrange` adds", f"{100 * (m.arranged_bytes / m.plain_bytes - 1):.1f} %", streaming),
        ("first picture of the arranged file", _part(m, m.first_bytes, m.first_psnr), streaming),
        ("a good picture of it", _part(m, m.good_bytes, m.good_psnr), streaming),
        ("range requests until it is whole", f"{m.requests}", streaming),
        ("checkpoint, for each anchor", f"{m.checkpoint_per_anchor:,.0f} bytes", sizes),
        ("line of `results.jsonl`", f"{m.result_bytes:,.0f} bytes", sizes),
    ]


def _part(m: Measured, size: int, psnr: float) -> str:
    return f"after {size / 1e6:.3f} MB, {100 * size / m.arranged_bytes:.1f} %; {psnr:.1f} dB of the final one"


def assumed_rows(a: Assumed) -> list[tuple[str, str]]:
    """What, how much."""
    lines = Path(__file__).read_text("utf8").splitlines()
    told = {
        field.name: lines[number + 1].strip().strip('"').rstrip(".")
        for field in fields(a)
        for number, line in enumerate(lines)
        if line.startswith(f"    {field.name}: ")
    }
    return [(told[field.name], f"{getattr(a, field.name):,}") for field in fields(a)]


def result_rows(m: Measured, a: Assumed) -> list[tuple[str, str, str]]:
    """What, how much, by which rule."""
    gpu = a.scenes * m.train_seconds / HOUR
    encode, evaluate = (a.scenes * s / HOUR for s in (m.encode_seconds, a.evaluate_core_seconds))
    photos = a.scenes * m.photos * a.photo_megabytes / 1e6
    checkpoint = m.checkpoint_per_anchor * m.fine_anchors
    writes = m.steps // m.checkpoint_every
    hit = a.interruptions_per_hour * m.train_seconds / HOUR
    without = hit * (a.restart_seconds + m.train_seconds / 2)
    kept = hit * (a.restart_seconds + m.train_seconds / writes / 2)
    fine, small = (a.scenes * size / 1e9 for size in (m.arranged_bytes, m.small_bytes))
    opens, sent = a.scenes * a.opens_per_month, a.scenes * writes * checkpoint / 1e12
    return [
        ("training", f"{gpu:,.0f} GPU hours", "scenes × seconds"),
        ("GPUs to be done in a week", f"{gpu / WEEK:,.0f}", "GPU hours / 168"),
        ("the same training on CPUs", f"{a.scenes * m.cpu_train_seconds / HOUR:,.0f} core hours", "scenes × seconds"),
        ("encoding", f"{encode:,.0f} machine hours", "scenes × seconds"),
        ("evaluation", f"{evaluate:,.0f} core hours", "scenes × seconds"),
        ("photos", f"{photos:,.1f} TB", "scenes × photos × MB"),
        ("arranged files at 0.002", f"{fine:,.0f} GB", "scenes × bytes"),
        ("files at 0.014", f"{small:,.0f} GB", "scenes × bytes"),
        ("objects in the store", f"{a.scenes * a.objects_per_scene:,}", "scenes × objects"),
        ("`results.jsonl`", f"{a.scenes * m.result_bytes / 1e6:,.0f} MB", "scenes × bytes"),
        ("one checkpoint of the finer file", f"{checkpoint / 1e6:,.0f} MB", "anchors × bytes"),
        ("tasks that a spot machine loses", f"{100 * hit:.2f} %", "interruptions × seconds"),
        ("lost to that, beginning anew", _share(without, m), "lost tasks × (restart + half a run)"),
        ("lost, resuming from checkpoints", _share(kept, m), "lost tasks × (restart + half an interval)"),
        ("checkpoints sent away for that", f"{sent:,.0f} TB", "scenes × checkpoints × bytes"),
        ("opened in a month, to the end", f"{opens * m.arranged_bytes / 1e12:,.1f} TB", "opens × bytes"),
        ("opened, and left at the first picture", f"{opens * m.first_bytes / 1e12:,.1f} TB", "opens × bytes"),
        ("range requests of a month", f"{opens * m.requests / 1e6:,.0f} million", "opens × requests"),
    ]  # fmt: skip


def _share(seconds: float, m: Measured) -> str:
    """Of the time of training."""
    return f"{100 * seconds / m.train_seconds:.2f} %"


def price_rows(m: Measured, a: Assumed) -> list[tuple[str, str]]:
    """What, and what it costs with the assumed prices."""
    gpu = a.scenes * (m.train_seconds + m.encode_seconds) / HOUR * a.gpu_hour
    cores = a.scenes * a.evaluate_core_seconds / HOUR * a.core_hour
    files = a.scenes * m.arranged_bytes / 1e9
    photos = a.scenes * m.photos * a.photo_megabytes / 1e3
    sent = a.scenes * a.opens_per_month * m.arranged_bytes / 1e9
    once = gpu * a.spot_share + cores
    return [
        ("training and encoding, on demand", f"{gpu:,.0f}"),
        ("training and encoding, spot", f"{gpu * a.spot_share:,.0f}"),
        ("evaluation", f"{cores:,.0f}"),
        ("for each scene, spot", f"{once / a.scenes:.3f}"),
        ("files kept, in a month", f"{files * a.gigabyte_month:,.0f}"),
        ("photos kept, in a month", f"{photos * a.gigabyte_month:,.0f}"),
        ("scenes sent, in a month", f"{sent * a.gigabyte_out:,.0f}"),
    ]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def tables() -> dict[str, str]:
    """Of the page, by their marks, in Markdown."""
    m, a = read(), Assumed()
    linked = [(what, value, f"[{file}](../benchmarks/results/{file})") for what, value, file in measured_rows(m)]
    return {
        "measured": _table(("Measured", "", "In"), linked),
        "assumed": _table(("Assumed", ""), assumed_rows(a)),
        "results": _table((f"{a.scenes:,} scenes", "", "Rule"), result_rows(m, a)),
        "prices": _table(("Units of money", ""), price_rows(m, a)),
    }


def with_tables(page: str, table: Callable[[str], str] = lambda name: tables()[name]) -> str:
    """The page with its tables as they are computed now."""
    return re.sub(
        r"(<!-- (\w+) -->\n).*?(<!-- end -->)", lambda m: f"{m[1]}{table(m[2])}\n{m[3]}", page, flags=re.DOTALL
    )


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text("utf8")), "utf8")
    print(f"wrote {PAGE.name}")
