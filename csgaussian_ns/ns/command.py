"""``csg-export``, which must say what it lacks where nothing but a receiver is installed."""

import sys

NEEDED = ("nerfstudio", "torch")


def main() -> None:
    """Run ``ns.export.main``."""
    try:
        from csgaussian_ns.ns import export
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in NEEDED:
            raise
        sys.exit(f"csg-export: exporting a run needs {error.name}; pip install 'csgaussian-ns[train]'")
    export.main()
