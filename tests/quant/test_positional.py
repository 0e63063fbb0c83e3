"""Integer positional encoding against its definition in exact arithmetic, and requantisation."""

import math

import pytest
import torch

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.quant.positional import VoxelBox, encode_positions, normalise, real_inputs, voxel_box
from csgaussian_ns.quant.requantise import choose_requantiser, requantise
from csgaussian_ns.quant.tables import SINE_TABLE


def test_box_of_voxels():
    grid = torch.tensor([[-5, 0, 7], [10, 3, 7], [0, -40, 8]], dtype=torch.int32)
    assert voxel_box(grid) == VoxelBox((-5, -40, 7), 43)
    assert voxel_box(grid[:0]) == VoxelBox((0, 0, 0), 0)


@pytest.mark.parametrize("extent", [0, 1, 511, 65535, 65536, (1 << 21) - 1, (1 << 31) - 1])
def test_normalised_coordinates_fill_16_bits(extent):
    box = VoxelBox((-7, 0, -(1 << 31)), extent)
    ends = torch.tensor([[-7, 0, -(1 << 31)], [extent - 7, extent, extent - (1 << 31)]])
    u = normalise(ends, box)
    assert u[0].tolist() == [0, 0, 0]
    assert u.max() <= 65535 and u[1, 0] == (extent * ((2**48 - 1) // (extent + 1))) >> 32
    if extent > 1:
        assert abs(int(u[1, 0]) - 65536 * extent / (extent + 1)) <= 1


def test_voxels_outside_the_box_move_to_its_border():
    box = VoxelBox((0, 0, 0), 100)
    found = normalise(torch.tensor([[-50, 1000, 2**31 - 1]], dtype=torch.int32), box)
    assert found.tolist() == normalise(torch.tensor([[0, 100, 100]]), box).tolist()


def test_a_box_beyond_31_bits_is_an_error():
    with pytest.raises(QuantisationError, match="extent"):
        VoxelBox((0, 0, 0), 1 << 31)


def test_encoding_follows_its_definition():
    grid = torch.randint(-3000, 9000, (40, 3), dtype=torch.int32)
    box = voxel_box(grid)
    found = encode_positions(grid, box, octaves=12)
    assert found.shape == (40, 75) and found.abs().max() <= 511
    for row, u in zip(found.tolist(), normalise(grid, box).tolist(), strict=True):
        expected = []
        for value in u:
            phases = [(value * 2**octave % 65536) // 64 for octave in range(12)]
            expected += [int(SINE_TABLE[phase]) for phase in phases]
            expected += [round(511 * math.cos(2 * math.pi * phase / 1024)) for phase in phases]
        assert row == expected + [math.floor((value - 32768) * 511 / 32768) for value in u]


def test_coordinates_tell_the_ends_of_the_scene_apart():
    ends = torch.tensor([[0, 0, 0], [9999, 9999, 9999]])
    box = voxel_box(ends)
    without = encode_positions(ends, box, octaves=1, with_coordinates=False)
    assert without.shape == (2, 6) and (without[0] - without[1]).abs().max() <= 4
    coordinates = encode_positions(ends, box, octaves=1)[:, 6:]
    assert coordinates.tolist() == [[-511] * 3, [510] * 3]


def test_octaves_are_bounded_and_empty_input_works():
    box = VoxelBox((0, 0, 0), 1)
    for octaves in (0, 17):
        with pytest.raises(ValueError, match="octaves"):
            encode_positions(torch.zeros(1, 3, dtype=torch.int32), box, octaves)
    assert encode_positions(torch.zeros(0, 3, dtype=torch.int32), box).shape == (0, 63)


def test_training_sees_the_same_numbers():
    grid = torch.randint(0, 500, (20, 3))
    integers = encode_positions(grid, voxel_box(grid))
    assert torch.equal((real_inputs(integers) * 511).round().to(torch.int32), integers)


@pytest.mark.parametrize("largest", [1, 511, 512, 1e5, 3.3e9, 2.0**34])
def test_requantisation_maps_the_largest_value_to_511(largest):
    multiplier, shift = choose_requantiser(largest)
    assert 1 << 13 <= multiplier < 1 << 15 and 1 <= shift <= 40
    assert multiplier / 2**shift == pytest.approx(511 / largest, rel=1e-4)
    values = torch.tensor([[int(largest), -int(largest), 0, (1 << 62), -(1 << 62), 4 * int(largest)]])
    assert requantise(values, multiplier, shift).tolist() == [[511, -511, 0, 511, -511, 511]]


def test_requantisation_rounds_halves_up():
    values = torch.arange(-40, 40)[None]
    expected = [max(-511, min(511, math.floor(v * 3 / 8 + 0.5))) for v in range(-40, 40)]
    assert requantise(values, 3, 3).tolist() == [expected]


@pytest.mark.parametrize(("multiplier", "shift"), [(0, 1), (1 << 15, 1), (1, 0), (1, 41)])
def test_requantisation_rejects_what_is_out_of_range(multiplier, shift):
    with pytest.raises(QuantisationError):
        requantise(torch.zeros(1, 1, dtype=torch.int64), multiplier, shift)
    with pytest.raises(QuantisationError):
        choose_requantiser(2.0**34 + 2**20)
