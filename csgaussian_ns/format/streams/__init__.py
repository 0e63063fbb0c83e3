"""Entropy-coded streams: bits with adaptive contexts, symbols under shipped tables. Writers stand beside readers."""
