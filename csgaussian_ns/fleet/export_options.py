"""Options of export and evaluation that a row may have; what no file can be is refused before training."""

import math
import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from csgaussian_ns.core.asked import CODERS, check_asked
from csgaussian_ns.core.errors import ConfigError, DataError
from csgaussian_ns.core.texts import one_line, quoted

OF_EVALUATE = ("lpips-weights",)
"""Those of ``csg evaluate``, which go with them."""
OF_EXPORT = ("target-size", "target-psnr", "step-scale", "coder", "lambda-rate-of-file", "text-weights", *OF_EVALUATE)
"""Names, as rows have them."""
FILES = ("text-weights", "lpips-weights")
"""Those that are paths, relative to the manifest."""
RENAMED = {"lambda-rate-of-file": "lambda-rate"}
"""What export calls as training calls something else."""
NUMBERS = ("target-psnr", "step-scale", "lambda-rate")


def check_export(export: Mapping[str, Any], where: str, look: bool) -> None:
    """Refuse what the export would refuse when training is over.

    Args:
        export: By the names of the export.
        where: For messages.
        look: Whether files and packages on this machine count.

    Raises:
        DataError: A value that cannot be, or two that exclude each other.
    """
    for name in NUMBERS:
        value = export.get(name, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise DataError(f"{where}: expected {name} to be a number, got {quoted(value)}")
    if export.get("lambda-rate", 1) <= 0:
        raise DataError(f"{where}: expected lambda-rate-of-file to be above 0, got {export['lambda-rate']}")
    size = export.get("target-size")
    try:
        check_asked(None if size is None else str(size), export.get("target-psnr"), export.get("step-scale"))
    except ConfigError as error:
        raise DataError(f"{where}: {one_line(error).replace('--', '')}") from error
    _check_coder(export.get("coder", CODERS[0]), where, look)
    for name in FILES:
        path = export.get(name)
        if look and path is not None and not os.path.isfile(str(path)):
            raise DataError(f"{where}: {name}: there is no file {path}; paths are relative to the manifest")


def _check_coder(coder: Any, where: str, look: bool) -> None:
    if coder not in CODERS:
        raise DataError(f"{where}: expected coder to be one of {', '.join(CODERS)}, got {quoted(coder)}")
    if look and coder == "torchac" and find_spec("torchac") is None:
        raise DataError(f"{where}: coder torchac is not installed; pip install 'csgaussian-ns[torchac]'")
