"""Where files lie that are read in parts: servers by HTTP range requests, other places by fsspec.

A file that changes while it is read is an error: parts of two files are no file.
"""

import re
import time
import warnings
from http.client import HTTPException, HTTPMessage
from typing import Any, NamedTuple, Protocol, runtime_checkable
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from csgaussian_ns.core.errors import BackendUnavailable, DataError, SlowStart

SECONDS = 30
"""How long a server may stay silent."""
PAUSES = (0.25, 1.0)
"""Seconds before another try."""
PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Answers of a server that may be another the next time."""
NOT_QUOTED = "%/:?=&#[]@!$'()*+,;~"
"""What addresses are made of beside letters and digits; spaces, say, are sent as %20."""

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@runtime_checkable
class Origin(Protocol):
    """Where the bytes come from."""

    def front(self, length: int, most: int) -> tuple[bytes, int]:
        """The first ``length`` bytes, or more, or as many as there are, and the size of the file.

        A size above ``most`` is not fetched.
        """
        ...

    def part(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset`` on."""
        ...


class _Answer(NamedTuple):
    """Of a server: its code, what it says about the content, and that, as far as it was read."""

    status: int
    headers: HTTPMessage
    content: bytes


class Server:
    """A file on a server, by HTTP/1.1 range requests (RFC 9110, section 14)."""

    def __init__(self, address: str) -> None:
        self._address = quote(address, safe=NOT_QUOTED)
        self._version: tuple[Any, ...] = ()
        self._size = 0

    def front(self, length: int, most: int) -> tuple[bytes, int]:
        """See ``Origin``. A server that knows no ranges gives everything, and a warning says so."""
        answer = self._asked(0, length, most)
        self._version = _version(answer)
        if answer.status == 206:
            self._size = self._range(answer, 0)[1]
            return answer.content, self._size
        self._size = int(answer.headers.get("Content-Length") or len(answer.content))
        if len(answer.content) > length:
            warnings.warn(
                f"{self._address}: its server sends no parts, so all of it is fetched", SlowStart, stacklevel=2
            )
        return answer.content, max(self._size, len(answer.content))

    def part(self, offset: int, length: int) -> bytes:
        """See ``Origin``."""
        answer = self._asked(offset, length, length)
        same = answer.status == 206 and self._range(answer, offset) == (offset + length, self._size)
        if not same or _version(answer) != self._version:
            raise DataError(f"{self._address}: the file changed while it was read; open it again")
        return answer.content

    def _range(self, answer: _Answer, offset: int) -> tuple[int, int]:
        """Where the part that came ends, and the size of the file."""
        told = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        first, last, size = map(int, told.groups()) if told else (-1, -1, -1)
        if first != offset or last + 1 - first != len(answer.content):
            raise DataError(
                f"{self._address}: the server sent {len(answer.content)} bytes as "
                f"{answer.headers.get('Content-Range', 'no range')!r:.60}, asked for a part from byte {offset} on"
            )
        return last + 1, size

    def _asked(self, offset: int, length: int, most: int) -> _Answer:
        """What the server answers, after some tries if need be; content without end is read to just beyond ``most``."""
        for pause in (*PAUSES, None):
            try:
                return self._answer(offset, length, most)
            except (HTTPException, OSError, ValueError) as error:  # of which URLError and TimeoutError are kinds
                lasting = isinstance(error, HTTPError) and error.code not in PASSING
                if isinstance(error, HTTPError):
                    error.close()
                if pause is None or lasting or isinstance(error, ValueError):
                    raise DataError(f"{self._address}: {_why(error)}; expected the address of a .csg file") from error
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _answer(self, offset: int, length: int, most: int) -> _Answer:
        wanted = {"Range": f"bytes={offset}-{offset + length - 1}", "Accept-Encoding": "identity"}
        with urlopen(Request(self._address, headers=wanted), timeout=SECONDS) as reply:
            promised = reply.headers.get("Content-Length")
            content = b""
            if reply.status == 206 or promised is None or int(promised) <= most:
                content = reply.read(most + 1)
                if promised is not None and len(content) < min(int(promised), most + 1):
                    raise HTTPException(f"{len(content)} of {promised} bytes came; fetch it again")
            return _Answer(reply.status, reply.headers, content)


def _why(error: Exception) -> str:
    """What went wrong, in words; Python has it inside of two exceptions, with a number."""
    if isinstance(error, HTTPError):
        return f"the server answers {error.code}, {error.reason}"
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, OSError):
        return f"cannot be reached: {reason.strerror or str(reason) or type(reason).__name__}"
    return str(reason) or type(error).__name__


def _version(answer: _Answer) -> tuple[Any, ...]:
    """Changes with the file, as far as the server tells."""
    return answer.headers.get("ETag"), answer.headers.get("Last-Modified")


class Elsewhere:
    """A file on a file system of fsspec, which tries again by itself. A change is told where the size changes."""

    def __init__(self, system: Any, path: str, address: str) -> None:
        self._system, self._path, self._address = system, path, address
        self._size = 0

    def front(self, length: int, most: int) -> tuple[bytes, int]:
        """See ``Origin``."""
        try:
            self._system.invalidate_cache()
            self._size = int(self._system.size(self._path))
        except Exception as error:  # each cloud's package has errors of its own
            why = str(error) or type(error).__name__
            raise DataError(f"{self._address}: {why}; expected the address of a .csg file") from error
        length = min(length, self._size)
        return (self.part(0, length) if length > 0 and self._size <= most else b""), self._size

    def part(self, offset: int, length: int) -> bytes:
        """See ``Origin``."""
        try:
            content = self._system.cat_file(self._path, start=offset, end=offset + length)
        except Exception as error:  # each cloud's package has errors of its own
            raise DataError(f"{self._address}: {error or type(error).__name__}; open it again") from error
        if len(content) != length:
            raise DataError(
                f"{self._address}: {len(content)} bytes came, asked for {length}; the file changed: open it again"
            )
        return content


def elsewhere(address: str) -> Elsewhere:
    """A file that is not on a server of HTTP; errors as of ``receiver.sources.open_address``."""
    scheme = address.split(":", 1)[0]
    try:
        from fsspec.core import url_to_fs
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            f"{address}: addresses of {scheme} need fsspec; pip install 'csgaussian-ns[remote]'"
        ) from error
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        raise BackendUnavailable(f"{address}: {error}") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{address}: {error}; expected the address of a .csg file") from error
    return Elsewhere(system, path, address)
