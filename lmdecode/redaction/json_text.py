"""Rewrites the values in a text of JSON, or in what Python prints of such a value, and leaves all else as it is.

The text is taken apart into tokens, and not parsed and printed anew: blanks, the order of members, how a number is
written and members that occur twice stay, which is what somebody who looks for a fault wants to see. It also works for
a text that is cut off or damaged. What stands behind the damage is left out, since nobody can say what it is.
"""

from __future__ import annotations

import ast
import json
import re
from typing import Final, NamedTuple, Protocol

_TOKEN: Final = re.compile(
    r"""(?P<blank>[ \t\r\n]+)|(?P<mark>[{}\[\],:()])|(?P<string>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*')"""
    r"""|(?P<word>[-+]?[0-9][-+.0-9eE]*|[A-Za-z]+)""",
    re.DOTALL,
)
_WORDS: Final = frozenset(("true", "false", "null", "True", "False", "None"))
_NUMBER: Final = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?\Z").match
_DEEPEST: Final = 200


class Rule(Protocol):
    """Decides what becomes of the names and values in a text."""

    def key(self, name: str) -> str:
        """Return what becomes of the name of a member."""

    def text(self, name: str, value: str) -> str:
        """Return what becomes of a text, which the nearest name names; "" if none does."""

    def number(self, name: str, digits: str) -> str:
        """Return what becomes of a number, as it is written."""


class Rewritten(NamedTuple):
    """What became of a text."""

    text: str
    is_whole: bool
    """Whether all of it was understood."""


class _Frame:
    """An object or a list that is open."""

    __slots__ = ("alias", "is_object", "name", "wants_key")

    def __init__(self, name: str, *, is_object: bool) -> None:
        self.is_object = is_object
        self.name = name
        """Of the member that is being read; of a list the list's own."""
        self.alias = ""
        """The value of its member `name`, which names its member `value` in the texts of the first Micras."""
        self.wants_key = is_object


def rewritten(text: str, rule: Rule) -> Rewritten:
    """Return a text with its values as a rule has them.

    Args:
        text: JSON, or Python's print of a value, whole or not.
        rule: Decides.
    """
    pieces: list[str] = []
    stack: list[_Frame] = [_Frame("", is_object=False)]
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or len(stack) > _DEEPEST:
            return Rewritten("".join(pieces), is_whole=False)
        token = found[0]
        at = found.end()
        top = stack[-1]
        if found["string"] is not None:
            changed = _string(token, top, rule)
            if changed is None:
                return Rewritten("".join(pieces), is_whole=False)
            token = changed
        elif found["word"] is not None:
            if _NUMBER(token):
                token = rule.number(_name(top), token)
            elif token not in _WORDS:
                return Rewritten("".join(pieces), is_whole=False)
        elif found["mark"] is not None:
            _mark(token, stack)
        pieces.append(token)
    return Rewritten("".join(pieces), is_whole=len(stack) == 1)


def _mark(mark: str, stack: list[_Frame]) -> None:
    top = stack[-1]
    if mark in "{[(":
        stack.append(_Frame(_name(top), is_object=mark == "{"))
    elif mark in "}])":
        if len(stack) > 1:
            stack.pop()
    elif top.is_object:
        top.wants_key = mark == ","


def _name(frame: _Frame) -> str:
    return frame.alias if frame.name == "value" and frame.alias else frame.name


def _string(token: str, top: _Frame, rule: Rule) -> str | None:
    """Return what becomes of a string with its quotes; None if it cannot be read."""
    try:
        value = json.loads(token, strict=False) if token[0] == '"' else ast.literal_eval(token)
    except (ValueError, SyntaxError):
        try:
            value = ast.literal_eval(token)
        except (ValueError, SyntaxError):
            return None
    if not isinstance(value, str):
        return None
    if top.wants_key:
        top.name = value
        changed = rule.key(value)
    else:
        if top.name == "name":
            top.alias = value
        changed = rule.text(_name(top), value)
    if changed == value:
        return token
    return json.dumps(changed, ensure_ascii=token.isascii()) if token[0] == '"' else repr(changed)
