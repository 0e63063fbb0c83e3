"""A network of codecsplat on RealEstate10K or DL3DV as published: your own copy of the data, their index files.

    python scripts/evaluate_codecsplat.py re10k/test --index evaluation_index_re10k.json [--weights FILE] [--level 5]
    python scripts/evaluate_codecsplat.py dl3dv/test --index dl3dv_12_views.json --size 448x256

The folder holds chunks in the layout of pixelSplat. Each scene of the index is compressed from its context photos and
compared with its target photos: bytes of the whole file, PSNR, SSIM, and LPIPS with ``--lpips-weights``. Rows go to
``--output``, where a later call goes on.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from csgaussian_ns.core.errors import CsgError, DataError
from csgaussian_ns.core.files import append_line
from csgaussian_ns.feedforward.chunks import DEPTHS, index_of, scene_of_chunk
from csgaussian_ns.feedforward.evaluation import measure, read_index, shown
from csgaussian_ns.feedforward.found import model_to_compress_by, naming
from csgaussian_ns.render.lpips import load_lpips


def size_of(text: str) -> tuple[int, int]:
    """Width and height."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def evaluate(asked: argparse.Namespace) -> None:
    """All scenes that are not in the output yet, and the means."""
    with naming(asked.weights):
        model = model_to_compress_by()
    level = model.settings.levels - 1 if asked.level is None else asked.level
    lpips = None if asked.lpips_weights is None else load_lpips(asked.lpips_weights)
    wanted, files = read_index(asked.index), index_of(asked.data)
    missing = sorted(wanted.keys() - files.keys())
    if missing:
        print(f"{len(missing)} of {len(wanted)} scenes of the index are not in {asked.data}: {', '.join(missing[:3])}")
    rows = []
    if asked.output.is_file():
        stored = (json.loads(line) for line in asked.output.read_text("utf8").splitlines())
        rows = [row for row in stored if (row["weights"], row["level"]) == (model.digest, level)]
    done = {row["scene"] for row in rows}
    for key in (key for key in wanted if key in files and key not in done):
        seen = shown(scene_of_chunk(files[key], key, (asked.near, asked.far)), wanted[key], *asked.size)
        found = measure(seen, model, level, lpips)
        row = {"scene": key, "weights": model.digest, "level": level, "bytes": found.bytes, **found.mean.facts()}
        row |= {"encode": round(found.encode, 3), "decode": round(found.decode, 3)}
        append_line(asked.output, json.dumps(row).encode())
        rows.append(row)
        print(f"{len(rows)} of {len(wanted) - len(missing)}: {key}: {found.bytes:,} bytes, {found.mean.psnr:.2f} dB")
    if not rows:
        raise DataError(f"{asked.index} and {asked.data} have no scene in common")
    means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0] if isinstance(rows[0][name], float)}
    size = float(np.mean([row["bytes"] for row in rows]))
    words = ", ".join(f"{name} {value:.3f}" for name, value in means.items())
    print(f"{len(rows)} scenes at level {level}: {size / 1024:.2f} KiB, {words}")


def main() -> None:
    """Parse and do."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of chunks, with index.json")
    parser.add_argument("--index", type=Path, required=True, help="which photos are given, and which are foreseen")
    parser.add_argument("--weights", type=Path, default=None, help="those of the package by default")
    parser.add_argument("--level", type=int, default=None, help="the highest by default")
    parser.add_argument("--size", type=size_of, default=(256, 256), help="WIDTHxHEIGHT of the photos")
    parser.add_argument("--near", type=float, default=DEPTHS[0])
    parser.add_argument("--far", type=float, default=DEPTHS[1])
    parser.add_argument("--lpips-weights", type=Path, default=None, help="a state dict of the package lpips")
    parser.add_argument("--output", type=Path, default=Path("codecsplat.jsonl"))
    try:
        evaluate(parser.parse_args())
    except CsgError as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
