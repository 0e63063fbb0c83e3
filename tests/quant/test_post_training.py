"""Post-training quantisation: small errors, and a code length within 0.5 % of the floating-point model's."""

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch

from csgaussian_ns.core.errors import QuantisationError
from csgaussian_ns.format.networks import fixed_point, requantise, steps
from csgaussian_ns.format.networks.fixed_point import FLOAT32_BOUND, IntegerNetwork
from csgaussian_ns.format.networks.network_bytes import from_bytes, to_bytes
from csgaussian_ns.format.networks.positional import VoxelBox, encode_positions
from csgaussian_ns.quant import post_training, rounding
from csgaussian_ns.quant.post_training import AffineLayer
from csgaussian_ns.quant.steps import step_from_raw

ANCHORS, CHANNELS, SLICE = 6000, 16, 8
BASE_STEP = 0.25
BOX = VoxelBox((0, 0, 200), 399)
BITS = [8] * CHANNELS + [8] * CHANNELS + [6]  # means, log scales, raw step


def mlp(*widths: int) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def affine(network: torch.nn.Sequential) -> list[AffineLayer]:
    return [AffineLayer(part.weight, part.bias) for part in network if isinstance(part, torch.nn.Linear)]


def bits_of(distance: torch.Tensor, ratio: torch.Tensor) -> torch.Tensor:
    """Bits of a value ``distance`` steps from the mean under a Gaussian of ``ratio`` steps."""
    low, high = (distance.abs() - 0.5) / ratio, (distance.abs() + 0.5) / ratio
    mass = torch.special.ndtr(-low) - torch.special.ndtr(-high)
    return -torch.log2(mass.clamp(min=2.0**-40))


def quantise_network(layers: Sequence[AffineLayer], calibration: torch.Tensor, *how, **more) -> IntegerNetwork:
    return post_training.quantise_network(layers, calibration.numpy(), *how, **more)


