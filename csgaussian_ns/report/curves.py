"""Quality over size: curves in panels, as a figure for a file, or as SVG that takes the colours of its page."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SPREAD = 8
"""Sizes farther apart than by this factor stand on a logarithmic axis."""
COLOURS = ("#3b6fb6", "#d9772b", "#3f9a55", "#b5485d", "#7d5fb2", "#8a6d3b", "#2f9aa0", "#c05fa8")
"""Of curves, in a light page."""
INK = "#24292f"
"""Of texts and frames, in a light page."""


@dataclass(frozen=True)
class Curve:
    """Files of one kind.

    Attributes:
        label: In the legend; none where empty.
        bytes: Size of each file.
        psnr: Of each, dB.
        style: As ``Axes.plot`` takes it.
        names: Written beside the points; none where empty.
        links: Where the points lead, in SVG; nowhere where empty.
    """

    label: str
    bytes: Sequence[int | float]
    psnr: Sequence[int | float]
    style: Mapping[str, Any] = field(default_factory=dict)
    names: Sequence[str] = ()
    links: Sequence[str] = ()


def rate_figure(
    panels: Mapping[str, Sequence[Curve]],
    quality: str = "PSNR on held-out photos / dB",
    levels: Mapping[str, float] | None = None,
    size: tuple[float, float] = (5.5, 4.2),
) -> "Figure":
    """PSNR over megabytes.

    Args:
        panels: Curves by title of their panel; the points of each are joined in the order of their sizes.
        quality: What the other axis says.
        levels: Dashed lines across all panels, by their labels, dB: what no file can exceed.
        size: Of a panel, inches.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] * len(panels), size[1]), layout="constrained")
    for axes, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        for curve in curves:
            _draw(axes, curve)
        for label, psnr in (levels or {}).items():
            axes.axhline(psnr, linestyle="--", color="grey", label=label)
        sizes = [value for curve in curves for value in curve.bytes]
        if sizes and max(sizes) > SPREAD * min(sizes) > 0:
            axes.set_xscale("log")
        axes.set(title=title, xlabel="file / MB", ylabel=quality)
        axes.grid(alpha=0.3, which="both")
        if any(curve.label for curve in curves) or levels:
            axes.legend(fontsize="small")
    return figure


def _draw(axes: "Axes", curve: Curve) -> None:
    points = sorted(zip(curve.bytes, curve.psnr, range(len(curve.bytes)), strict=True))
    x, y = [size / 1e6 for size, _, _ in points], [psnr for _, psnr, _ in points]
    style = {"marker": "o", "markersize": 5} | dict(curve.style)
    (line,) = axes.plot(x, y, label=curve.label or None, **style)
    if curve.links:
        spots = axes.scatter(x, y, s=90, alpha=0, zorder=5, color=line.get_color())
        spots.set_urls([curve.links[number] for _, _, number in points])
    if curve.names:
        for left, height, (_, _, number) in zip(x, y, points, strict=True):
            axes.annotate(curve.names[number], (left, height), xytext=(5, -12), textcoords="offset points")


def svg(figure: "Figure") -> str:
    """The figure as an element of a page whose style says ``--ink`` and ``--c0`` to ``--c7``; texts stay texts."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "csgaussian"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    element = text[text.index("<svg") :]
    element = re.sub(r"<metadata>.*?</metadata>", "", element, flags=re.DOTALL)
    element = re.sub(r' (width|height)="[0-9.]+pt"', "", element, count=2).replace("xlink:href", "href")
    element = re.sub(r' xmlns(:\w+)?="[^"]*"', "", element)
    element = re.sub(r"font: ([0-9.]+px) [^;\"]*", r"font-size: \1", element)
    for number, colour in enumerate(COLOURS):
        element = element.replace(colour, f"var(--c{number})")
    return element.replace(INK, "var(--ink)").replace(' target="_blank"', "").strip()
