"""Write method_configs.md: what each method is for, how to run it, and every option that csgaussian adds.

Generated from the config classes, so page and code cannot drift apart; tests/ns/test_method_configs.py compares them.
Run it with ``make docs``.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "method_configs.md"
OURS = "csgaussian_ns"
INTRO = """# Methods and their options

Written by `make docs` from the config classes; edit the docstrings there, not this page.
"""
OPTIONS_INTRO = """## Options that csgaussian adds

On the command line an option is written `--pipeline.model.name value`, with `-` for `_`. Lengths are in units of the
training frame, which nerfstudio scales so that the cameras fit into a cube of edge 2. nerfstudio's own options:
`ns-train csgaussian --help`.
"""
USE = {
    "csgaussian": "A CUDA GPU with gsplat, and full quality.",
    "csgaussian-lite": "A laptop or server without a GPU: minutes instead of hours; also a quick look on a GPU.",
    "csgaussian-hemgs": "One run for many rates, scaling and offsets coded from the feature; a CUDA GPU.",
    "csgaussian-hemgs-lite": "The same for a CPU.",
    "codecsplat": "Scenes of two to twelve photos in some kilobytes: trained once on many scenes.",
}
"""What each method is for."""
DATA = {"codecsplat": "path/to/scenes.json"}
"""What is given as ``--data`` where it is no scene."""
NERFSTUDIO_OPTIONS = {
    "max_num_iterations": "Steps of the whole plan, which is scaled to them. A resumed run ends here too.",
    "steps_per_save": "Steps between two checkpoints; only the latest is kept.",
    "steps_per_eval_image": "Steps between two measured evaluation views.",
    "steps_per_eval_all_images": "Steps between two measurements of all evaluation views.",
    "vis": "Where to watch: `viewer` opens a page, `tensorboard` records curves; `tensorboard` alone suits servers.",
    "pipeline.datamanager.camera_res_scale_factor": "Scale of the photos, e.g. 0.5 to train at half size.",
    "pipeline.datamanager.dataparser.eval_mode": "Given last: how views are held out; with `interval` every n-th.",
    "pipeline.datamanager.dataparser.eval_interval": "That n.",
    "viewer.quit_on_train_completion": "End after training instead of waiting for Ctrl-C.",
}
"""Options of nerfstudio itself that matter most here."""


@dataclass
class Option:
    """One config field of ours.

    Attributes:
        name: As in the code.
        meaning: The string under the field, empty where there is none.
        values: The distinct values it has in each method, in order of appearance.
    """

    name: str
    meaning: str
    values: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Section:
    """One config class of ours: where it sits in the command line, and its options by name."""

    cls: type
    places: list[str] = field(default_factory=list)
    options: dict[str, Option] = field(default_factory=dict)


def documented_fields(cls: type) -> dict[str, str]:
    """Names of the annotated fields that the body of ``cls`` declares, each with the string under it (or '')."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, below in zip(body.body, [*body.body[1:], ast.Pass()], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = below.value.value if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant) else ""
            found[statement.target.id] = " ".join(text.split()) if isinstance(text, str) else ""
    found.pop("_target", None)
    return found


def configs_inside(value: object, place: str = "-") -> Iterator[tuple[str, object]]:
    """All dataclass instances inside ``value`` with their command-line prefix; nested dictionaries are ``<group>``."""
    if is_dataclass(value) and not isinstance(value, type):
        yield place, value
        for item in fields(value):
            yield from configs_inside(getattr(value, item.name, None), f"{place}.{item.name}".replace("-.", "--"))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from configs_inside(item, f"{place}.{'<group>' if isinstance(item, dict) else key}")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from configs_inside(item, place)


def collect(methods: dict[str, object], package: str = OURS) -> dict[str, Section]:
    """Options declared by classes of ``package`` that occur in the configs of ``methods``, by class name."""
    sections: dict[str, Section] = {}
    for method, config in methods.items():
        for place, found in configs_inside(config):
            for cls in type(found).__mro__:
                if cls.__module__.split(".")[0] == package and is_dataclass(cls):
                    _add(sections.setdefault(cls.__name__, Section(cls)), method, place, found)
    return sections


def _add(section: Section, method: str, place: str, config: object) -> None:
    if place not in section.places:
        section.places.append(place)
    for name, meaning in documented_fields(section.cls).items():
        value = getattr(config, name)
        if is_dataclass(value) and not isinstance(value, type):
            continue  # its own fields are listed under its own class
        values = section.options.setdefault(name, Option(name, meaning)).values.setdefault(method, [])
        if (text := repr(value)) not in values:
            values.append(text)


def render(methods: dict[str, object]) -> str:
    """The whole page."""
    lines = [INTRO]
    for method, config in methods.items():
        lines += _method(method, config)
    lines.append(OPTIONS_INTRO)
    for name, section in sorted(collect(methods).items()):
        if not section.options:
            continue
        places = ", ".join(f"`{place}`" for place in section.places if place != "-") or "top level"
        lines += [f"### {name}", "", f"{places}", "", f"| Option | {' | '.join(methods)} | Meaning |"]
        lines += ["|---" * (len(methods) + 2) + "|"]
        for option in section.options.values():
            cells = [" / ".join(f"`{value}`" for value in option.values.get(method, ["–"])) for method in methods]
            lines.append(f"| `{option.name}` | {' | '.join(cells)} | {option.meaning.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)


def _method(name: str, config: object) -> list[str]:
    """What one method is for, its command, nerfstudio's options that matter, and its learning rates."""
    lines = [
        f"## {name}",
        "",
        USE[name],
        "",
        "```bash",
        f"ns-train {name} --data {DATA.get(name, 'path/to/scene')}",
        "```",
        "",
    ]
    lines += ["| nerfstudio's option | Default | Meaning |", "|---|---|---|"]
    for path, meaning in NERFSTUDIO_OPTIONS.items():
        value = config
        for part in path.split("."):
            value = getattr(value, part, None)
        if value is None:
            continue
        flag = f"--{path.replace('_', '-')}".replace("--pipeline.datamanager.dataparser.", "nerfstudio-data --")
        lines.append(f"| `{flag}` | `{value}` | {meaning} |")
    rates = getattr(config, "optimizers", {})
    if rates:
        lines += ["", "| Learning rate of | First step | Last step |", "|---|---|---|"]
    for group, entry in rates.items():
        scheduler = entry["scheduler"]
        last = entry["optimizer"].lr if scheduler is None else scheduler.lr_final
        lines.append(f"| `{group}` | {entry['optimizer'].lr:g} | {last:g} |")
    return [*lines, ""]


def our_methods() -> dict[str, object]:
    """The trainer configs of the registered methods by name."""
    from csgaussian_ns.ns import config

    single = (config.csgaussian, config.csgaussian_lite, config.csgaussian_hemgs, config.csgaussian_hemgs_lite)
    specs = (*single, config.codecsplat)
    return {str(spec.config.method_name): spec.config for spec in specs}


if __name__ == "__main__":
    PAGE.write_text(render(our_methods()))
    print(f"wrote {PAGE.name}")
