"""A compiled step is the step, compiled once and as a whole.

In processes of their own: here types are checked by wrappers that torch cannot compile.
"""

import pytest
import torch

from csgaussian_ns.core.errors import BackendUnavailable
from csgaussian_ns.stages.compiled import compiled_parts
from tests.format.processes import run_python

MEMORY = 24 << 30
"""Bytes of address space: torch's compiler starts processes that map much."""
STEPS = """
import torch
from torch._dynamo.utils import counters
from csgaussian_ns.stages.compiled import compiled_parts
from csgaussian_ns.stages import padding
from csgaussian_ns.stages.padding import Buffers
from tests.scene.scenes import camera_at
from tests.stages.test_padding import a_scene, assert_same, stepped

padding.LEAST = 4096  # all views fit

def graphs():
    return counters["stats"]["unique_graphs"]

def compared(stage, backend, name="inr"):
    plain, compiled = a_scene(stage, name), a_scene(stage, name)
    plain.buffers, compiled.buffers = Buffers(), Buffers()
    compiled.parts = compiled_parts(torch.device("cpu"), backend)
    for number, camera in enumerate([camera_at(2.0), camera_at(2.3, (80, 48))]):
        for scene in (plain, compiled):
            scene.zero_grad()
            scene.step += 1
        assert_same(stepped(plain, camera), stepped(compiled, camera))
        if number == 0:
            first = graphs()
    assert graphs() == first, "a step of another view was compiled anew"
    assert not counters["graph_break"], counters["graph_break"]
"""


def run(program: str) -> list[str]:
    return run_python(STEPS + program, torch=True, memory=MEMORY, seconds=800).splitlines()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_stages_are_compiled_once_and_without_breaks():
    """With the compiler's front and its gradients, but torch's own kernels behind them."""
    printed = run("""
for stage in ("warm-up", "growth", "rate", "mixed", "rounding"):
    compared(stage, "aot_eager")
    print(stage, graphs())
""")
    assert [line.split()[0] for line in printed] == ["warm-up", "growth", "rate", "mixed", "rounding"]
    counts = [int(line.split()[1]) for line in printed]
    assert counts[1] == counts[0] and counts[-1] < 12


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_step_in_kernels_of_inductor():
    assert run('compared("rate", "inductor")\nprint("the same")')[-1] == "the same"


def test_what_cannot_be_compiled_is_an_error():
    with pytest.raises(BackendUnavailable, match=r"torch.compile does not work on cpu.*execution padded, or plain"):
        compiled_parts(torch.device("cpu"), "no such backend")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_function_that_is_compiled_too_often_is_an_error():
    printed = run("""
scene = a_scene("growth")
scene.parts = compiled_parts(torch.device("cpu"), "eager")
torch._dynamo.config.recompile_limit = 2
try:
    for size in (1024, 2048, 4096):
        padding.LEAST, scene.buffers = size, Buffers()
        stepped(scene, camera_at(2.0))
except torch._dynamo.exc.FailOnRecompileLimitHit:
    print("refused at", size)
""")
    assert printed == ["refused at 4096"]
