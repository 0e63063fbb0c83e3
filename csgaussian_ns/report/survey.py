"""Tables in the layout in which the survey 3DGS.zip takes results: a folder per data set, a CSV file per scene."""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from csgaussian_ns.core.files import make_folder, replacing
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.report.rows import Batch
from csgaussian_ns.report.trade import settings_of

HEADINGS = ("Submethod", "PSNR", "SSIM", "LPIPS", "Size [Bytes]", "#Gaussians")
ONLY = "Baseline"
"""What the survey calls a method's one and only setting."""


def write_survey(batch: Batch, folder: Path) -> list[Path]:
    """Write ``<data set>/<scene>.csv`` below a folder: a line for each file of the scene that was measured.

    The data set is the folder that holds the capture. There is a column for LPIPS in the tables of a batch in which
    that was measured.

    Raises:
        ConfigError: They cannot be written.
    """
    measured = [result for result in batch.done if result.psnr is not None and result.bytes is not None]
    settings, tables = settings_of(measured), dict[tuple[str, str], list[Result]]()
    named = _scenes([result.data for result in measured])
    for result in measured:
        tables.setdefault(named[result.data], []).append(result)
    written, alike = [], any(result.lpips is not None for result in measured)
    for (data_set, scene), results in tables.items():
        path = folder / data_set / f"{scene}.csv"
        make_folder(path.parent)
        with replacing(path, beside=folder / path.name) as file:  # a data set may have very many scenes
            file.write(_table(results, settings, alike).encode("utf8"))
        written.append(path)
    return written


def _table(results: list[Result], settings: dict[str, str], alike: bool) -> str:
    """Smallest first. The survey puts a submethod behind the name of the method: one of words begins with a space."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow([heading for heading in HEADINGS if alike or heading != "LPIPS"])
    for result in sorted(results, key=lambda result: (result.bytes or 0, result.name)):
        setting = settings[result.name]
        ssim = "" if result.ssim is None else f"{result.ssim:.5f}"
        count = "" if result.gaussians is None else result.gaussians
        lpips = [] if not alike else [""] if result.lpips is None else [f"{result.lpips:.5f}"]
        writer.writerow([f" {setting}" if setting else ONLY, f"{result.psnr:.4f}", ssim, *lpips, result.bytes, count])
    return lines.getvalue()


def _scenes(places: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Names of data set and scene for each capture, such as files may have; no two captures share them.

    Where folders of one name hold captures of one name, data sets get more of their paths, and in the end a number.
    """
    split = {place: _parts(place) for place in places}
    found, taken = dict[str, tuple[str, str]](), set[tuple[str, str]]()
    for count in range(2, max(map(len, split.values()), default=2) + 1):
        short = {place: _named(parts, count) for place, parts in split.items() if place not in found}
        often = Counter(short.values())
        new = {place: name for place, name in short.items() if often[name] == 1 and name not in taken}
        found, taken = found | new, taken | set(new.values())
    for place in sorted(split.keys() - found.keys()):
        data_set, scene = _named(split[place], len(split[place]))
        numbers = ((f"{data_set}_{number}", scene) for number in itertools.count(1))
        found[place] = next(name for name in numbers if name not in taken)
        taken.add(found[place])
    return found


def _named(parts: list[str], count: int) -> tuple[str, str]:
    return "_".join(parts[-count:-1]) or "scenes", parts[-1]


def _parts(place: str) -> list[str]:
    """Of a path or an address."""
    return [re.sub(r"[^\w.-]+", "_", part) for part in re.split(r"[/\\]+", place) if part.strip(".:")] or ["scene"]
