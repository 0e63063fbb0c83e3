"""Scenes as plain Gaussians for other programs: fitted to what cameras see, written in their formats, measured."""
