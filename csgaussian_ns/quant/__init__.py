"""Quantisation: steps, rounding with gradients, and integer networks that give the same bits on any machine."""
