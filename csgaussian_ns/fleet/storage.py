"""Folders of scenes and results, on this machine or behind any address of fsspec.

What is written gets its name when it is complete: by renaming here, and because an object store shows no half objects.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError, DataError
from csgaussian_ns.core.files import is_address, make_folder, replace_file


def joined(folder: str, *names: str) -> str:
    """A path or an address below a folder; an absolute name stands for itself."""
    for name in names:
        if is_address(name) or os.path.isabs(name):
            folder = name
        elif is_address(folder):
            folder = f"{folder.rstrip('/')}/{name}"
        else:
            folder = os.path.normpath(os.path.join(folder, name))
    return folder


def is_local(place: str) -> bool:
    """Whether a place is on this machine, as far as its name tells."""
    return not is_address(place)


def absolute(place: str) -> str:
    """The same place for a process in another folder."""
    return place if is_address(place) else os.path.abspath(place)


def check_reachable(address: str) -> None:
    """See whether there is an implementation for an address.

    Raises:
        BackendUnavailable: fsspec, or its package for this kind of address, is not installed.
        DataError: It is no address.
    """
    _remote(address)


def read_if_there(place: str) -> bytes | None:
    """The content of a file, if there is one.

    Raises:
        DataError: It is there, as it seems, and cannot be read.
    """
    try:
        if is_local(place):
            return Path(place).read_bytes()
        system, path = _remote(place)
        return system.cat_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise DataError(f"{place} cannot be read: {getattr(error, 'strerror', None) or error}") from error


def write_whole(place: str, data: bytes) -> None:
    """A file, complete or not at all.

    Raises:
        ConfigError: It cannot be written.
    """
    if is_local(place):
        make_folder(Path(place).parent)
        replace_file(Path(place), data)
        return
    system, path = _remote(place)
    with _telling(place):
        system.makedirs(path.rpartition("/")[0], exist_ok=True)
        system.pipe_file(path, data)


def lines_of(place: str) -> Iterator[bytes]:
    """Lines of a file, one in memory at a time; none where there is no file.

    Raises:
        DataError: It cannot be read.
    """
    try:
        if is_local(place):
            stream: Any = open(place, "rb")  # noqa: SIM115
        else:
            system, path = _remote(place)
            stream = system.open(path, "rb")
        with stream:
            yield from stream
    except FileNotFoundError:
        return
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or error}") from error


def names_in(folder: str, begin: str, end: str) -> list[str]:
    """Names of files at an address that begin and end so."""
    system, path = _remote(folder)
    if not system.exists(path):
        return []
    names = (str(found).rstrip("/").rpartition("/")[2] for found in system.ls(path, detail=False))
    return sorted(name for name in names if name.startswith(begin) and name.endswith(end))


def exists(place: str) -> bool:
    """Whether there is a file or a folder.

    Raises:
        BackendUnavailable: As ``check_reachable``.
        DataError: The store does not answer, or does not let us look.
    """
    if is_local(place):
        return os.path.exists(place)
    system, path = _remote(place)
    try:
        return bool(system.exists(path))
    except Exception as error:  # of whichever package
        raise DataError(f"{place} cannot be looked at: {type(error).__name__}: {error}") from error


def size_of(place: str) -> int | None:
    """Bytes of a file; ``None`` where there is none, or nobody tells."""
    try:
        if is_local(place):
            return os.path.getsize(place)
        system, path = _remote(place)
        return system.size(path)
    except (OSError, ValueError):
        return None


def listed(address: str) -> list[tuple[str, dict[str, Any]]]:
    """Files at or below an address by their names from there, and what the store says of each.

    Raises:
        CsgError: As ``exists``.
    """
    system, path = _remote(address)
    root = path.rstrip("/")
    try:
        found = system.find(root, detail=True)
    except Exception as error:  # of whichever package
        raise DataError(f"{address} cannot be listed: {type(error).__name__}: {error}") from error
    return sorted((str(name).removeprefix(root).lstrip("/"), dict(facts)) for name, facts in found.items())


def fetch(address: str, folder: Path) -> Path:
    """Copy what lies at an address, a folder or a file, into a folder of this machine.

    Returns:
        Where it is.

    Raises:
        DataError: There is nothing, or it cannot be read.
    """
    system, path = _remote(address)
    target = folder / (path.rstrip("/").rpartition("/")[2] or "data")
    try:
        if not system.exists(path):
            raise DataError(f"{address}: there is nothing there; expected a capture or a file")
        system.get(path.rstrip("/"), str(target), recursive=system.isdir(path))
    except (OSError, ValueError) as error:
        raise DataError(f"{address} cannot be fetched: {error}") from error
    return target


def send(folder: Path, address: str, last: str) -> None:
    """Copy all files of a folder to an address; the one called ``last`` when all others have arrived.

    Raises:
        ConfigError: They cannot be written.
    """
    system, path = _remote(address)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with _telling(address):
        for file in sorted(files, key=lambda file: file == folder / last):
            target = f"{path.rstrip('/')}/{file.relative_to(folder).as_posix()}"
            system.makedirs(target.rpartition("/")[0], exist_ok=True)
            system.put_file(str(file), target)


def _remote(address: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise BackendUnavailable(f"{address}: addresses need fsspec; pip install 'csgaussian-ns[remote]'") from error
    try:
        return url_to_fs(address)
    except ImportError as error:
        raise BackendUnavailable(f"{address}: {error}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: {error}; expected an address that fsspec knows, such as s3://bucket/x") from error


@contextmanager
def _telling(place: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot write {place}: {error}; check access, or choose another output") from error
