"""The shipped tables: what they hold, that the text names them, and that a change is noticed."""

import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from csgaussian_ns.core.errors import FormatError
from csgaussian_ns.format import tables
from csgaussian_ns.format.tables import FOLDER, SHA256, integers, shipped
from tests.conftest import ROOT

sys.path.insert(0, str(ROOT / "scripts"))
import make_tables


def test_scripts_rebuild_the_files():
    made = make_tables.build()
    assert sorted(made) == sorted(SHA256) == sorted(file.name for file in FOLDER.glob("*.bin"))
    assert all(made[name] == shipped(name) for name in made)


def test_no_library_rounds_them_otherwise():
    """Far enough from every tie that a function wrong in its last bits gives the same table."""
    sines, steps = make_tables.exact_sines(), make_tables.exact_steps()
    assert min(abs(abs(value - round(value)) - 0.5) for value in sines) > 1e-3
    assert min(abs(abs(value % 1) - Decimal("0.5")) for value in steps) > Decimal("1e-4")
    logs = 256 * np.log2(integers("steps.bin") / 65536)
    assert np.abs(np.abs(logs - np.rint(logs)) - 0.5).min() > 1e-4


def test_the_text_of_the_format_names_them():
    text = (FOLDER.parent / "FORMAT.md").read_text()
    for name, digest in SHA256.items():
        assert sum(f"`{name}`" in line and f"`{digest}`" in line for line in text.splitlines()) == 1


def test_numbers_cannot_be_written():
    for name in ("sines.bin", "steps.bin", "log_steps.bin"):
        with pytest.raises(ValueError, match="read-only"):
            integers(name)[0] = 1


@pytest.mark.parametrize("name", SHA256)
def test_a_changed_file_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    changed = bytearray(shipped(name))
    changed[400] ^= 1
    (tmp_path / name).write_bytes(changed)
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    with pytest.raises(FormatError, match=f"{name} is not the one .* install the package again"):
        shipped(name)
