"""Which views of a batch are farthest from their photos."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.fleet.result import Result
from csgaussian_ns.report.evaluation import read_evaluation
from csgaussian_ns.report.rows import Batch

MOST_OF_A_SCENE = 2
"""Views of one capture: one bad scene does not fill the page."""


@dataclass(frozen=True)
class BadView:
    """A view that was held out.

    Attributes:
        result: Of which task.
        name: Of the view.
        psnr: Of its decoded picture, dB.
    """

    result: Result
    name: str
    psnr: float


def worst_views(batch: Batch, most: int) -> tuple[list[BadView], list[str]]:
    """The worst first; a view of a capture that several tasks have comes once, as the worst of them shows it.

    Args:
        batch: Evaluations are read task by task, and forgotten.
        most: So many at most.

    Returns:
        The views, and sentences about tasks whose evaluation cannot be read.
    """
    kept: dict[str, list[BadView]] = {}
    notes = []
    for result in batch.done:
        if "evaluate" not in result.run:
            continue
        try:
            views = read_evaluation(batch.place(result)).views
        except DataError as error:
            notes.append(f"{result.name}: {error}; its views are not among the worst")
            continue
        found = [BadView(result, name, psnr) for name, psnr in views.items()]
        kept[result.data] = _worst([*kept.get(result.data, []), *found])
    return _sorted(view for views in kept.values() for view in views)[:most], notes


def _worst(views: Iterable[BadView]) -> list[BadView]:
    """Of one capture."""
    seen = Counter[str]()
    chosen = []
    for view in _sorted(views):
        seen[view.name] += 1
        if seen[view.name] == 1:
            chosen.append(view)
    return chosen[:MOST_OF_A_SCENE]


def _sorted(views: Iterable[BadView]) -> list[BadView]:
    return sorted(views, key=lambda view: (view.psnr, view.result.name, view.name))
