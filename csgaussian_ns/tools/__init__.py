"""Command line tools. They read and write files and folders, and never import nerfstudio."""
