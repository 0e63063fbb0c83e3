"""Compiles the kernels that a receiver uses, for a wheel to bring (decision 0026).

They are compiled by being used: on the golden files of the format, whose scenes need every stream and network. The
package to compile for is the one that Python finds.

    python scripts/ship_kernels.py FOLDER
"""

import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).resolve().parents[1] / "tests" / "golden"
LEFT_OUT = "v1_torchac.csg"
"""Needs more than a receiver has."""


def use_kernels() -> None:
    """Decode, draw, code and fit as a receiver does."""
    import csgaussian_ns
    from csgaussian_ns.export.plain import Effort, plain
    from csgaussian_ns.receiver.arrange import by_importance
    from csgaussian_ns.receiver.importing import Settings, import_gaussians
    from csgaussian_ns.render.draw import draw
    from csgaussian_ns.scene.gaussian_scene import GaussianScene
    from csgaussian_ns.scene.splats import Splats

    cameras: list[csgaussian_ns.Camera] = []
    for path in sorted(GOLDEN.glob("*.csg")):
        if path.name == LEFT_OUT:
            continue
        scene = csgaussian_ns.load(path)
        cameras = list(scene.orbit(views=1, width=64, height=48).values())
        scene.draw(cameras[0])
        scene.draw(cameras[0], with_depth=True)
        if len(scene) and scene.rows == "anchors":
            with suppress(csgaussian_ns.UnsupportedVersion):  # rows that know others stay where they are
                by_importance(scene.data)  # it codes, as flattening does
        if scene.objects:
            scene.select(cameras[0], 32, 24)
            plain(scene, cameras, Effort(steps=2))
    some, ones = np.ones((10, 3), np.float32), np.ones((10, 4), np.float32)
    gaussians = GaussianScene(some, ones, some, some[:, 0], some[:, None])
    draw(gaussians, cameras[0], with_depth=True)
    import_gaussians(Splats(gaussians), Settings())


def main(folder: str) -> None:
    """Compile in a process whose numba has been told the baseline before it was imported."""
    from csgaussian_ns.core.kernel_cache import KERNELS
    from csgaussian_ns.core.shipped_kernels import baseline, save

    lowest = baseline()
    if lowest is None:
        sys.exit("ship_kernels: kernels are not brought on this platform")
    if os.environ.get("NUMBA_CPU_NAME") == lowest.cpu:
        use_kernels()
        Path(folder).mkdir(parents=True, exist_ok=True)
        print(f"{folder}: {save(KERNELS, Path(folder))} kernels for {lowest.cpu}")
        return
    with tempfile.TemporaryDirectory() as anew:
        told = {"NUMBA_CPU_NAME": lowest.cpu, "NUMBA_CPU_FEATURES": lowest.flags, "NUMBA_CACHE_DIR": anew}
        sys.exit(subprocess.call([sys.executable, __file__, folder], env=os.environ | told))


if __name__ == "__main__":
    main(*sys.argv[1:])
