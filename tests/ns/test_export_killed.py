"""An export that is killed at any moment leaves no half-written or unverified ``scene.csg``."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from csgaussian_ns.codec.decode import decode
from csgaussian_ns.codec.encode import encode
from csgaussian_ns.ns.export import _write_verified
from tests.codec.scenes import random_scene

ROOT = Path(__file__).resolve().parents[2]
KILLS = 40

EXPORTERS = f"""
import hashlib, itertools, os, random, signal, sys, time
from pathlib import Path
from csgaussian_ns.ns import export

target, files, dice = Path(sys.argv[1]), [Path(name).read_bytes() for name in sys.argv[2:]], random.Random(0)

def whole(path):
    time.sleep(0.002)
    assert path.read_bytes() in files

def killed_after(seconds):
    writer = os.fork()
    if writer == 0:
        for data in itertools.cycle(files):
            export._write_verified(target, data)
    time.sleep(seconds)
    os.kill(writer, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(writer, 0)[1])  # it had not failed by itself
    print(hashlib.sha256(target.read_bytes()).hexdigest(), flush=True)

killed_after(0.2)  # the real check takes longer than that
export.verify_in_fresh_process = whole  # the moments of writing and renaming come often with a check that is fast
for _ in range({KILLS}):
    killed_after(dice.uniform(0, 0.04))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_at_any_moment(tmp_path: Path):
    target, old, *new = tmp_path / "scene.csg", *(encode(random_scene(60, seed=seed)).data for seed in range(3))
    target.write_bytes(old)
    for number, data in enumerate(new):
        (tmp_path / f"{number}.new").write_bytes(data)
    command = [sys.executable, "-c", EXPORTERS, str(target), *map(str, sorted(tmp_path.glob("*.new")))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    first, *others = done.stdout.split()
    before, after = hashlib.sha256(old).hexdigest(), {hashlib.sha256(data).hexdigest() for data in new}
    assert first == before  # not yet verified
    assert len(others) == KILLS and set(others) <= {before} | after
    assert set(others) & after  # it was killed at work, not before
    assert decode(target.read_bytes()).digest() in {decode(data).digest() for data in (old, *new)}
    _write_verified(target, new[0])
    assert target.read_bytes() == new[0] and not list(tmp_path.glob(".*"))
