"""Fuzzing of every decoder for as long as one likes: what tests/format/test_fuzz.py does in CI, with larger numbers.

Mutations are numbered; the number and the target's name are the seed, so any of them can be repeated alone. The state
is kept in results/fuzz.json: another call goes on where the last one ended. Stops at the first mutation that ends in
anything but a typed error or the right result, and prints its name.

    python benchmarks/fuzz.py --mutations 10_000_000 --seconds 300
    python benchmarks/fuzz.py --repeat symbols:4711
"""

import json
import resource
import sys
import time
import types
from dataclasses import dataclass
from pathlib import Path

import tyro
from common import RESULTS, machine

ROOT = Path(__file__).resolve().parents[1]
STATE = RESULTS / "fuzz.json"
BATCH = 2000
MEMORY = 2 << 30
"""Bytes of address space beyond what is mapped at the start."""


@dataclass
class Options:
    """Attack the decoders."""

    mutations: int = 10_000_000
    """Where to stop, over all calls together."""
    seconds: float = 60.0
    """How long this call may take."""
    repeat: str = ""
    """Name and number of one mutation to run alone."""


def main(options: Options) -> None:
    """Go on from the stored state."""
    # Some installed packages bring a package called tests, which would come before ours.
    sys.modules["tests"] = types.ModuleType("tests")
    sys.modules["tests"].__path__ = [str(ROOT / "tests")]
    from tests.format.fuzzing import all_targets, attack

    targets = all_targets()
    if options.repeat:
        name, _, number = options.repeat.partition(":")
        print("refused" if attack(targets[name], int(number)) else "accepted")
        return
    mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (mapped + MEMORY, mapped + MEMORY))
    state = json.loads(STATE.read_text()) if STATE.exists() else {"done": {}, "refused": {}, "seconds": 0.0}
    began = time.perf_counter()
    print(f"from {state['done']}")
    while sum(state["done"].values()) < options.mutations and time.perf_counter() - began < options.seconds:
        for name, target in targets.items():
            first, count = state["done"].get(name, 0), max(1, round(BATCH * target.share))
            refused = sum(attack(target, number) for number in range(first, first + count))
            state["done"][name] = first + count
            state["refused"][name] = state["refused"].get(name, 0) + refused
    state["seconds"] += time.perf_counter() - began
    state |= {"mutations": sum(state["done"].values()), "failures": 0, "machine": machine()}
    STATE.write_text(json.dumps(state, indent=1) + "\n")
    print(f"{state['mutations']} mutations in {state['seconds']:.0f} s, no failure; by target {state['done']}")


if __name__ == "__main__":
    main(tyro.cli(Options))
