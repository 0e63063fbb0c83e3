"""Renderers behind one contract, and how images are compared."""
