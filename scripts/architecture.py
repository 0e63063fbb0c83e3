"""Draw docs/architecture.svg: which package imports which, from the code itself.

Run it with ``make docs``; tests/test_architecture.py compares. Packages stand in the layers that the import
contract of pyproject.toml names, so every arrow points down.
"""

from pathlib import Path

import grimp
import tomllib

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "csgaussian_ns"
PICTURE = ROOT / "docs" / "architecture.svg"
ASIDE = {"ns": 0.21, "render": 0.42, "tools": 0.84}
"""Columns of packages that would stand in the way of an arrow, as shares of the width."""

Imports = dict[str, set[str]]


def layers() -> list[list[str]]:
    """Packages that stand side by side, from the top down."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (found,) = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    return [row.split(" | ") for row in found]


def imports() -> Imports:
    """By package, the packages that it imports, but for type checkers."""
    graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=True, cache_dir=None)
    found: Imports = {name: set() for row in layers() for name in row}
    for module in graph.modules:
        for other in graph.find_modules_directly_imported_by(module):
            ends = [name.split(".")[1] for name in (module, other) if "." in name]
            if len(ends) == 2 and ends[0] != ends[1]:
                found[ends[0]].add(ends[1])
    return found


def shortest(found: Imports) -> Imports:
    """Without imports that a way through other packages implies."""

    def reached(name: str) -> set[str]:
        return found[name].union(*(reached(other) for other in found[name]))

    return {
        name: {other for other in others if not any(other in reached(via) for via in others)}
        for name, others in found.items()
    }


def draw(found: Imports, file: Path) -> None:
    """The picture: a box for each package, an arrow for each import of ``found``."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    rows = layers()
    columns = {1: [0.5], 2: [0.27, 0.8], 3: [0.08, 0.36, 0.92], 4: [0.06, 0.31, 0.6, 0.92]}
    places = {
        name: (ASIDE.get(name, x), len(rows) - level)
        for level, row in enumerate(rows)
        for name, x in zip(row, columns[len(row)], strict=True)
    }
    with mpl.rc_context({"svg.hashsalt": PACKAGE, "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure, axes = plt.subplots(figsize=(7, 6))
        box = {"boxstyle": "round,pad=0.45", "facecolor": "#eef2ff", "edgecolor": "#3f51b5"}
        boxes = {}
        for name, (x, y) in places.items():
            boxes[name] = axes.text(x, y, name, ha="center", va="center", fontsize=12, bbox=box, zorder=3)
        arrow = {"arrowstyle": "-|>", "color": "#7a86b6", "shrinkA": 0, "shrinkB": 1, "lw": 1.2}
        for name, others in found.items():
            for other in sorted(others):
                ends = {"patchA": boxes[name].get_bbox_patch(), "patchB": boxes[other].get_bbox_patch()}
                drawn = axes.annotate("", places[other], places[name], arrowprops=arrow | ends, zorder=1)
                assert drawn.arrow_patch is not None
                drawn.arrow_patch.set_gid(f"{name}-{other}")
        axes.set(xlim=(0, 1), ylim=(0.5, len(rows) + 0.5))
        axes.axis("off")
        figure.tight_layout()
        figure.savefig(file, metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    draw(shortest(imports()), PICTURE)
