"""The ``csg`` command. One entry in ``COMMANDS`` per subcommand; each is a light dataclass with a ``run`` method."""

import re
import sys
from collections.abc import Sequence
from typing import Protocol

import tyro

from csgaussian_ns import __version__
from csgaussian_ns.core.errors import ConfigError, CsgError
from csgaussian_ns.core.texts import one_line
from csgaussian_ns.tools.arrange import Arrange
from csgaussian_ns.tools.demo_scene.options import DemoScene
from csgaussian_ns.tools.edit import Edit
from csgaussian_ns.tools.evaluate import Evaluate
from csgaussian_ns.tools.export import Export
from csgaussian_ns.tools.import_splats import Import
from csgaussian_ns.tools.info import Decode, Info, Verify
from csgaussian_ns.tools.inputs import refuse_addresses
from csgaussian_ns.tools.masks import Masks
from csgaussian_ns.tools.merge import Merge
from csgaussian_ns.tools.render import Render
from csgaussian_ns.tools.select import Select
from csgaussian_ns.tools.serve import Serve
from csgaussian_ns.tools.terminal import delivered, remark, settled, tell


class Command(Protocol):
    """A parsed subcommand. Its module must import fast: heavy imports belong inside ``run``."""

    def run(self) -> None:
        """Do the work; raise ``CsgError`` for what the user can mend."""
        ...


COMMANDS: dict[str, type[Command]] = {
    "info": Info,
    "verify": Verify,
    "render": Render,
    "select": Select,
    "edit": Edit,
    "merge": Merge,
    "evaluate": Evaluate,
    "export": Export,
    "import": Import,
    "decode": Decode,
    "arrange": Arrange,
    "serve": Serve,
    "masks": Masks,
    "demo-scene": DemoScene,
}


FROM_EXTRAS = ("scipy", "starlette", "torch", "uvicorn")
"""Packages that some commands need, and a receiver does not."""
HOW_TO_INSTALL = (
    "pip install 'csgaussian-ns[evaluate]', or [text] for --text, [serve], [masks] and [demo] for their commands"
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
        with settled():
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
    if list(args) == ["--version"]:
        tell(f"csg {__version__}")
        return
    _refuse_repeated(args)
    with delivered():
        command: Command = tyro.extras.subcommand_cli_from_dict(
            COMMANDS,
            prog="csg",
            description="Tools of csgaussian: make, look into and use compressed scenes.",
            args=args,
        )
    refuse_addresses(vars(command))
    command.run()


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
