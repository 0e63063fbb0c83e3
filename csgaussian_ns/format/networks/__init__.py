"""Entropy networks in integers, and what feeds them: the same bits on any machine."""
