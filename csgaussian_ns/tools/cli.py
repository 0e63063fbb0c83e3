"""The ``csg`` command. One entry in ``COMMANDS`` per subcommand; each is a light dataclass with a ``run`` method."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Protocol

import tyro

from csgaussian_ns.core.errors import CsgError
from csgaussian_ns.tools.demo_scene.options import DemoScene
from csgaussian_ns.tools.evaluate import Evaluate
from csgaussian_ns.tools.info import Decode, Info, Verify
from csgaussian_ns.tools.masks import Masks
from csgaussian_ns.tools.render import Render
from csgaussian_ns.tools.select import Select


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
    "evaluate": Evaluate,
    "decode": Decode,
    "masks": Masks,
    "demo-scene": DemoScene,
}


def main(args: Sequence[str] | None = None) -> int:
    """Run ``csg``.

    Args:
        args: Arguments after the program's name; ``None`` reads the command line.

    Returns:
        Exit code: 0, 2 after a typed error (one line on stderr), 130 after Ctrl-C, 141 when the output was closed.
    """
    command: Command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, prog="csg", description="Tools of csgaussian: make, look into and use compressed scenes.", args=args
    )
    try:
        command.run()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as in ``csg info --json | head -1``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain at exit
        return 128 + signal.SIGPIPE
    except CsgError as error:
        sys.stderr.write(f"csg: error: {' '.join(str(error).split())}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("csg: stopped\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
