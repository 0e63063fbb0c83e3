"""``make docs`` builds a site that needs nobody else's server."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, SITE

needs_mkdocs = pytest.mark.skipif(
    find_spec("mkdocs") is None or find_spec("material") is None, reason="needs pip install -e '.[docs]'"
)
FETCHED = re.compile(r"""<(?:script|img|link rel="(?:stylesheet|icon|preload)")[^>]*?(?:src|href)=["']?([^"'> ]+)""")


@needs_mkdocs
def test_the_site_is_built_without_a_warning(tmp_path: Path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    pages = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*.html")}
    assert {f"{page.stem}.html" for page in SITE} <= set(pages)
    assert "repository/csgaussian_ns/format/FORMAT.html" in pages and "decisions/index.html" in pages
    assert not [name for name in pages if "upstream" in name]
    fetched = [(name, address) for name, text in pages.items() for address in FETCHED.findall(text)]
    assert len(fetched) > len(pages) and not [found for found in fetched if "//" in found[1]]
    gone = [(name, at) for name, at in fetched if not (tmp_path / name).parent.joinpath(at.split("?")[0]).exists()]
    assert gone == [] or {name for name, _ in gone} == {"404.html"}


def test_every_page_is_in_the_list_of_the_site_and_on_the_first_page():
    config, first = (ROOT / "mkdocs.yml").read_text(), (ROOT / "docs/index.md").read_text()
    for page in SITE:
        assert f": {page.name}\n" in config
        assert page.name == "index.md" or f"({page.name})" in first


def test_headers_that_a_host_should_send_are_those_of_ours():
    row = next(line for line in (ROOT / "docs/quickstart.md").read_text().splitlines() if "Allow-Origin" in line)
    served = re.findall(r"_headers=\[(.*)\]", (ROOT / "csgaussian_ns/tools/serve.py").read_text())
    named = set(re.findall(r"`([A-Z][A-Za-z-]+)`", row)) - {"Access-Control-Allow-Origin"}
    assert named == set(re.findall(r'"([A-Za-z-]+)"', "".join(served))) and len(named) > 5
