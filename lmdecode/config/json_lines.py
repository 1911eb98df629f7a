"""The lines on which the entries of a JSON text stand, so that a message can name the line of what is wrong.

The standard library's parser gives no positions. A text that it has accepted needs no second parser: its strings and
its punctuation are enough to follow where each entry begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

Steps = tuple[str | int, ...]
"""The way to an entry: names of objects, and numbers of elements from 0: `("machines", 0, "host")`."""

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL).finditer


def entry_lines(text: str) -> Iterator[tuple[Steps, int]]:
    r"""Yields each entry of each object in a JSON text, in its order, with the line of its name, counted from 1.

    An entry that is there twice comes twice.

    >>> list(entry_lines('{"host": "h",\n "machines": [{"key": "k"}]}'))
    [(('host',), 1), (('machines',), 2), (('machines', 0, 'key'), 2)]
    """
    stack: list[str | int | None] = []  # of each open object the entry that is read, of each open list the element
    line, read = 1, 0
    string = ""
    for match in _TOKEN(text):
        found = match[0]
        if found[0] == '"':
            string = found
        elif found == "{":
            stack.append(None)
        elif found == "[":
            stack.append(0)
        elif found in "}]":
            if stack:
                stack.pop()
        elif found == "," and stack and isinstance(stack[-1], int):
            stack[-1] += 1
        elif found == ":" and stack:
            line += text.count("\n", read, match.start())
            read = match.start()
            stack[-1] = str(json.loads(string, strict=False))
            yield tuple(each for each in stack if each is not None), line


def line_of(text: str, steps: Steps) -> int | None:
    """Returns the line of an entry's name, of the last one if it is there twice; None if it is not there."""
    return dict(entry_lines(text)).get(steps)
