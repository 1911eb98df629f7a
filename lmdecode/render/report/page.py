"""The page: a template, styles and scripts from this package, and the data, all in one text.

The charts are drawn by uPlot 1.6.32 (MIT, in `vendor/` as its maker released it, with its licence): 51 KB, where
ECharts takes 1.1 MB and Plotly's smallest bundle 1.2 MB; and it is made for many points over time.

Nothing in the page can reach the network, and nothing can run but our scripts: its policy allows these by their hashes,
and nothing else. What the machine says is data, which the scripts only ever show as text.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Mapping
from importlib import resources
from typing import Final

import orjson

from lmdecode import __version__

_SCRIPTS: Final = (
    "vendor/uPlot.iife.min.js",
    "format.js",
    "touch.js",
    "ranges.js",
    "bands.js",
    "timecharts.js",
    "shots.js",
    "memory.js",
    "messages.js",
    "page.js",
)
_STYLES: Final = ("vendor/uPlot.min.css", "page.css")
_LICENCE: Final = "vendor/uPlot.LICENSE"


def render(data: Mapping[str, object], title: str) -> str:
    """Returns the page as text.

    Args:
        data: What `page.js` shows; anything that JSON can say.
        title: Of the page.
    """
    licence = _file(_LICENCE).strip()
    scripts = [_file(name) for name in _SCRIPTS]
    styles = [_file(name) for name in _STYLES]
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}",
            f"style-src {' '.join(map(_hash, styles))}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    parts = {
        "title": html.escape(title),
        "policy": html.escape(policy),
        "version": html.escape(__version__),
        "licence": licence.replace("--", "- -"),
        "styles": "\n".join(f"<style>{text}</style>" for text in styles),
        "data": _embedded(data),
        "scripts": "\n".join(f"<script>{text}</script>" for text in scripts),
    }
    page = _file("page.html")
    for name, text in parts.items():  # the data come after the title, and scripts last: none is looked into again
        before, mark, after = page.partition(f"<!--{{{name}}}-->")
        if not mark:
            raise ValueError(f"the template has no place for {name}")
        page = before + text + after
    return page


def _embedded(data: Mapping[str, object]) -> str:
    """Returns JSON that is inert in HTML: without `<` it has no tag and no comment; `&` means nothing in a script."""
    text = orjson.dumps(data).decode("utf-8")
    return (
        text.replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return resources.files(__package__).joinpath(*name.split("/")).read_text(encoding="utf-8")
