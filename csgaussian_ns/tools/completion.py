"""Scripts that let shells complete ``csg``: by tyro for commands and options, and files where one may stand."""

import io
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from typing import Any

import tyro

from csgaussian_ns.core.errors import ConfigError

FILES = {
    "bash": """
# Files, where tyro's function offers options that nobody began to type, or files without a slash after folders.
_csg() {
  _tyro_csg "$@"
  if ((COMP_CWORD > 1)) && [[ "${COMP_WORDS[COMP_CWORD]}" != -* ]]; then
    if [[ "${COMPREPLY[0]-}" == -* || -e "${COMPREPLY[0]-}" ]]; then COMPREPLY=(); fi
  fi
}
complete -o bashdefault -o default -F _csg csg
""",
    "zsh": """
# Files, too, where no option was begun.
local found=$?
if ((CURRENT > 2)) && [[ $PREFIX != -* ]]; then _files && found=0; fi
return found
""",
    "fish": """
# Files, too, after the name of a command.
complete --command csg --force-files --condition "test (count (commandline -opc)) -gt 1"
""",
}
"""What follows tyro's script, by shell."""


def completion(commands: Mapping[str, Any], shell: str) -> str:
    """The script for a shell.

    Args:
        commands: Classes of the commands, by name.
        shell: One of ``FILES``.

    Raises:
        ConfigError: Another shell.
    """
    if shell not in FILES:
        raise ConfigError(f"--print-completion: expected one of {', '.join(FILES)}, got {shell or 'nothing'}")
    script = io.StringIO()
    with redirect_stdout(script), suppress(SystemExit):
        tyro.extras.subcommand_cli_from_dict({**commands}, prog="csg", args=["--tyro-print-completion", shell])
    return script.getvalue().rstrip("\n") + "\n" + FILES[shell]
