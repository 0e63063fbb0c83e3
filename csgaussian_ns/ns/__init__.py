"""The nerfstudio plugin: the only package that imports nerfstudio and viser."""
