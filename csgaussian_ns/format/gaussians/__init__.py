"""Scenes of plain Gaussians in ``.csg`` files, coded without training. FORMAT.md, section "Gaussians", is normative."""
