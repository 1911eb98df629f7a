"""The site: it builds strictly, needs nothing from anywhere, and can be read and searched as files."""

from __future__ import annotations

import os
import posixpath
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
import yaml

import lmdecode
from tests.docs.pages import ROOT
from tests.render.report.browser import CHROMIUM, browsing

pytest.importorskip("mkdocs")

FETCHING = {"src", "srcset", "poster", "data"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    assert "INFO" in built.stderr  # where warnings are not told, strict does not see them either
    return folder


class Links(HTMLParser):
    """What a page links to and fetches, and what in it can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        self.anchors |= {attributes[name] for name in ("id", "name") if name in attributes}
        self.fetched += [value for name, value in attributes.items() if name in FETCHING]
        if tag == "link" and attributes.get("rel") not in {"canonical", "next", "prev"}:
            self.fetched.append(attributes["href"])
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])


def is_elsewhere(address):
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme not in {"", "data"}


def test_nothing_is_fetched_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) >= 25
    for page in pages:
        assert not [address for address in Links(page).fetched if is_elsewhere(address)], page
    for sheet in site.rglob("*.css"):
        used = re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", sheet.read_text(encoding="utf-8"))
        assert not [address for pair in used for address in pair if is_elsewhere(address)], sheet


def test_every_link_leads_somewhere(site):
    pages = {page.relative_to(site).as_posix(): Links(page) for page in site.rglob("*.html")}
    checked = 0
    for name, page in pages.items():
        if name == "404.html":  # its links are a server's
            continue
        for link in page.links:
            if is_elsewhere(link):
                continue
            path, anchor = urldefrag(link)
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(path))) if path else name
            target = "index.html" if target == "." else target
            assert (site / target).exists(), f"{name} links to {link}"
            if anchor and target in pages:
                assert unquote(anchor) in pages[target].anchors, f"{name} links to {link}"
            checked += 1
    assert checked > 1000


def test_every_public_name_is_in_the_reference(site):
    anchors = Links(site / "reference" / "lmdecode.html").anchors
    assert {f"lmdecode.{name}" for name in lmdecode.__all__} <= anchors


def test_the_navigation_has_every_page_once():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = re.findall(r"[\w/-]+\.md\b", yaml.dump(yaml.safe_load(text)["nav"]))
    assert len(listed) == len(set(listed))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    notebooks = {f"notebooks/{path.stem}.md" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert set(listed) == written | notebooks | {"captures.md", "notebooks/run-them.md"}


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium")
def test_it_can_be_searched_without_a_server(site, tmp_path):
    with browsing(tmp_path) as page:
        page("Page.navigate", url=(site / "index.html").as_uri())
        page.wait("document.readyState === 'complete' && !!document.querySelector('[data-md-component=search-query]')")
        page.do("""{
            document.querySelector("#__search").click()
            const query = document.querySelector("[data-md-component=search-query]")
            query.focus()
            query.value = "brew_group_offset"
            query.dispatchEvent(new Event("input", {bubbles: true}))
            query.dispatchEvent(new KeyboardEvent("keyup", {bubbles: true}))
        }""")
        page.wait("document.querySelectorAll('.md-search-result__item').length > 0")
        assert "protocol.html" in str(page.do("document.querySelector('.md-search-result__list').innerHTML"))
        assert page.requests
        own = ("file:", "data:", "blob:", "about:")
        assert not [address for address in page.requests if not address.startswith(own)]
        assert page.complaints == []
