"""The page as text: it is one file, and nothing that is shown in it can become more than text."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from importlib import resources

from hypothesis import given
from hypothesis import strategies as st

from lmdecode.render.report.page import render

nasty = st.text() | st.sampled_from(
    [
        "</script>",
        "<!--",
        "-->",
        "<!--{scripts}-->",
        "<!--{data}-->",
        "<script>",
        "]]>",
        "\u2028",
        "&lt;/script&gt;",
        "'\"",
    ]
)


class Outline(HTMLParser):
    """What a browser finds: tags, and what is in scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._inside = False

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = tag == "script"
        if self._inside:
            self.scripts.append("")

    def handle_endtag(self, _):
        self._inside = False

    def handle_data(self, data):
        if self._inside:
            self.scripts[-1] += data


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    return found


@given(texts=st.lists(nasty, max_size=4), title=nasty)
def test_data_are_only_ever_data(texts: list[str], title: str) -> None:
    data = {"texts": [text.replace("\0", "").encode("utf-8", "ignore").decode() for text in texts]}
    title = title.encode("utf-8", "ignore").decode()
    page = outline(render(data, title))
    plain = outline(render({"texts": []}, "plain"))
    assert page.tags == plain.tags
    assert json.loads(page.scripts[0]) == data
    assert page.scripts[1:] == plain.scripts[1:]


def test_the_policy_allows_these_scripts_and_nothing_else():
    page = outline(render({}, "title"))
    policy = next(attrs["content"] for tag, attrs in page.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy
    hashes = set(re.findall(r"script-src ([^;]+)", policy)[0].split())
    runs = page.scripts[1:]  # the first holds the data, which do not run
    assert hashes == {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in runs}
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_anywhere():
    page = outline(render({}, "title"))
    assert not [attrs for _, attrs in page.tags if {"src", "href", "action"} & attrs.keys()]
    assert not re.search(r"url\(|@import", render({}, "title"))


def test_uplot_is_as_released_and_has_its_licence():
    vendor = resources.files("lmdecode.render.report") / "vendor"
    script = (vendor / "uPlot.iife.min.js").read_bytes()
    assert hashlib.sha256(script).hexdigest() == "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"
    assert "(v1.6.32)" in script[:100].decode()
    licence = (vendor / "uPlot.LICENSE").read_text()
    assert licence.startswith("The MIT License (MIT)")
    assert "Permission is hereby granted" in render({}, "title")
