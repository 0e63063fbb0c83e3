"""The page: one HTML file that fetches nothing. Pictures are made and written one after the other."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from csgaussian_ns.core.files import replacing
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.fleet.table import clock
from csgaussian_ns.report.pictures import Comparison, ObjectsShown, comparisons, objects_shown
from csgaussian_ns.report.rows import Batch
from csgaussian_ns.report.trade import captures, settings_of, trade_svg
from csgaussian_ns.report.worst import worst_views

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = {
    "COLR": "colours and shapes of anchors",
    "SPLT": "Gaussians",
    "POSI": "positions",
    "MASK": "which Gaussians there are",
    "NETE": "entropy networks",
    "NETR": "render networks",
    "SEMA": "features of objects",
    "LABL": "objects",
    "OPAC": "how opaque objects are to clicks",
    "TREE": "what objects are parts of",
    "NETS": "entropy network of features",
    "META": "facts",
    "container": "header, table of contents, checksums",
}
"""What sections hold, in the order of the bars; others follow, under their own names."""
MOST_BARS = 40
"""Files with a bar of their own; of more, the largest are shown."""


@dataclass(frozen=True)
class Settings:
    """What the page shows.

    Attributes:
        views: Worst views, and files whose objects are shown, at most.
        width: Of pictures in pixels, at most.
        title: Of the page.
        link: Where a task's scene can be looked at in a browser, from the page; ``None`` where it cannot.
    """

    views: int
    width: int
    title: str
    link: Callable[[Result], str | None]


def write_page(batch: Batch, path: Path, settings: Settings) -> dict[str, Any]:
    """Write the page; it appears when it is complete.

    Args:
        batch: Whose.
        path: Of the page.
        settings: What is in it.

    Returns:
        How many ``pictures`` are in it, and the ``notes`` on what could not be shown.

    Raises:
        ConfigError: It cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    place = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    place.filters |= {"mb": lambda size: f"{size / 1e6:.3f}", "thousands": lambda number: f"{number:,}"}
    place.filters |= {"time": _time, "clock": lambda seconds: clock(float(seconds))}
    views, unread = worst_views(batch, settings.views)
    known = {"pictures": 0, "notes": [*batch.notes, *unread]}
    facts = {
        "title": settings.title,
        "batch": batch,
        "totals": _totals(batch),
        "notes": known["notes"],
        "figure": trade_svg(batch.done, _rows(batch)),
        "rows": _table(batch, settings),
        "bars": bars(batch.done),
        "sections": SECTIONS,
        "comparisons": _counted(comparisons(batch, views, settings.width), known),
        "some_views": bool(views),
        "objects": _counted(objects_shown(batch, _with_objects(batch, settings.views), settings.width), known),
        "some_objects": bool(_with_objects(batch, settings.views)),
    }
    with replacing(path) as file:
        for text in place.get_template("page.html").generate(facts):
            file.write(text.encode("utf8", "replace"))
    return known


def bars(results: Sequence[Result]) -> dict[str, Any]:
    """How the bytes of files are shared out.

    Returns:
        ``all`` parts of all files together, ``files`` with their parts, the largest first, ``kinds`` in the order of
        the parts, and the size of the ``largest`` file.
    """
    known = [result for result in results if result.sections]
    kinds = dict.fromkeys([*SECTIONS, *(kind for result in known for kind in result.sections)])
    total = {kind: sum(result.sections.get(kind, 0) for result in known) for kind in kinds}
    used = [kind for kind in kinds if total[kind]]
    shown = sorted(known, key=lambda result: -sum(result.sections.values()))[:MOST_BARS]
    files = [(result.name, [(kind, result.sections.get(kind, 0)) for kind in used]) for result in shown]
    largest = max((sum(result.sections.values()) for result in shown), default=0)
    return {"all": [(kind, total[kind]) for kind in used], "files": files, "kinds": used, "largest": largest,
            "count": len(known)}  # fmt: skip


def _counted(
    found: Iterator[Comparison] | Iterator[ObjectsShown], known: dict[str, Any]
) -> Iterator[Comparison | ObjectsShown]:
    for one in found:
        known["pictures"] += len(one.pictures)
        if one.missing and one.missing not in known["notes"]:
            known["notes"].append(one.missing)
        yield one


def _rows(batch: Batch) -> dict[str, str]:
    """Anchors of the rows of tasks in the page."""
    return {result.name: f"row-{number}" for number, result in enumerate(batch.results, 1)}


def _table(batch: Batch, settings: Settings) -> list[dict[str, Any]]:
    told, anchors = settings_of(batch.results), _rows(batch)
    names = {result.name: name for name, own in captures(batch.results).items() for result in own}
    return [
        {
            "result": result,
            "anchor": anchors[result.name],
            "capture": names[result.name],
            "setting": told[result.name],
            "link": settings.link(result) if result.status == "done" else None,
            "seconds": sum(result.seconds.values()),
        }
        for result in batch.results
    ]


def _with_objects(batch: Batch, most: int) -> list[Result]:
    """The best file of each capture whose files have objects."""
    best: dict[str, Result] = {}
    for result in batch.done:
        if "LABL" in result.sections and (result.psnr or 0) >= ((best.get(result.data, result)).psnr or 0):
            best[result.data] = result
    return [*best.values()][:most]


def _totals(batch: Batch) -> dict[str, Any]:
    done = batch.done
    measured = [result.psnr for result in done if result.psnr is not None]
    alike = [result.ssim for result in done if result.ssim is not None]
    ended = [result.finished for result in batch.results if result.finished]
    return {
        "captures": len({result.data for result in batch.results}),
        "bytes": sum(result.bytes or 0 for result in done),
        "psnr": sum(measured) / len(measured) if measured else None,
        "ssim": sum(alike) / len(alike) if alike else None,
        "lpips": any(result.lpips is not None for result in done),
        "seconds": sum(sum(result.seconds.values()) for result in batch.results),
        "stages": _stages(batch.results),
        "devices": sorted({result.device for result in batch.results if result.device}),
        "versions": sorted({f"{name} {number}" for result in done for name, number in result.versions.items()}),
        "until": _day(max(ended)) if ended else "",
    }


def _stages(results: Sequence[Result]) -> Mapping[str, float]:
    """Seconds by stage, of all tasks together."""
    sums: dict[str, float] = {}
    for result in results:
        for stage, seconds in result.seconds.items():
            sums[stage] = sums.get(stage, 0.0) + seconds
    return sums


def _day(moment: str) -> str:
    try:
        return datetime.fromisoformat(moment.replace("Z", "+00:00")).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment


def _time(seconds: float) -> str:
    """As people say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:,.1f} h"
