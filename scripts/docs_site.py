"""Hooks of mkdocs: files of the repository that pages link to become part of the site, where links lead to them.

Pages link as they would in the repository, ``../csgaussian_ns/format/FORMAT.md``; in the site that file lies under
``repository/``. A link to what does not exist, or to a folder, stays as it is, and a strict build refuses it.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
DOCS, BESIDE = "docs", "repository"
PAGES = ("README.md", "CHANGELOG.md", "method_configs.md", "csgaussian_ns/format/FORMAT.md")
"""Pages of the repository that are in the site; what they link to is, too."""
_LINK = re.compile(r"(\]\()([^)\s:#]+)([^)\s]*\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and what any page links to outside of the folder of the site."""
    texts = {f"{DOCS}/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    texts |= {name: (ROOT / name).read_text("utf8") for name in PAGES}
    wanted = {_target(name, link[1]) for name, text in texts.items() for link in _LINK.findall(text)}
    for name in sorted({*PAGES, *filter(_is_outside, wanted)}):
        files.append(File.generated(config, f"{BESIDE}/{name}", abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where things lie in the site."""
    here = page.file.src_uri
    name = here.removeprefix(f"{BESIDE}/") if here.startswith(f"{BESIDE}/") else f"{DOCS}/{here}"

    def moved(link: re.Match[str]) -> str:
        target = _target(name, link[2])
        if _is_outside(target):
            place = f"{BESIDE}/{target}"
        elif target.startswith(f"{DOCS}/"):
            place = target.removeprefix(f"{DOCS}/")
        else:
            return link[0]
        return f"{link[1]}{'../' * here.count('/')}{place}{link[3]}"

    return _LINK.sub(moved, markdown)


def _target(name: str, link: str) -> str:
    """What a link in a file of the repository leads to, from its root."""
    parts: list[str] = []
    for part in PurePosixPath(name).parent.joinpath(link).parts:
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def _is_outside(target: str) -> bool:
    return not target.startswith(f"{DOCS}/") and (ROOT / target).is_file()
