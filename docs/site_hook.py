"""What of the site stands outside docs/: the page of the sample captures, and the notebooks with what they give.

mkdocs calls this. The pages in docs/ link to those files where they are, so that the links work in a clone as well;
here they become links to the pages made of them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from nbconvert import MarkdownExporter

ROOT: Final = Path(__file__).parents[1]
PAGES: Final = {
    "captures/README.md": "captures.md",
    "notebooks/README.md": "notebooks/run-them.md",
    **{f"notebooks/{path.name}": f"notebooks/{path.stem}.md" for path in sorted((ROOT / "notebooks").glob("*.ipynb"))},
}
"""By its path in the project: the page that is made of a file."""

_ORIGINS: Final = {page: origin for origin, page in PAGES.items()}
_LINK: Final = re.compile(r"(?<=\]\()(?!\w+:|#)([^)#\s]+)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages, and the pictures in the notebooks."""
    for origin, page in PAGES.items():
        if origin.endswith(".ipynb"):
            for name, content in _converted(ROOT / origin, page):
                files.append(File.generated(config, name, content=content))
        else:
            files.append(File.generated(config, page, abs_src_path=str(ROOT / origin)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links to the files lead to their pages."""
    del config, files
    uri = page.file.src_uri
    origin = _ORIGINS.get(uri, f"docs/{uri}")

    def moved(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link[1]))
        within = PAGES.get(target) or (target.removeprefix("docs/") if origin != f"docs/{uri}" else None)
        return posixpath.relpath(within, posixpath.dirname(uri) or ".") if within else link[1]

    return _LINK.sub(moved, markdown)


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Leave the list of a page's sections out where there are none: the memory map needs the room."""
    del config, files
    if not any(item.children for item in page.toc):
        page.meta["hide"] = ["toc"]
    return html


def _converted(path: Path, page: str) -> Iterator[tuple[str, str | bytes]]:
    """A notebook as Markdown, with its pictures beside it."""
    prefix = path.stem
    text, resources = MarkdownExporter().from_filename(
        str(path), resources={"unique_key": prefix, "output_files_dir": f"{prefix}_pictures"}
    )
    outputs: dict[str, Any] = resources.get("outputs", {})
    yield page, text
    for name, content in outputs.items():
        yield f"notebooks/{name}", content
