"""``csg batch``: many scenes on this machine, SLURM, Ray, Kubernetes or a cloud."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.tools.answer import AsJson
from csgaussian_ns.tools.maybe import Maybe

if TYPE_CHECKING:
    from csgaussian_ns.fleet.engines.base import Limits

Place = Annotated[str, tyro.conf.arg(metavar="DIR|URL")]


@dataclass(frozen=True)
class Batch:
    """Train, export and evaluate many scenes; or tell how far that is.

    A manifest has a row for each scene: data, and what shall differ from the defaults. Give it again to go on where a
    batch was stopped; what is done is not done again.
    """

    manifest: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="MANIFEST|status DIR", help="A file of rows: .jsonl, .csv or .yaml, or its address."),
    ]
    output: Annotated[Maybe[str], tyro.conf.arg(aliases=["-o"], metavar="DIR|URL")] = None
    """Folder or address of the batch: results.jsonl, and a folder for each task."""
    stages: Annotated[str, tyro.conf.arg(name="run", metavar="STAGES")] = "train,export,evaluate"
    """What to do with each row, of train, export and evaluate."""
    on: Literal["local", "slurm", "ray", "k8s-job", "skypilot"] = "local"
    """What runs the tasks. The last two get a YAML file to start with their own commands."""
    jobs: Maybe[int] = None
    """Tasks at a time. On this machine as many as it has GPUs, or else cores for which there is memory."""
    shard: Annotated[str, tyro.conf.arg(metavar="I/N")] = "0/1"
    """Do only the i-th of n parts of the tasks, counted from 0; by names, so that others can do the rest."""
    timeout: Maybe[str] = None
    """Longest time of a try, such as 90s, 30m or 4h."""
    retries: int = 1
    """Further tries of a task that failed."""
    keep_runs: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Keep the checkpoints of training when a file is made of them."""
    dry_run: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Check all rows and say what would be done."""
    no_check: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Take options and paths as they are, where this machine has neither nerfstudio nor the data."""
    cpus: Maybe[int] = None
    """Cores of a task."""
    gpus: Maybe[int] = None
    """GPUs of a task; on this machine one each, if it has some, and with 0 none is used."""
    settings: Annotated[tuple[str, ...], tyro.conf.arg(name="set", metavar="NAME=VALUE")] = ()
    """Settings of the engine, as name=value: partition=gpu for slurm, address=auto for ray, image=... for k8s-job."""
    json: AsJson = False

    def run(self) -> None:
        """Check everything, then do it, and say what came of it."""
        from csgaussian_ns.tools.batch_run import run_batch, tell_status

        match self.manifest:
            case ("status", folder):
                tell_status(folder, self.json)
            case (manifest,) if manifest != "status":
                run_batch(manifest, self)
            case _:
                raise ConfigError("expected one manifest, as in csg batch scenes.jsonl -o out, or csg batch status DIR")

    def limits(self) -> "Limits":
        """What each task may use.

        Raises:
            ConfigError: A number cannot be.
        """
        from csgaussian_ns.fleet.engines.base import Limits

        for name in ("jobs", "cpus"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"--{name} {value}: expected 1 or more")
        for name in ("retries", "gpus"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ConfigError(f"--{name} {value}: expected 0 or more")
        timeout = None if self.timeout is None else seconds_of(self.timeout)
        return Limits(self.jobs, timeout, self.cpus, self.gpus, self.retries)

    def engine_settings(self) -> dict[str, Any]:
        """Of ``--set``; numbers are numbers.

        Raises:
            ConfigError: One is not name=value.
        """
        found: dict[str, Any] = {}
        for word in self.settings:
            name, equals, value = word.partition("=")
            if not name or not equals:
                raise ConfigError(f"--set {word}: expected name=value, such as partition=gpu")
            found[name] = int(value) if value.isdecimal() else value
        if found and self.on == "local":
            raise ConfigError("--set: this machine has no settings; they are for the other engines of --on")
        return found


def seconds_of(text: str) -> float:
    """Of ``90s``, ``30m``, ``4h`` or ``1d``; without a unit they are seconds.

    Raises:
        ConfigError: It is no such time.
    """
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e8:
        raise ConfigError(f"--timeout {text}: expected a time such as 90s, 30m or 4h")
    return seconds
