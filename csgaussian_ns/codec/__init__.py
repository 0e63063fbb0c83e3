"""Bytes of the `.csg` format: container, entropy coders and the streams of each section. FORMAT.md is normative."""
