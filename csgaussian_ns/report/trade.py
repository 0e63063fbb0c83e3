"""The figure of a batch: every file by its size and quality, and what each setting costs and gives on the whole."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from csgaussian_ns.fleet.export_options import OF_EVALUATE
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.report.curves import COLOURS, INK, Curve, rate_figure, svg

MOST_LINES = 8
"""Captures that have a colour and a line of their own; of more, all points are grey."""
MOST_LINKS = 500
"""Points that lead to their row; a page with more of them would be slow."""


def settings_of(results: Sequence[Result]) -> dict[str, str]:
    """What tells each task from the others, by its name: method and options that differ; empty where all are alike."""
    seen: dict[str, set[str]] = {}
    for result in results:
        for name, value in _all(result).items():
            seen.setdefault(name, set()).add(json.dumps(value, sort_keys=True, default=str))
    count = {name: sum(name in _all(result) for result in results) for name in seen}
    told = [name for name, values in seen.items() if len(values) > 1 or count[name] < len(results)]
    return {result.name: _words(_all(result), told) for result in results}


def trade_svg(results: Sequence[Result], rows: Mapping[str, str]) -> str:
    """As an element of the page; empty where no file was measured.

    Args:
        results: That are done.
        rows: Where each task's row is, by name.
    """
    measured = [result for result in results if result.psnr is not None and result.bytes]
    if not measured:
        return ""
    figure = rate_figure({"": [*_files(measured, rows), *_means(measured)]}, size=(8.6, 4.4))
    for axes in figure.axes:
        axes.tick_params(colors=INK, which="both")
        for part in (axes.xaxis.label, axes.yaxis.label, *axes.texts):
            part.set_color(INK)
        for name, spine in axes.spines.items():
            spine.set_visible(name in ("left", "bottom"))
            spine.set_color(INK)
        axes.grid(color=INK, alpha=0.12, which="both")
        legend = axes.get_legend()
        if legend is not None:
            axes.legend(fontsize="small", labelcolor=INK, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return svg(figure)


def captures(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Results by what people call their capture: the end of its path, as long as it has to be."""
    named = _short([result.data for result in results])
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(named[result.data], []).append(result)
    return found


def _files(measured: Sequence[Result], rows: Mapping[str, str]) -> list[Curve]:
    found, settings = captures(measured), settings_of(measured)
    linked, named = len(measured) <= MOST_LINKS, len(found) == 1  # else means are named

    def curve(label: str, own: Sequence[Result], **style: Any) -> Curve:
        sizes, quality = [result.bytes or 0 for result in own], [result.psnr or 0.0 for result in own]
        names = [settings[result.name] for result in own] if named else ()
        return Curve(label, sizes, quality, style, names, [f"#{rows[result.name]}" for result in own] if linked else ())

    if len(found) > MOST_LINES:
        style = {"color": "#8b949e", "linestyle": "none", "alpha": 0.6, "markersize": 4}
        return [curve(f"{len(measured):,} files of {len(found):,} captures", measured, **style)]
    return [curve(name, own, color=COLOURS[number], linewidth=1.6) for number, (name, own) in enumerate(found.items())]


def _means(measured: Sequence[Result]) -> list[Curve]:
    """Of each setting over the captures that all settings have; none where that would say nothing new."""
    settings = settings_of(measured)
    by_setting: dict[str, dict[str, Result]] = {}
    for result in measured:
        by_setting.setdefault(settings[result.name], {})[result.data] = result
    shared = set.intersection(*(set(own) for own in by_setting.values()))
    if len(by_setting) < 2 or len(shared) < 2:
        return []
    sizes = [_mean([own[data].bytes for data in shared]) for own in by_setting.values()]
    quality = [_mean([own[data].psnr for data in shared]) for own in by_setting.values()]
    style = {"color": INK, "linewidth": 2.4, "markersize": 6}
    return [Curve(f"mean of {len(shared):,} captures", sizes, quality, style, names=[*by_setting])]


def _mean(values: Sequence[int | float | None]) -> float:
    return sum(value or 0.0 for value in values) / len(values)


def _all(result: Result) -> dict[str, Any]:
    return {"method": result.method, **{n: value for n, value in result.options.items() if n not in OF_EVALUATE}}


def _words(values: Mapping[str, Any], told: Sequence[str]) -> str:
    """Options by the ends of their names, in the order in which they came first."""
    words = [
        str(values[name]) if name == "method" else f"{name.rpartition('.')[2]} {values[name]}"
        for name in told
        if name in values
    ]
    return ", ".join(words)


def _short(paths: Sequence[str]) -> dict[str, str]:
    """The last parts of paths, so many that different ones stay different."""
    split = {path: path.rstrip("/").split("/") for path in paths}
    most = max(map(len, split.values()))
    for count in range(1, most + 1):
        short = {path: "/".join(parts[-count:]) for path, parts in split.items()}
        if len(set(short.values())) == len(split):
            return short
    return {path: path for path in paths}
