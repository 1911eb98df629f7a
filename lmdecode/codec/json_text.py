"""JSON text as machines, clouds and damaged recordings have it: parsed as far as it goes, and what is wrong with it.

Of a text that is cut off, what stands before the cut is worth having: a notification that was too long for its packet,
a log line of a limited length. And no text may break what reads its value later: JSON has no infinite numbers, though
Python reads and writes them, and a value that is nested a thousand times cannot be written down again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

DEEPEST: Final = 64
"""Levels. The deepest documents that are known have ten."""

_TOO_DEEP: Final = "the JSON is nested too deeply"
_LONGEST_INTEGER: Final = 4000  # digits; Python neither reads nor writes more than 4300
_INTEGERS: Final = range(-(1 << 63), 1 << 64)  # those that programs which read our JSON can take
_HALF: Final = re.compile("[\ud800-\udfff]")


class Parsed(NamedTuple):
    """What could be read of a JSON text."""

    value: object
    """The value; None if there is none."""
    problem: str = ""
    """What is wrong with the text; "" if nothing is."""
    is_exact: bool = True
    """Whether the value says all that the text says."""


def parsed(text: str) -> Parsed:
    """Return what could be read of a JSON text. It never raises, and its time grows with the text.

    Of a text that is cut off or damaged, the value is what stands before the damage: all members and items that are
    whole.

    >>> parsed('[{"a": 1, "b": 2}, {"a": 3, "b"').value
    [{'a': 1, 'b': 2}, {'a': 3}]
    """
    try:
        found = _decoded(text)
    except RecursionError:
        return Parsed(None, _TOO_DEEP, is_exact=False)
    except json.JSONDecodeError as error:
        found = _salvaged(text, error)
    if text.count("[") + text.count("{") > DEEPEST and not _is_shallow(found.value):
        return Parsed(None, _TOO_DEEP, is_exact=False)
    return found


class _Oddities:
    """Reads what JSON's grammar allows, or nearly, and what no reader of the value could write down again."""

    def __init__(self) -> None:
        self.problem = ""

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.problem = self.problem or "the JSON has a member twice, and the last one is used"
        return found

    def constant(self, text: str) -> str:
        self.problem = self.problem or f"the JSON has {text} for a number"
        return text

    def integer(self, text: str) -> int | str:
        if len(text) <= _LONGEST_INTEGER and (found := int(text)) in _INTEGERS:
            return found
        self.problem = self.problem or f"the JSON has a number of {len(text)} digits"
        return text

    def number(self, text: str) -> float | str:
        found = float(text)
        if math.isfinite(found):
            return found
        self.problem = self.problem or "the JSON has a number that is too great"
        return text


_ODD: Final = re.compile(r"NaN|Infinity|[0-9][eE]\+?[0-9]{3}|[0-9]{19}|\\u[dD][89a-fA-F]|[\ud800-\udfff]")
"""What may be a number, or half a character, that a reader of the value could not take."""


class _DoubledError(Exception):
    """A member stands twice in an object."""


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DoubledError
    return found


_PLAIN: Final = json.JSONDecoder(strict=False, object_pairs_hook=_members)
"""Reads nearly all texts. `json.loads` would make such a decoder each time, which takes longer than most texts."""


def _decoded(text: str) -> Parsed:
    """Return the value of a whole text. Raises JSONDecodeError, or RecursionError."""
    has_oddities = _ODD.search(text) is not None
    if not has_oddities and not text.startswith("\ufeff"):
        try:
            return Parsed(_PLAIN.decode(text))
        except _DoubledError:
            pass
    odd = _Oddities()
    if has_oddities:
        value = json.loads(
            text,
            strict=False,
            object_pairs_hook=odd.members,
            parse_constant=odd.constant,
            parse_int=odd.integer,
            parse_float=odd.number,
        )
    else:
        value = json.loads(text, strict=False, object_pairs_hook=odd.members)
    if has_oddities and (whole := _without_halves(value)) != value:
        odd.problem = odd.problem or "the JSON has half a character"
        value = whole
    return Parsed(value, odd.problem, is_exact=not odd.problem)


def _without_halves(value: object) -> object:
    """Return a value with U+FFFD for each half of a pair of surrogates, which no text in UTF-8 can have."""
    if isinstance(value, str):
        return _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_halves(each) for each in value]
    if isinstance(value, dict):
        return {_HALF.sub("\ufffd", name): _without_halves(each) for name, each in value.items()}
    return value


_TOKEN: Final = re.compile(r'\s*+("[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]++)', re.DOTALL)
_CLOSING: Final = {"{": "}", "[": "]"}
_WHOLE_ESCAPES: Final = re.compile(r'[^"\\]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*+)*+')
_BEGUN_NUMBER: Final = re.compile(r"[-+.eE0-9]*\Z")
_WORDS: Final = ("true", "false", "null")
_ENDS: Final = frozenset(" \t\r\n,]}")
_BEGUN_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,4})?\Z")


def _salvaged(text: str, error: json.JSONDecodeError) -> Parsed:
    """Return what stands before the place of an error, up to which the text is JSON."""
    opened: list[str] = []
    whole, opened_there = 0, ""  # where the last whole value ends, and what is open there
    is_name, at = False, 0
    while token := _TOKEN.match(text, at, error.pos):
        mark, at = token[1][0], token.end()
        if mark in "{[":
            opened.append(mark)
            is_name = mark == "{"
            if len(opened) > DEEPEST:
                return Parsed(None, _TOO_DEEP, is_exact=False)
        elif mark in ":,":
            is_name = mark == "," and opened[-1:] == ["{"]
        elif mark in "}]":
            del opened[-1:]
            whole, opened_there = at, "".join(opened)
        elif not is_name and (mark == '"' or text[at : at + 1] in _ENDS):  # a number may lack its last digits
            whole, opened_there = at, "".join(opened)
    rest = text[at:].lstrip()
    is_text_cut = error.msg.startswith("Unterminated string") or (
        rest[:1] == '"' and _BEGUN_ESCAPE.search(text[-6:]) is not None
    )
    begun = text[error.pos :].strip()
    is_begun = _BEGUN_NUMBER.match(begun) is not None or any(word.startswith(begun) for word in _WORDS)
    is_cut = is_text_cut or is_begun
    problem = "the JSON is cut off" if is_cut else f"the JSON is damaged at character {error.pos + 1}"
    pieces = [text[:whole], *_closed(opened_there)]
    if is_text_cut and not is_name:
        inner = _inner(rest[1:])
        if inner is not None:
            pieces = [text[:at], inner, *_closed(opened)]
    try:
        return Parsed(_decoded("".join(pieces)).value, problem, is_exact=False)
    except (ValueError, RecursionError):
        return Parsed(None, problem, is_exact=False)


def _closed(opened: Sequence[str]) -> list[str]:
    return [_CLOSING[each] for each in reversed(opened)]


def _inner(rest: str) -> str | None:
    """Return the JSON text of what could be read of a JSON text within a string that has no end."""
    found = _WHOLE_ESCAPES.match(rest)
    text = json.loads(f'"{found[0]}"', strict=False) if found else ""
    if text.lstrip()[:1] not in {"{", "["}:
        return None
    value = parsed(text).value
    return None if value is None else json.dumps(value)


def _is_shallow(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            below
            for each in level
            for below in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
            if isinstance(below, dict | list)
        ]
        if not level:
            return True
    return False
