"""What ``peers.py`` found, as a table for the README and as a plot. Needs nothing that trains or draws."""

from pathlib import Path
from typing import Any

from csgaussian_ns.report.curves import Curve, rate_figure

Record = dict[str, Any]

KEY = ("scene", "steps", "method")
"""What tells one record from another."""
OURS = "csgaussian, lambda "
"""How methods of ours begin; the weight of the rate follows."""


TIMES = {"Training": "train_cpu_seconds", "Encoding": "encode", "Decoding": "decode", "First picture": "first_picture"}
"""Heads of columns, and what stands in them: seconds of CPU time."""


def newest(runs: list[Record]) -> list[Record]:
    """One record for each key: the last one, at the place of the first."""
    return list({tuple(run[name] for name in KEY): run for run in runs}.values())


def table(runs: list[Record], timed: str) -> str:
    """In Markdown: a row for each method with its figures on each scene, and times on the scene called ``timed``."""
    found = [run for run in newest(runs) if "bytes" in run]
    scenes = list(dict.fromkeys(run["scene"] for run in found))
    heads = [f"{_name(scene)}, {_steps(found, scene):,} steps" for scene in scenes]
    lines = [
        "| | " + " | ".join([*heads, *TIMES]) + " |",
        "|---" * (1 + len(scenes) + len(TIMES)) + "|",
    ]
    for method in _ordered(found):
        own = {run["scene"]: run for run in found if run["method"] == method}
        cells = [_quality(own[scene]) if scene in own else "" for scene in scenes]
        cells += [_seconds(own.get(timed, {}).get(what)) for what in TIMES.values()]
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _ordered(found: list[Record]) -> list[str]:
    """Methods as they come first, ours last and by size."""
    names = list(dict.fromkeys(run["method"] for run in found))
    ours = [name for name in names if name.startswith(OURS)]
    return [name for name in names if name not in ours] + sorted(ours, key=lambda name: float(name[len(OURS) :]))


def _name(scene: str) -> str:
    name, _, scale = scene.partition(":")
    return {"1": name, "0.5": f"{name}, half size", "0.25": f"{name}, quarter size"}.get(scale, scene)


def _steps(found: list[Record], scene: str) -> int:
    (steps,) = {run["steps"] for run in found if run["scene"] == scene}
    return steps


def _quality(run: Record) -> str:
    return f"{run['bytes'] / 1e6:.3f} MB, {run['psnr']:.2f} dB, {run['ssim']:.3f}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def plot(runs: list[Record], path: Path) -> None:
    """PSNR over bytes, a panel for each scene; curves where one method has several files."""
    found = [run for run in newest(runs) if "bytes" in run]
    others = [m for m in _ordered(found) if not m.startswith(OURS) and "csg import" not in m]
    panels = {}
    for scene in dict.fromkeys(run["scene"] for run in found):
        here = [run for run in found if run["scene"] == scene]
        curves = [
            _curve(label, [run for run in here if part in run["method"]], {})
            for label, part in (("csgaussian", OURS), ("3DGS, csg import", "csg import"))
        ]
        for number, method in enumerate(others):
            style = {"marker": "sD^vPX"[number % 6], "color": f"C{number + 2}", "linestyle": "none"}
            curves.append(_curve(method, [run for run in here if run["method"] == method], style))
        panels[f"{_name(scene)}, {_steps(found, scene):,} steps"] = curves
    rate_figure(panels).savefig(path, dpi=110)


def _curve(label: str, runs: list[Record], style: dict[str, Any]) -> Curve:
    return Curve(label, [run["bytes"] for run in runs], [run["psnr"] for run in runs], style)
