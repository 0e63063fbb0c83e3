"""Speed and overhead of the entropy coders: ours compiled and interpreted, torchac and constriction where installed.

Prints a table and writes results/codec_coders.json. Symbols are Gaussian, with tables spread over an octave range; the
overhead is measured against the exact discretised distribution. Best of several runs on one core.

    python benchmarks/codec_coders.py [--symbols 2000000]
"""

import argparse
import importlib
import importlib.metadata
import json
import math
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from csgaussian_ns.codec import torchac_coder
from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.core.jit import COMPILED
from csgaussian_ns.format.streams import rans
from csgaussian_ns.format.streams.offset_masks import decode_masks, encode_masks
from csgaussian_ns.format.streams.symbol_tables import load_tables

RESULTS = Path(__file__).parent / "results" / "codec_coders.json"
SETTINGS = {"1 bit": (16, 30), "2.5 bits": (24, 48), "4 bits": (40, 56)}  # tables drawn from
INTERPRETED_SHARE = 20  # the interpreted path gets this part of the symbols


@dataclass(frozen=True)
class Row:
    """One coder at one rate; speeds in million symbols per second, the overhead in per cent."""

    coder: str
    setting: str
    symbols: int
    bits_per_symbol: float
    overhead_percent: float
    encode: float
    decode: float


def draw(count: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Symbols, table ids and scales."""
    random = np.random.default_rng(0)
    ids = random.integers(low, high, count).astype(np.uint8)
    scales = 2.0 ** (-4 + ids / 8)
    return np.rint(random.normal(size=count) * scales).astype(np.int32), ids, scales


def exact_bits(symbols: np.ndarray, scales: np.ndarray) -> float:
    """Code length under the exact distribution."""
    erfc = np.frompyfunc(math.erfc, 1, 1)
    near, far = ((np.abs(symbols) + half) / scales / math.sqrt(2) for half in (-0.5, 0.5))
    return float(-np.log2(0.5 * (erfc(near) - erfc(far)).astype(float)).sum())


def best_time(function: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest run."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def measure(name: str, setting: str, count: int, repeats: int, coder: tuple[Callable, Callable]) -> Row:
    """One row; ``coder`` is (encode(symbols, ids, scales), decode(data, ids, scales)), and must round-trip."""
    symbols, ids, scales = draw(count, *SETTINGS[setting])
    encode, decode = coder
    data = encode(symbols, ids, scales)
    if not np.array_equal(decode(data, ids, scales), symbols):
        raise SystemExit(f"{name} does not return what was coded")
    return Row(
        coder=name,
        setting=setting,
        symbols=count,
        bits_per_symbol=round(8 * len(data) / count, 4),
        overhead_percent=round(100 * (8 * len(data) / exact_bits(symbols, scales) - 1), 3),
        encode=round(count / best_time(lambda: encode(symbols, ids, scales), repeats) / 1e6, 2),
        decode=round(count / best_time(lambda: decode(data, ids, scales), repeats) / 1e6, 2),
    )


def ours() -> tuple[Callable, Callable]:
    """Our rANS."""
    tables = load_tables()
    return lambda s, ids, _: rans.encode(s, ids, tables), lambda data, ids, _: rans.decode(data, ids, tables)


def torchac() -> tuple[Callable, Callable]:
    """torchac with our tables; its time includes the rows of probabilities that it wants."""
    torchac_coder.load()
    tables = load_tables()
    return (
        lambda s, ids, _: torchac_coder.encode(s, ids, tables),
        lambda data, ids, _: torchac_coder.decode(data, ids, tables),
    )


def constriction() -> tuple[Callable, Callable]:
    """The range coder of constriction with its own Gaussians."""
    stream = importlib.import_module("constriction").stream
    family, queue = stream.model.QuantizedGaussian(-2000, 2000), stream.queue

    def encode(symbols: np.ndarray, ids: np.ndarray, scales: np.ndarray) -> bytes:
        del ids
        encoder = queue.RangeEncoder()
        encoder.encode(symbols, family, np.zeros(len(symbols)), scales)
        return encoder.get_compressed().tobytes()

    def decode(data: bytes, ids: np.ndarray, scales: np.ndarray) -> np.ndarray:
        del ids
        return queue.RangeDecoder(np.frombuffer(data, np.uint32)).decode(family, np.zeros(len(scales)), scales)

    return encode, decode


def interpreted(count: int) -> list[Row]:
    """Our rANS in a process that has no numba."""
    program = "import sys; sys.modules['numba'] = None; import runpy; sys.argv = sys.argv[1:]; "
    program += "runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", program, __file__, "--interpreted", "--symbols", str(count)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [Row(**row) for row in json.loads(done.stdout)]


def mask_row() -> dict[str, float]:
    """Speed of the masks' coder on 100k anchors with independent bits."""
    masks = np.random.default_rng(0).random((100_000, 10)) < np.geomspace(0.9, 0.02, 10)
    data = encode_masks(masks)
    encode = best_time(lambda: encode_masks(masks), 3)
    decode = best_time(lambda: decode_masks(data, *masks.shape), 3)
    return {"bytes": len(data), "encode": round(1 / encode, 2), "decode": round(1 / decode, 2)}


def all_rows(count: int) -> list[Row]:
    """Every coder that can run here."""
    rows = [measure("rANS, numba", setting, count, 5, ours()) for setting in SETTINGS] if COMPILED else []
    rows += interpreted(count // INTERPRETED_SHARE)
    for name, make in (("torchac", torchac), ("constriction range", constriction)):
        try:
            coder = make()
        except (ImportError, BackendUnavailable) as error:
            print(f"{name}: left out ({error})")
            continue
        rows += [measure(name, setting, count, 2, coder) for setting in SETTINGS]
    return rows


def show(rows: list[Row]) -> None:
    """Print the table."""
    print(
        f"{'coder':20} {'setting':9} {'symbols':>9} {'bits/sym':>9} {'over exact':>10} {'enc Ms/s':>9} {'dec Ms/s':>9}"
    )
    for row in rows:
        rate = f"{row.bits_per_symbol:9.3f} {row.overhead_percent:9.3f}%"
        print(f"{row.coder:20} {row.setting:9} {row.symbols:9d} {rate} {row.encode:9.1f} {row.decode:9.1f}")


def main() -> None:
    """Measure, print, store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--symbols", type=int, default=2_000_000)
    parser.add_argument("--interpreted", action="store_true", help="only ours, rows as JSON to standard output")
    options = parser.parse_args()
    if options.interpreted:
        rows = [measure("rANS, no numba", setting, options.symbols, 1, ours()) for setting in SETTINGS]
        print(json.dumps([asdict(row) for row in rows]))
        return
    rows, masks = all_rows(options.symbols), mask_row()
    show(rows)
    print(f"masks, 1M bits: {masks['bytes']} bytes, {masks['encode']} / {masks['decode']} Mbit/s encode / decode")
    versions = {"python": platform.python_version(), "machine": platform.machine()}
    for name in ("numpy", "numba", "torchac", "constriction"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    RESULTS.parent.mkdir(exist_ok=True)
    stored = {"versions": versions, "rows": [asdict(row) for row in rows], "masks_1M_bits": masks}
    RESULTS.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