def evaluate(network: IntegerNetwork, inputs: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(fixed_point.evaluate(network, inputs.numpy()))


def real_outputs(
    layers: Sequence[AffineLayer], inputs: torch.Tensor, input_scale: float | torch.Tensor
) -> torch.Tensor:
    """The floating-point network on integer inputs, in float64."""
    values = inputs.double() * input_scale
    for number, (weight, bias) in enumerate(layers):
        values = (values if number == 0 else values.relu()) @ weight.detach().double().T + bias.detach().double()
    return values


def worst_errors(
    network: IntegerNetwork,
    layers: Sequence[AffineLayer],
    inputs: torch.Tensor,
    input_scale: float | torch.Tensor,
    output_fraction_bits: int | Sequence[int],
) -> torch.Tensor:
    """Largest difference between integer and floating-point outputs over ``inputs``, per output, in real units."""
    fractions = torch.as_tensor(output_fraction_bits, dtype=torch.float64)
    found = evaluate(network, inputs).double() * torch.exp2(-fractions)
    return (found - real_outputs(layers, inputs, input_scale)).abs().amax(dim=0)


def attributes(grid: torch.Tensor) -> torch.Tensor:
    """Channels that vary smoothly over the scene, with noise from 0.06 to 4; the second half follows the first."""
    generator = torch.Generator().manual_seed(11)
    place = grid.float() / 400
    waves = torch.randn(3, CHANNELS, generator=generator) * 3
    phases = torch.rand(CHANNELS, generator=generator) * 6
    spread = torch.exp2(torch.linspace(-4, 1, CHANNELS) + torch.sin(place @ waves.flip(1) + phases))
    values = 2 * torch.sin(place @ waves + phases) + spread * torch.randn(len(grid), CHANNELS, generator=generator)
    values[:, SLICE:] += 0.7 * values[:, :SLICE]
    return values


def noisy(values: torch.Tensor, step: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return rounding.noisy(values, step, rounding.unit_noise(values, generator))


class Model:
    """A hyperprior of positions, and one step of channel-wise autoregression from the first slice to the second."""

    def __init__(self) -> None:
        torch.manual_seed(2)
        self.prior = mlp(63, 48, 48, 2 * CHANNELS + 1)
        self.slices = mlp(SLICE, 32, 2 * SLICE)
        self.largest = 10.0  # magnitude of a decoded value that is not yet clamped

    def outputs(self, places: torch.Tensor, decoded) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Means, log scales and step; ``decoded`` gives the first slice once its mean and step are known."""
        mean, log_scale, raw = self.prior(places).split([CHANNELS, CHANNELS, 1], dim=1)
        step = BASE_STEP * step_from_raw(raw)
        first = decoded(mean[:, :SLICE], step)
        correction = self.slices((first / self.largest).clamp(-1, 1))
        mean = torch.cat([mean[:, :SLICE], mean[:, SLICE:] + correction[:, :SLICE]], dim=1)
        log_scale = torch.cat([log_scale[:, :SLICE], log_scale[:, SLICE:] + correction[:, SLICE:]], dim=1)
        return mean, rounding.clamp_inward(log_scale, -4.0, 6.875), step

    def fit(self, places: torch.Tensor, values: torch.Tensor, iterations: int = 700) -> None:
        generator = torch.Generator().manual_seed(3)
        optimiser = torch.optim.Adam([*self.prior.parameters(), *self.slices.parameters()], lr=4e-3)
        for _ in range(iterations):
            rows = torch.randint(0, len(values), (512,), generator=generator)
            drawn = values[rows]
            mean, log_scale, step = self.outputs(
                places[rows], lambda _, step, drawn=drawn: noisy(drawn[:, :SLICE], step, generator)
            )
            noised = noisy(drawn, step, generator)
            rate = bits_of(noised / step - mean, torch.exp2(log_scale)).mean()
            loss = rate + 100 * ((noised - drawn) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


def real_code_length(model: Model, places: torch.Tensor, values: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Bits per value of the floating-point model, and the decoded values."""

    def decoded(mean: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        wanted = values[:, : mean.shape[1]]
        return mean * step + step * ((wanted - mean * step) / step).round()

    with torch.no_grad():
        mean, log_scale, step = model.outputs(places, decoded)
        result = decoded(mean, step)
        bits = bits_of((result / step - mean).double(), torch.exp2(log_scale.double()))
        return float(bits.mean()), result


def integer_code_length(prior, slices, requantiser, places: torch.Tensor, values: torch.Tensor):
    """The same with integers only, as encoder and decoder run it. Decoded: units of BASE_STEP / 2**24."""
    mean, log_scale, raw = evaluate(prior, places).split([CHANNELS, CHANNELS, 1], dim=1)
    step = torch.from_numpy(steps.integer_steps(raw.numpy()))

    def symbols(channels: slice) -> torch.Tensor:
        distance = values[:, channels].double() / (step.double() * BASE_STEP / 2**16) - mean[:, channels].double() / 256
        return distance.round().long()

    decoded = step * (256 * symbols(slice(SLICE)) + mean[:, :SLICE])
    correction = evaluate(slices, torch.from_numpy(requantise.requantise(decoded.numpy(), *requantiser)))
    mean = torch.cat([mean[:, :SLICE], mean[:, SLICE:] + correction[:, :SLICE]], dim=1)
    log_scale = torch.cat([log_scale[:, :SLICE], log_scale[:, SLICE:] + correction[:, SLICE:]], dim=1)
    coded = symbols(slice(CHANNELS))
    ratio = torch.exp2(torch.from_numpy(steps.scale_rows(log_scale.numpy())).double() / 8 - 4)
    decoded = (step * (256 * coded + mean)).double() * BASE_STEP / 2**24
    return float(bits_of(coded.double(), ratio).mean()), decoded.float()


@pytest.fixture(scope="module")
def fitted():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # on batches this small a second thread only waits
    grid = torch.randint(0, 400, (ANCHORS, 3), generator=torch.Generator().manual_seed(1), dtype=torch.int32)
    grid[:, 2] = 200 + 60 * torch.sin(grid[:, 0] / 50.0).to(torch.int32)
    integers, values = torch.from_numpy(encode_positions(grid.numpy(), BOX)), attributes(grid)
    model = Model()
    model.fit(integers.float() / 511, values)
    torch.set_num_threads(threads)
    return model, integers, values


def quantised(model: Model, integers: torch.Tensor):
    """Both networks in integers. The second takes values decoded to units of BASE_STEP / 2**24."""
    prior = quantise_network(affine(model.prior), integers[:2000], 1 / 511, BITS)
    requantiser = requantise.choose_requantiser(model.largest / BASE_STEP * 2**24)
    calibration = torch.randint(-400, 401, (2000, SLICE), generator=torch.Generator().manual_seed(9))
    slices = quantise_network(affine(model.slices), calibration, 1 / 511, [8] * 2 * SLICE)
    return prior, slices, requantiser


def test_code_length_in_integers_is_within_half_a_percent(fitted, record_property):
    model, integers, values = fitted
    real, decoded = real_code_length(model, integers.float() / 511, values)
    prior, slices, requantiser = quantised(model, integers)
    whole, decoded_whole = integer_code_length(prior, slices, requantiser, integers, values)
    record_property("bits", (real, whole))
    naive = float(
        torch.log2(values.std(dim=0) / decoded.sub(values).std() * math.sqrt(2 * math.pi * math.e / 12)).mean()
    )
    assert 1.0 < real < naive  # the model has learned something and the rate is one that occurs
    errors = [float(((found - values) ** 2).mean()) for found in (decoded, decoded_whole)]
    # Steps differ a little too, so compare at equal distortion: 6 dB are worth one bit.
    extra = whole - real + 0.5 * math.log2(errors[1] / errors[0])
    record_property("extra bits at equal distortion", extra / real)
    assert abs(extra / real) < 0.005
    assert errors[1] == pytest.approx(errors[0], rel=0.02)
    assert max(*prior.row_bounds(), *slices.row_bounds()) < FLOAT32_BOUND


def test_code_length_suffers_from_four_bit_weights(fitted):
    """Control: the comparison above notices a network that is too coarse."""
    model, integers, values = fitted
    real, _ = real_code_length(model, integers.float() / 511, values)
    prior, slices, requantiser = quantised(model, integers)
    for layer in prior.layers:
        layer.weight[:] = (layer.weight // 16) * 16 + 8
    whole, _ = integer_code_length(prior, slices, requantiser, integers, values)
    assert whole / real - 1 > 0.005


def test_outputs_are_close_to_the_real_ones(fitted):
    model, integers, _ = fitted
    layers = affine(model.prior)
    network = quantise_network(layers, integers[:2000], 1 / 511, BITS)
    exact = real_outputs(layers, integers, 1 / 511)
    assert torch.allclose(exact, model.prior(integers.float() / 511).detach().double(), atol=1e-4)
    fractions = torch.exp2(-torch.tensor(BITS, dtype=torch.float64))
    deviation = (evaluate(network, integers) * fractions - exact).std(dim=0)
    assert (deviation < 0.03 * exact.std(dim=0) + fractions).all()
    worst = worst_errors(network, layers, integers, 1 / 511, BITS)
    assert worst.shape == (2 * CHANNELS + 1,) and (worst < 0.2 * (exact.amax(dim=0) - exact.amin(dim=0))).all()


def test_a_network_that_integers_can_hold_is_kept_exactly():
    # Weights and biases that are multiples of the integer units; 1023 is reached, so nothing is rounded.
    weight = torch.tensor([[127.0, 0.0], [0.0, 127.0], [-127.0, 64.0]], dtype=torch.float64)
    inputs = torch.tensor([[5, -3], [511, -511], [0, 1]])
    network = quantise_network([AffineLayer(weight, torch.tensor([3.0, -4.0, 0.0]).double())], inputs, 1.0, 0)
    expected = [[638, -385, -827], [64900, -64901, -97601], [3, 123, 64]]
    assert evaluate(network, inputs).tolist() == expected


def test_scales_and_fractions_may_differ_per_channel():
    layers = [AffineLayer(torch.eye(2) * 0.5, torch.zeros(2))]
    scale = torch.tensor([1.0, 1 / 64])
    inputs = torch.tensor([[100, 64], [-8, -128]])
    network = quantise_network(layers, inputs, scale, [3, 8], input_limit=511)
    assert evaluate(network, inputs).tolist() == [[400, 128], [-32, -256]]
    assert worst_errors(network, layers, inputs, scale, [3, 8]).max() < 1e-9


def test_rows_without_weights_keep_their_bias():
    weight, bias = torch.zeros(3, 4), torch.tensor([0.5, -30.0, 0.0])
    weight[2, 0] = 1e-12
    inputs = torch.randint(-511, 512, (50, 4))
    for layers in ([AffineLayer(weight, bias)], [AffineLayer(weight, bias), AffineLayer(torch.eye(3), bias)]):
        network = quantise_network(layers, inputs, 1 / 511, 8)
        worst = worst_errors(network, layers, inputs, 1 / 511, 8)
        assert worst.max() < 0.05
        assert to_bytes(from_bytes(to_bytes(network))) == to_bytes(network)


def test_what_cannot_be_quantised_is_an_error():
    inputs = torch.ones(4, 2, dtype=torch.int32)
    with pytest.raises(QuantisationError, match="not finite"):
        quantise_network([AffineLayer(torch.full((1, 2), float("nan")), torch.zeros(1))], inputs, 1.0, 8)
    with pytest.raises(QuantisationError, match="too many fractional bits"):
        quantise_network([AffineLayer(torch.full((1, 2), 1e9), torch.zeros(1))], inputs, 1.0, 8)
    with pytest.raises(QuantisationError, match="at least one layer"):
        quantise_network([], inputs, 1.0, 8)


def test_rows_of_very_different_size_stay_within_int8():
    # The small row's multiplier is 4.29 before rounding; rounded down, its weights would have to exceed 127.
    layers = [AffineLayer(torch.tensor([[1.0, -1.0], [2.6e-4, -2.6e-4]]), torch.zeros(2))]
    inputs = torch.tensor([[511, -511], [100, 200]])
    network = quantise_network(layers, inputs, 1.0, 8)
    assert network.layers[0].multiplier[1] == 5
    large, small = worst_errors(network, layers, inputs, 1.0, 8).tolist()
    assert large < 1e-4 * 1022 and small < 1 / 256
