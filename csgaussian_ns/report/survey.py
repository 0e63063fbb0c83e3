"""Tables in the layout in which the survey 3DGS.zip takes results: a folder per data set, a CSV file per scene."""

import csv
import io
import re
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

    The data set is the folder that holds the capture. LPIPS stays empty: ``csg evaluate`` does not measure it.

    Raises:
        ConfigError: They cannot be written.
    """
    measured = [result for result in batch.done if result.psnr is not None and result.bytes is not None]
    settings, tables = settings_of(measured), dict[tuple[str, str], list[Result]]()
    for result in measured:
        tables.setdefault(_scene(result.data), []).append(result)
    written = []
    for (data_set, scene), results in tables.items():
        path = folder / data_set / f"{scene}.csv"
        make_folder(path.parent)
        with replacing(path, beside=folder / path.name) as file:  # a data set may have very many scenes
            file.write(_table(results, settings).encode("utf8"))
        written.append(path)
    return written


def _table(results: list[Result], settings: dict[str, str]) -> str:
    """Smallest first. The survey puts a submethod behind the name of the method: one of words begins with a space."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(HEADINGS)
    for result in sorted(results, key=lambda result: (result.bytes or 0, result.name)):
        setting = settings[result.name]
        ssim = "" if result.ssim is None else f"{result.ssim:.5f}"
        count = "" if result.gaussians is None else result.gaussians
        writer.writerow([f" {setting}" if setting else ONLY, f"{result.psnr:.4f}", ssim, "", result.bytes, count])
    return lines.getvalue()


def _scene(data: str) -> tuple[str, str]:
    """Names of data set and scene, such as a file may have."""
    parts = [re.sub(r"[^\w.-]+", "_", part) for part in re.split(r"[/\\]+", data) if part.strip(".:")]
    *above, scene = parts or ["scene"]
    return (above[-1] if above else "scenes"), scene
