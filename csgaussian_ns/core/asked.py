"""How the file of a trained run may be asked to differ from it: at most one of a size, a quality and a step scale."""

import math

from csgaussian_ns.core.errors import ConfigError
from csgaussian_ns.core.sizes import parse_size

FINEST, COARSEST = 1.0, 4.0
"""Of the step scale: below, files grow and look no better; above, next to nothing of the scene is left."""

CODERS = ("rans", "torchac")
"""Of the symbols."""


def check_scale(scale: int | float) -> None:
    """Refuse a step scale that makes nothing of use.

    Raises:
        ConfigError: It is out of range.
    """
    if not FINEST <= scale <= COARSEST:
        raise ConfigError(
            f"the step scale is {scale:g}; expected {FINEST:g} (as trained) to {COARSEST:g}: below, files grow and "
            "look no better, above, little is left of the scene"
        )


def check_asked(size: str | None, psnr: int | float | None, scale: int | float | None) -> str | None:
    """Refuse what no file can be, before anything is trained or coded for it.

    Args:
        size: ``--target-size``.
        psnr: ``--target-psnr``, dB.
        scale: ``--step-scale``.

    Returns:
        The one option as it was typed, if there is one.

    Raises:
        ConfigError: Two of them, or one that cannot be.
    """
    given = {"--target-size": size, "--target-psnr": psnr, "--step-scale": scale}
    options = [f"{name} {value}" for name, value in given.items() if value is not None]
    if len(options) > 1:
        raise ConfigError(f"{' and '.join(options)}: each says how large the file becomes; give one of them")
    if size is not None:
        parse_size(size, "--target-size")
    if psnr is not None and not (math.isfinite(psnr) and psnr > 0):
        raise ConfigError(f"{options[0]}: expected decibels above 0, such as 27")
    if scale is not None:
        check_scale(scale)
    return options[0] if options else None
