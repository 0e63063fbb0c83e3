"""Numbers of drawing that all rasterisers, and what fits to their pictures, must agree on: FORMAT.md, section 9.5."""

MIN_ALPHA = 1.0 / 255.0
"""What covers less of a pixel is not drawn there."""
MAX_ALPHA = 0.999
"""Most that one Gaussian covers of a pixel."""
MIN_TRANSMITTANCE = 1e-4
"""Where no more shines through, nothing further is drawn."""
DILATION = 0.3
"""px^2 on both diagonal entries of the projected covariance."""
NEAR = 0.01
"""Least z in camera axes."""
