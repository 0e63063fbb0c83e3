"""What is known of a task that has ended: one line of ``results.jsonl``, and the done marker in its folder.

A folder of a batch holds ``results.jsonl``, one JSON object a line, in the order in which tasks ended. A task that was
tried again has several lines, of which the last one counts. The folder of a task, ``<name>/`` unless its row says
otherwise, holds ``scene.csg``, ``scene.json`` (what the export says), ``evaluation.json`` (what ``csg evaluate --json``
says), ``task.log``, and ``result.json``, which is written last.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from csgaussian_ns.core.errors import DataError
from csgaussian_ns.core.texts import quoted

RESULTS, BATCH, TASKS = "results.jsonl", "batch.json", "tasks.jsonl"
"""In the folder of a batch: what came of its tasks, what was asked for last, and which tasks that is."""
MARKER = "result.json"
"""In the folder of a task that is done; the same object as its line."""
SCENE, EXPORT, EVALUATION, LOG = "scene.csg", "scene.json", "evaluation.json", "task.log"
"""The other files in the folder of a task."""


@dataclass(frozen=True)
class TaskError:
    """Why a task failed.

    Attributes:
        type: A name for programs: ``Timeout``, ``WorkerLost``, ``StageFailed``, or that of an exception.
        message: One line for people.
    """

    type: str
    message: str


@dataclass(frozen=True)
class Result:
    """One line of ``results.jsonl``.

    Attributes:
        key: Hash of all that the result depends on.
        name: Of the task, unique in its batch.
        run: Stages in their order, of ``train``, ``export``, ``evaluate``.
        data: The capture, as a path or an address.
        method: As ``ns-train`` knows it.
        options: Of training, by their full names, and of export (``target-size`` and the like).
        output: Folder or address of the task.
        file: The scene, where it was not made by the task but measured alone.
        status: ``done`` or ``failed``.
        error: Why it failed.
        bytes: Size of ``scene.csg``.
        sections: Bytes by section of the file.
        psnr: Mean over the held-out views, dB; of the file where it was evaluated, else as the export measured it.
        ssim: Likewise.
        lpips: Likewise, where weights for it were given (``lpips-weights``).
        anchors: In the file.
        gaussians: In the file.
        seconds: Wall time by stage, of all tries of the task in this folder together.
        device: What it ran on.
        versions: By package.
        started: ISO 8601, UTC.
        finished: Likewise.
    """

    key: str
    name: str
    run: tuple[str, ...]
    data: str
    method: str
    options: Mapping[str, Any]
    output: str
    status: Literal["done", "failed"]
    started: str
    finished: str
    error: TaskError | None = None
    file: str | None = None
    bytes: int | None = None
    sections: Mapping[str, int] = field(default_factory=dict)
    psnr: float | None = None
    ssim: float | None = None
    lpips: float | None = None
    anchors: int | None = None
    gaussians: int | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    device: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Plain values by name, as JSON has them."""
        return asdict(self) | {"run": list(self.run)}

    @classmethod
    def of(cls, facts: Any, where: str) -> "Result":
        """From plain values; names that are not known are left out, as later versions may add some.

        Args:
            facts: What JSON had.
            where: For the message.

        Raises:
            DataError: They are no result.
        """
        known = {field.name for field in fields(cls)}
        try:
            values: dict[str, Any] = {name: value for name, value in facts.items() if name in known}
            error = values.get("error")
            values["error"] = None if error is None else TaskError(str(error["type"]), str(error["message"]))
            values["run"] = tuple(values["run"])
            result = cls(**values)
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(f"{where}: expected a result of csg batch, got {quoted(facts)} ({error})") from error
        if result.status not in ("done", "failed"):
            raise DataError(f"{where}: expected the status done or failed, got {quoted(result.status)}")
        return result
