"""Whether what a row names is there, and is what it should be: told before anything starts, by looking at few files."""

import glob
from pathlib import Path

from csgaussian_ns.capture.kinds import KINDS, MODELS, SIDES, is_capture
from csgaussian_ns.capture.transforms import NAME, read_frames, transforms_in
from csgaussian_ns.core.errors import ConfigError, CsgError, DataError
from csgaussian_ns.fleet.storage import exists, is_local

OURS = "csgaussian"
"""How names of methods begin whose captures are known; those of others may be anything."""
OF_ONE_PROCESS = ("memory",)
"""Schemes of addresses that another process finds nothing at."""


def check_scheme(address: str) -> None:
    """Refuse an address that workers cannot reach, whatever lies there.

    Raises:
        ConfigError: It is of one process alone.
    """
    if address.partition("://")[0].lower() in OF_ONE_PROCESS:
        raise ConfigError(f"{address}: that is the memory of one process, and tasks run in others; take another place")


def check_there(place: str) -> None:
    """Refuse a place with nothing in it.

    Raises:
        CsgError: So, or the address cannot be asked.
    """
    if not is_local(place):
        check_scheme(place)
    if not exists(place):
        raise DataError(f"there is no {place}; paths are relative to the manifest")


def check_capture(place: str, method: str, trained: bool) -> None:
    """Refuse what cannot be trained on, or measured with.

    Args:
        place: Folder or address of a capture, or its file.
        method: As ``ns-train`` knows it.
        trained: Whether it is trained on.

    Raises:
        CsgError: Nothing is there, or no capture, or it names photos that are elsewhere.
    """
    check_there(place)
    if not method.startswith(OURS):
        return
    if not is_local(place):
        _check_far(place, trained)
        return
    data = Path(place)
    if not is_capture(data):
        raise DataError(f"{place} is no capture; expected a folder with {KINDS}")
    path = transforms_in(data)
    if path.suffix != ".json" or not path.is_file():
        if trained:
            raise DataError(f"{place} holds no {NAME}, which training reads; make one with ns-process-data")
        return
    _, entries = read_frames(path)
    photo = path.parent / entries[0]["file_path"].replace("\\", "/")
    full = any(photo.with_name(f"{photo.name}{ending}").is_file() for ending in ("", ".png"))
    if not full and not any(path.parent.glob(f"images_*/{glob.escape(photo.name)}")):
        raise DataError(f"{path}: the first photo, {photo}, does not exist; restore the photos beside {path.name}")


def _check_far(place: str, trained: bool) -> None:
    """A few questions to the store, and none about photos."""
    if place.endswith((".json", ".bin", ".txt")):
        return
    models = [f"{'/'.join(parts)}/cameras{ending}".lstrip("/") for parts in MODELS for ending in (".bin", ".txt")]
    wanted = [NAME] if trained else [NAME, *SIDES.values(), *models]
    if not any(exists(f"{place.rstrip('/')}/{name}") for name in wanted):
        what = NAME if trained else KINDS
        raise DataError(f"{place} is no capture; expected a folder with {what}")


def why_not(place: str, method: str, trained: bool) -> str | None:
    """What ``check_capture`` says, as a text that can be kept."""
    try:
        check_capture(place, method, trained)
    except (CsgError, OSError, ValueError) as error:
        return str(error)
    return None
