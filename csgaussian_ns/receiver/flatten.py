"""Edits made to last: what they remove is coded away, so that a file holds nothing of it any more."""

from csgaussian_ns.format.container import read_container
from csgaussian_ns.format.facts import is_group
from csgaussian_ns.format.limits import DEFAULT_LIMITS, DecodeLimits
from csgaussian_ns.receiver.flatten_group import flatten_group
from csgaussian_ns.receiver.flatten_scene import Flattened, flatten_scene


def flattened(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Flattened:
    """A file without what its edits remove; see ``flatten_scene`` and ``flatten_group``.

    Args:
        data: The file.
        limits: What to refuse.

    Raises:
        FormatError, UnsupportedVersion, LimitExceeded: As of ``receiver.load.load``; or what is left would change.
        ConfigError: The edits leave nothing, or the file is cut.
        QuantisationError: Gaussians go where no file reaches.
    """
    container = read_container(data, limits)
    return flatten_group(data, container, limits) if is_group(container) else flatten_scene(container, limits)
