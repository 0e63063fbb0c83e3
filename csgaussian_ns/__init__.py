"""csgaussian: small, streamable, understandable splat assets. Importing this package imports nothing heavy."""

__version__ = "0.1.0"
