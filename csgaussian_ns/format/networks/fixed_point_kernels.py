"""One layer of an integer network, compiled: on the thread that calls it, where a matrix library might start more."""

from typing import Any, no_type_check

from csgaussian_ns.core.jit import kernel


@kernel
@no_type_check
def layer_outputs(
    values: Any,
    weight: Any,
    bias: Any,
    multiplier: Any,
    shift: int,
    lowest: int,
    highest: int,
    sums: Any,
    outputs: Any,
) -> None:
    """Rows of outputs from rows of inputs; see ``fixed_point`` for the equation.

    Args:
        values: ``[N, inputs]``; int32 where every partial sum, bias included, fits, else int64: weight and bias too.
        weight: ``[inputs, out]``.
        bias: ``[out]``.
        multiplier: int64 ``[out]``.
        shift: Of the layer.
        lowest: Of an output.
        highest: Of an output.
        sums: Scratch ``[out]``.
        outputs: ``[N, out]``, filled.
    """
    half = 1 << (shift - 1)
    for row in range(len(values)):
        for j in range(len(sums)):
            sums[j] = bias[j]
        for k in range(len(weight)):
            value = values[row, k]
            if value != 0:  # half of the hidden activations are
                for j in range(len(sums)):
                    sums[j] += value * weight[k, j]
        for j in range(len(sums)):
            outputs[row, j] = max(lowest, min(highest, (sums[j] * multiplier[j] + half) >> shift))
