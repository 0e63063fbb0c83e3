"""The ``csg`` command. One entry in ``GROUPS`` per subcommand; each is a light dataclass with a ``run`` method."""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Protocol, runtime_checkable

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.tools.completion import completion
from csgaussian_ns.tools.inputs import refuse_addresses
from csgaussian_ns.tools.terminal import delivered, remark, streams_ready, tell


@runtime_checkable
class Command(Protocol):
    """A parsed subcommand. Its module must import fast: heavy imports belong inside ``run``."""

    def run(self) -> None:
        """Do the work; raise ``CsgError`` for what the user can mend."""
        ...


class Commands(Mapping[str, type[Command]]):
    """Commands by name; the module of each is loaded when it is asked for.

    Args:
        places: Of each, its module among ``tools`` and its class.
    """

    def __init__(self, places: Mapping[str, str]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> type[Command]:
        module, kind = self._places[name].split(":")
        return getattr(import_module(f"csgaussian_ns.tools.{module}"), kind)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


GROUPS = {
    "Look": {
        "info": "info:Info",
        "verify": "info:Verify",
        "view": "view:View",
        "render": "render:Render",
        "select": "select:Select",
    },
    "Change": {
        "edit": "edit:Edit",
        "merge": "merge:Merge",
        "split": "split:Split",
        "arrange": "arrange:Arrange",
        "import": "import_splats:Import",
        "export": "export:Export",
        "decode": "info:Decode",
    },
    "Measure": {"evaluate": "evaluate:Evaluate", "report": "report:Report"},
    "Share": {"serve": "serve:Serve"},
    "Many": {"batch": "batch:Batch"},
    "Make": {
        "compress": "compress:Compress",
        "masks": "masks:Masks",
        "demo-scene": "demo_scene.command:DemoScene",
    },
}
"""Commands by what people want, as ``csg --help`` lists them, and where each is."""
COMMANDS: Mapping[str, type[Command]] = Commands({name: at for group in GROUPS.values() for name, at in group.items()})

ABOUT = "Tools of csgaussian: make, look into and use compressed scenes."
USAGE = """\
usage: csg COMMAND ...
       csg COMMAND --help             options of a command
       csg --version
       csg --print-completion SHELL   what makes bash, zsh or fish complete csg's commands and options
"""
HINTS = (
    "A scene is a file, the address of one (https://host/scene.csg), or - for standard input; --json is for programs."
)

FROM_EXTRAS = ("jinja2", "matplotlib", "scipy", "starlette", "torch", "uvicorn")
"""Packages that some commands need, and a receiver does not."""
HOW_TO_INSTALL = (
    "pip install 'csgaussian-ns[evaluate]', or [text] for --text; [report], [serve], [masks] and [demo] are for "
    "commands of these names"
)


def main(args: Sequence[str] | None = None) -> int:
    """Run ``csg``.

    Args:
        args: Arguments after the program's name; ``None`` reads the command line.

    Returns:
        Exit code: 0; after one line on stderr 2, for a typed error or what the system refused or lacks, and 130, for
        Ctrl-C; 141 when the output was closed. Errors of our own making keep their traceback.
    """
    try:
        with streams_ready():
            _run(sys.argv[1:] if args is None else args)
    except BrokenPipeError:
        return 141  # as after SIGPIPE
    except ModuleNotFoundError as error:
        if error.name not in FROM_EXTRAS:
            raise
        remark(f"csg: error: this command needs {error.name}, which is not installed; {HOW_TO_INSTALL}")
        return 2
    except (CsgError, OSError) as error:
        remark(f"csg: error: {one_line(error)}")
        return 2
    except MemoryError as error:
        remark(f"csg: error: this needs more memory than the machine gives ({one_line(error)}); take smaller images")
        return 2
    except UnicodeEncodeError as error:
        remark(f"csg: error: {error.object!r} cannot be written in {error.encoding}; set PYTHONUTF8=1")
        return 2
    except KeyboardInterrupt:
        remark("csg: stopped")
        return 130
    return 0


def _run(args: Sequence[str]) -> None:
    match list(args):
        case [] | ["-h" | "--help"]:
            with delivered():
                sys.stdout.write(overview(shutil.get_terminal_size().columns))
        case ["--version"]:
            tell(f"csg {__version__}")
        case ["--print-completion" | "--tyro-print-completion", *shell]:
            with delivered():
                sys.stdout.write(completion(COMMANDS, " ".join(shell)))
        case [name, *options]:
            _run_command(name, options)


def overview(width: int) -> str:
    """All commands in lines of so many characters, each with the first sentence of its class."""
    indent = 2 + max(map(len, COMMANDS)) + 2
    width = max(width, indent + 20)
    lines = [USAGE, *textwrap.wrap(ABOUT, width)]
    for group, commands in GROUPS.items():
        lines += ["", group]
        for name in commands:
            does = (COMMANDS[name].__doc__ or "").split("\n", 1)[0]
            begin = f"  {name}".ljust(indent)
            lines += textwrap.wrap(does, width, initial_indent=begin, subsequent_indent=" " * indent)
    return "\n".join([*lines, "", *textwrap.wrap(HINTS, width), ""])


def _run_command(name: str, options: Sequence[str]) -> None:
    """Parse the options of one command, and do it.

    Raises:
        ConfigError: There is no such command, or an option cannot be.
        SystemExit: The parser has told what is wrong, or has shown its help.
    """
    if name.startswith("-"):
        raise ConfigError(f"{name}: expected a command first, as in csg info {name}; csg --help lists them")
    if name not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, 1)
        what = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(COMMANDS)}"
        raise ConfigError(f"there is no command {name!r}; {what}")
    _refuse_repeated(options)
    with delivered():
        command = tyro.cli(COMMANDS[name], prog=f"csg {name}", args=[_as_value(word) for word in options])
    refuse_addresses(vars(command))
    weights = vars(command).get("weights")
    if weights is None:
        command.run()
        return
    from csgaussian_ns.feedforward.found import naming

    with naming(weights):
        command.run()


def _as_value(word: str) -> str:
    """A space before what looks like an option to the parser, and cannot be one, such as -z,90."""
    return f" {word}" if re.match("-[xyzXYZ],", word) else word


def _refuse_repeated(args: Sequence[str]) -> None:
    """The parser would take the last of them, and drop what was asked for before without a word.

    Raises:
        ConfigError: An option is given twice.
    """
    seen = set()
    for word in args:
        name = word.split("=", 1)[0].replace("_", "-")
        if re.fullmatch(r"--[a-z][a-z-]*", name):
            if name in seen:
                raise ConfigError(f"{name} is given twice; give all of it after the first one, as in {name} A B")
            seen.add(name)


if __name__ == "__main__":
    sys.exit(main())
