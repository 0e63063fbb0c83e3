"""Integer positional encoding against its definition in exact arithmetic, and requantisation."""

import math

import numpy as np
import pytest

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.networks.positional import CHANNELS, VoxelBox, encode_positions, normalise
from csgaussian_ns.format.networks.requantise import choose_requantiser, requantise
from csgaussian_ns.format.tables import integers


@pytest.mark.parametrize("extent", [0, 1, 511, 65535, 65536, (1 << 21) - 1, (1 << 31) - 1])
def test_normalised_coordinates_fill_16_bits(extent):
    box = VoxelBox((-7, 0, -(1 << 31)), extent)
    ends = np.array([[-7, 0, -(1 << 31)], [extent - 7, extent, extent - (1 << 31)]])
    u = normalise(ends, box)
    assert u[0].tolist() == [0, 0, 0]
    assert u.max() <= 65535 and u[1, 0] == (extent * ((2**48 - 1) // (extent + 1))) >> 32
    if extent > 1:
        assert abs(int(u[1, 0]) - 65536 * extent / (extent + 1)) <= 1


def test_voxels_outside_the_box_move_to_its_border():
    box = VoxelBox((0, 0, 0), 100)
    found = normalise(np.array([[-50, 1000, 2**31 - 1]], np.int32), box)
    assert found.tolist() == normalise(np.array([[0, 100, 100]]), box).tolist()


def test_a_box_beyond_31_bits_is_an_error():
    with pytest.raises(QuantisationError, match="extent"):
        VoxelBox((0, 0, 0), 1 << 31)


def test_encoding_follows_its_definition():
    grid, box = (
        np.random.default_rng(0).integers(-3000, 9000, (40, 3)).astype(np.int32),
        VoxelBox((-3000, -3000, -3000), 11990),
    )
    found, sines = encode_positions(grid, box), integers("sines.bin")
    assert found.shape == (40, CHANNELS) == (40, 63) and np.abs(found).max() <= 511
    for row, u in zip(found.tolist(), normalise(grid, box).tolist(), strict=True):
        expected = []
        for value in u:
            phases = [(value * 2**octave % 65536) // 64 for octave in range(10)]
            expected += [int(sines[phase]) for phase in phases]
            expected += [round(511 * math.cos(2 * math.pi * phase / 1024)) for phase in phases]
        assert row == expected + [math.floor((value - 32768) * 511 / 32768) for value in u]


def test_coordinates_tell_the_ends_of_the_scene_apart():
    first, last = encode_positions(np.array([[0, 0, 0], [9999, 9999, 9999]]), VoxelBox((0, 0, 0), 9999))
    assert np.abs(first[:60:20] - last[:60:20]).max() <= 4  # a full turn of octave 0
    assert first[60:].tolist() == [-511] * 3 and last[60:].tolist() == [510] * 3


def test_empty_input_works():
    assert encode_positions(np.zeros((0, 3), np.int32), VoxelBox((0, 0, 0), 1)).shape == (0, 63)


@pytest.mark.parametrize("largest", [1, 511, 512, 1e5, 3.3e9, 2.0**34])
def test_requantisation_maps_the_largest_value_to_511(largest):
    multiplier, shift = choose_requantiser(largest)
    assert 1 << 13 <= multiplier < 1 << 15 and 1 <= shift <= 40
    assert multiplier / 2**shift == pytest.approx(511 / largest, rel=1e-4)
    values = np.array([[int(largest), -int(largest), 0, (1 << 62), -(1 << 62), 4 * int(largest)]])
    assert requantise(values, multiplier, shift).tolist() == [[511, -511, 0, 511, -511, 511]]


def test_requantisation_rounds_halves_up():
    values = np.arange(-40, 40)[None]
    expected = [max(-511, min(511, math.floor(v * 3 / 8 + 0.5))) for v in range(-40, 40)]
    assert requantise(values, 3, 3).tolist() == [expected]


@pytest.mark.parametrize(("multiplier", "shift"), [(0, 1), (1 << 15, 1), (1, 0), (1, 41)])
def test_requantisation_rejects_what_is_out_of_range(multiplier, shift):
    with pytest.raises(QuantisationError):
        requantise(np.zeros((1, 1), np.int64), multiplier, shift)
    with pytest.raises(QuantisationError):
        choose_requantiser(2.0**34 + 2**20)
