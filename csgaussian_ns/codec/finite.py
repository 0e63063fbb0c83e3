"""What is checked before coding."""

from collections.abc import Mapping

import torch
from torch import Tensor

from csgaussian_ns.core.errors import QuantisationError

FINITE_BLOCK = 1 << 20
"""Values that are looked at together for NaN: the test of a whole tensor would take three times its memory."""


def check_finite(named: Mapping[str, Tensor]) -> None:
    """Refuse NaN and infinity.

    Raises:
        QuantisationError: Names the first tensor that holds one.
    """
    for name, value in named.items():
        bad = sum(int((~torch.isfinite(block)).sum()) for block in value.detach().flatten().split(FINITE_BLOCK))
        if bad:
            raise QuantisationError(
                f"{name} holds {bad} values that are NaN or infinite; the training run diverged. Export an earlier "
                "checkpoint, or train again with a lower learning rate"
            )
