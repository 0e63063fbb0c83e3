"""What descriptions of a batch have in common: the command of a worker, which does one shard by itself."""

import json
import os
import shlex
from typing import Any

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.files import is_address
from csgaussian_ns.fleet.engines.base import Limits
from csgaussian_ns.fleet.manifest import rows_of
from csgaussian_ns.fleet.plan import Plan
from csgaussian_ns.fleet.storage import is_local, read_if_there


def command_of(plan: Plan, limits: Limits, manifest: str, shard: str) -> str:
    """A line for a shell.

    Args:
        plan: What to do.
        limits: Of a try.
        manifest: Where a worker finds it.
        shard: With variables of that shell.
    """
    words = ["csg", "batch", manifest, "--output", plan.folder, "--run", ",".join(plan.run)]
    words += ["--keep-runs"] if plan.keep_runs else []
    words += ["--retries", str(limits.retries)]
    words += ["--timeout", f"{limits.timeout:g}s"] if limits.timeout is not None else []
    return f'{shlex.join(words)} --shard "{shard}"'


def embedded(manifest: str, most: int) -> str | None:
    """The text of a manifest that lies on this machine; ``None`` of one that workers fetch.

    Raises:
        ConfigError: It is too long, or names data by paths that only hold beside it.
    """
    if not is_local(manifest):
        return None
    data = read_if_there(manifest) or b""
    if len(data) > most:
        raise ConfigError(
            f"{manifest}: {len(data):,} bytes are too many to be sent along, {most:,} would do; put it where the "
            "scenes are, and give its address"
        )
    for name, row in rows_of(manifest):
        for field in ("data", "config", "file"):
            place = row.get(field)
            if isinstance(place, str) and not is_address(place) and not os.path.isabs(place):
                raise ConfigError(
                    f"{manifest}, {name}: expected {field} to be an address or an absolute path, as workers do not "
                    f"have the folder of the manifest; got {place}"
                )
    return data.decode("utf8")


def yaml_text(*documents: Any) -> str:
    """Documents in YAML; strings in quotes, so that nothing in them is read as anything else.

    Every JSON text is YAML, too; mappings and lists are broken into lines for people.
    """
    return "---\n".join(f"{_lines(document, 0)}\n" for document in documents)


def _lines(value: Any, depth: int) -> str:
    pad = "  " * depth
    if isinstance(value, dict) and value:
        parts = [f"{pad}{key}:{_below(part, depth)}" for key, part in value.items()]
        return "\n".join(parts)
    if isinstance(value, list) and value:
        return "\n".join(f"{pad}- {_lines(part, depth + 1).lstrip()}" for part in value)
    return f"{pad}{json.dumps(value)}"


def _below(value: Any, depth: int) -> str:
    if isinstance(value, dict | list) and value:
        return f"\n{_lines(value, depth + 1)}"
    return f" {json.dumps(value)}"
