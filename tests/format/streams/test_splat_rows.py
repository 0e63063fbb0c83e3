"""Rows of Gaussians as a stream."""

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError, LimitExceeded
from csgaussian_ns.format.morton import morton_order
from csgaussian_ns.format.streams.splat_rows import CHANNELS, LARGEST, decode_rows, encode_rows
from tests.format.fuzzing import Target, attack
from tests.format.processes import run_python


def rows_of(count: int, channels: int, size: float = 6.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Voxels in their order, and values most of which are small."""
    generator = np.random.default_rng(seed)
    grid = generator.integers(0, 50, (count, 3)).astype(np.int32)
    grid = grid[morton_order(grid)]
    return np.rint(generator.laplace(0, size, (count, channels))).astype(np.int32), grid


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("count", [1, 2, 5, 150])
def test_what_is_written_is_read(channels: int, count: int):
    rows, grid = rows_of(count, channels)
    assert np.array_equal(decode_rows(encode_rows(rows, grid), grid, channels), rows)


def test_none_at_all():
    rows, grid = np.zeros((0, 10), np.int32), np.zeros((0, 3), np.int32)
    assert encode_rows(rows, grid) == b"" and decode_rows(b"", grid, 10).shape == (0, 10)
    with pytest.raises(FormatError, match="5 bytes are stored for none"):
        decode_rows(b"12345", grid, 10)


def test_values_of_every_size():
    values = [sign * (2**bits + more) for bits in range(20) for sign in (-1, 1) for more in (-1, 0, 1)]
    rows = np.array([*values, LARGEST, -LARGEST, 0, 0, 0, 0, 0, 0], np.int32)
    rows = rows[np.abs(rows) <= LARGEST][:120].reshape(-1, 10)
    grid = np.zeros((len(rows), 3), np.int32)
    assert np.array_equal(decode_rows(encode_rows(rows, grid), grid, 10), rows)
    with pytest.raises(ValueError, match="values up to"):
        encode_rows(np.full((1, 10), LARGEST + 1, np.int32), grid[:1])
    with pytest.raises(ValueError, match="11 channels"):
        encode_rows(np.zeros((1, 11), np.int32), grid[:1])


def test_likeness_is_used():
    """Rows like those near by take less than rows of the same values in another order."""
    rows, grid = rows_of(2000, 10)
    rows[:] = (grid @ np.array([[1, 2, 3]]).T) // 4 + rows // 4
    alike = len(encode_rows(rows, grid))
    other = len(encode_rows(np.random.default_rng(1).permutation(rows), grid))
    assert alike < 0.93 * other


def test_interpreted_kernels_write_the_same_bytes():
    rows, grid = rows_of(12, 19)
    program = (
        "import numpy as np\n"
        "from csgaussian_ns.format.streams.splat_rows import decode_rows, encode_rows\n"
        f"rows, grid = np.array({rows.tolist()}, np.int32), np.array({grid.tolist()}, np.int32)\n"
        "data = encode_rows(rows, grid)\n"
        "assert (decode_rows(data, grid, 19) == rows).all()\n"
        "print(data.hex())"
    )
    assert run_python(program, numba=False).strip() == encode_rows(rows, grid).hex()


def test_damage_is_a_typed_error_or_other_values():
    rows, grid = rows_of(30, 19)
    target = Target("splat-rows", 1, (encode_rows(rows, grid),), lambda data: nothing(decode_rows(data, grid, 19)))
    refused = sum(attack(target, number) for number in range(600))
    assert refused > 200


def nothing(_: object) -> None:
    """A stream has no checksum of its own: any values are right for it."""


def test_a_short_stream_cannot_promise_much():
    grid = np.zeros((200_000, 3), np.int32)
    with pytest.raises(LimitExceeded, match="cannot be in 8 bytes"):
        decode_rows(bytes(8), grid, 55)
    with pytest.raises(FormatError, match="12 channels"):
        decode_rows(bytes(8), grid[:1], 12)
