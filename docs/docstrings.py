"""The examples in docstrings as blocks of code, since in Markdown, which the site reads, `>>>` is a quotation."""

from __future__ import annotations

import re

import griffe

_EXAMPLE = re.compile(r"^( *)>>> .*\n?(?:^\1\S.*\n?)*", re.MULTILINE)


class FencedExamples(griffe.Extension):
    """Puts fences around the examples."""

    def on_object(self, *, obj: griffe.Object, **_kwargs: object) -> None:
        """Change an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = _EXAMPLE.sub(_fenced, obj.docstring.value)


def _fenced(example: re.Match[str]) -> str:
    indent = example[1]
    return f"{indent}```pycon\n{example[0].rstrip()}\n{indent}```\n"
