"""Pictures as an MP4 film, through PyAV: its wheels bring ffmpeg, so nothing else needs to be installed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from csgaussian_ns.core.errors import BackendUnavailable, ConfigError
from csgaussian_ns.core.files import replacing
from csgaussian_ns.core.shapes import UInt8

CODEC, PIXELS = "libx264", "yuv420p"
"""What every browser and player shows."""
QUALITY = "18"
"""Constant rate factor: hardly to be told from the pictures."""


class Film:
    """Takes pictures of one size, one after another."""

    def __init__(self, container: Any, stream: Any, av: Any) -> None:
        """Use ``open_film``."""
        self._container, self._stream, self._av = container, stream, av

    def add(self, picture: UInt8[np.ndarray, "H W 3"]) -> None:
        """The next frame; an odd last row or column is left out, as the pixel format stores colour in pairs.

        Raises:
            ConfigError: That leaves nothing.
        """
        height, width = (size - size % 2 for size in picture.shape[:2])
        if not height or not width:
            raise ConfigError(f"a picture of {picture.shape[1]} x {picture.shape[0]}: films need at least 2 x 2 pixels")
        if not self._stream.codec_context.is_open:
            self._stream.width, self._stream.height = width, height
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
        self._container.mux(self._stream.encode(frame))


@contextmanager
def open_film(path: Path, frames_per_second: int) -> Iterator[Film]:
    """A film that appears under ``path`` when it is complete.

    Raises:
        BackendUnavailable: PyAV is not installed.
        ConfigError: The film cannot be encoded or written.
    """
    av = load_av()
    with replacing(path) as file:
        container = av.open(file, "w", format="mp4")
        try:
            stream = container.add_stream(CODEC, rate=frames_per_second, options={"crf": QUALITY})
            stream.pix_fmt = PIXELS
            yield Film(container, stream, av)
            container.mux(stream.encode())
            container.close()
        except BaseException as error:
            with suppress(av.FFmpegError, ConfigError):  # it cannot end the film of which it could not write a part
                container.close()
            if isinstance(error, av.FFmpegError):
                raise ConfigError(f"cannot make the film {path}: {error}; try another size, or PNG images") from error
            raise


def load_av() -> Any:
    """The module of PyAV.

    Raises:
        BackendUnavailable: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise BackendUnavailable(
            f"films need PyAV ({error}): pip install 'csgaussian-ns[video]', or choose a folder to get PNG images"
        ) from error
    return av
