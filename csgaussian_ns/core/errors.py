"""The typed errors of the package. Each message says what was expected, what came, where, and what to do."""


class CsgError(Exception):
    """Base of every error that csgaussian raises on purpose."""


class ConfigError(CsgError, ValueError):
    """An option, or a combination of options, that cannot work."""


class DataError(CsgError, ValueError):
    """A scene folder, or a photo, mask or point cloud in it, that cannot be used."""


class BackendUnavailable(CsgError, ImportError):
    """A renderer, or another optional part, that this machine cannot run. The message names what is missing."""


class ContractError(CsgError, RuntimeError):
    """A part that is plugged in, such as a renderer, did not do what its interface promises."""


class CheckpointError(CsgError, RuntimeError):
    """A checkpoint or weights that cannot be read, or that could not be written completely."""


class FormatError(CsgError, ValueError):
    """A ``.csg`` or ``.ply`` file, or a stream in it, that breaks the format: damaged, cut, or of something else."""


class LimitExceeded(FormatError):
    """A file that asks for more memory or work than the reader's ``DecodeLimits`` allow."""


class UnsupportedVersion(FormatError):
    """A file that uses something this version of the package does not know and must not ignore."""


class QuantisationError(CsgError, ValueError):
    """Numbers outside the range in which coding is exact: a network, a step, or a value to be coded."""


class SlowStart(UserWarning):
    """What is kept to start fast is being made, or could not be kept; all else works."""


class QueryError(CsgError, ValueError):
    """A question that the scene cannot answer: no such object, pixel or view, or nothing known to answer it from."""
