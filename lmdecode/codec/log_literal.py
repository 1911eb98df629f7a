r"""Values as logs show them: JSON and Python's own way of writing dicts, read alike, whatever was done to the text.

Home Assistant's libraries log the cloud's answers as Python prints them (`{'connected': True}`), what the WebSocket
brings as a string within such a value (`data='MESSAGE\n…'`), and what Bluetooth sends as bytes (`b'{"name":…}\x00'`).
There are two ways to read them, since the way to us changes quotes and escapes:

- *as written*: strings end at the first quote of their own kind that is not escaped, and escapes are undone.
- *as changed*: of a text that `log_text.plain` made plain. Its escapes are gone, at all depths, so that a string ends
  at a quote with a comma, a colon or a bracket behind it, and JSON text in a string begins with `"{"` or `"[{"`.

A value that the text cuts off is closed where it ends. What stands at the cut is left out: a part of a number would be
a number too. The reader keeps a stack of its own and has a limit of depth, so that no text can use up Python's; it
looks at no character twice, so that its time grows with the text.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final, NamedTuple

DEEPEST: Final = 64
"""Values within values that are read; the maker's have about ten."""

_BLANKS: Final = re.compile(r"[ \t\r\n\v]*")
_WORD: Final = re.compile(r"[^\s,:;|{}\[\]()\"'<>=\\]{1,200}")
_ANGLED: Final = re.compile(r"<[^<>]{0,200}>")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d{0,30})(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_PREFIX: Final = re.compile(r"(?:bytearray\()?b(?=['\"])")
_QUOTED: Final = {
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)('?)", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)("?)', re.DOTALL),
}
_ENDS: Final = re.compile(r"[ \t\r\n\v]{0,20}(?:[,:;}\])|]|\Z)")
_EMBEDDED: Final = re.compile(r"[\"'](?:\{[ \v]?[\"'}]|\[[ \v]?(?:[{\]\"']|-?\d))")
_ESCAPE: Final = re.compile(
    r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3})|(\r?\n)|(.))", re.DOTALL
)
_LETTERS: Final = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "v": "\v", "a": "\a"}
_CONSTANTS: Final = {"True": True, "true": True, "False": False, "false": False, "None": None, "null": None}
_CLOSING: Final = {"{": "}", "[": "]", "(": ")"}


class Literal(NamedTuple):
    """A value that stands in a text."""

    value: object
    """As of JSON; bytes are bytes."""
    end: int
    """Where the text of it ends."""
    is_cut: bool = False
    """Whether the text ends before the value does."""
    cut_in: str = ""
    """The name of the member in which it is cut, if it is known."""


class NoLiteralError(ValueError):
    """There is no value at a place, or it is nested too deeply."""


class _Open:
    """A list or an object that is not at its end."""

    __slots__ = ("bracket", "items", "members", "name", "quote", "wants_value")

    def __init__(self, bracket: str, quote: str = "") -> None:
        self.bracket = bracket
        self.quote = quote
        """The quote around it, if it is JSON text in a string."""
        self.items: list[object] = []
        self.members: dict[str, object] = {}
        self.name: str | None = None
        self.wants_value = False

    def add(self, value: object) -> None:
        if self.bracket != "{":
            self.items.append(value)
        elif self.wants_value and self.name is not None:
            self.members[self.name] = value
            self.name, self.wants_value = None, False
        else:
            self.name = value if isinstance(value, str) else json.dumps(value, default=str)

    @property
    def value(self) -> object:
        found: object = self.members if self.bracket == "{" else self.items
        return compact(found) if self.quote else found


def compact(value: object) -> str:
    """Return a value as JSON text without a blank, as the maker's programs write it.

    >>> compact({"a": [1, "é"]})
    '{"a":[1,"é"]}'
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=_as_text)


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


@lru_cache(maxsize=4)  # whether a line is whole, and what it says, are two questions with one answer
def read_literal(text: str, position: int = 0, *, is_plain: bool = False) -> Literal:
    r"""Return the value that stands at a position of a text.

    The value is not to be changed: who asks for it again gets the same.

    Args:
        text: The text.
        position: Where the value begins, or the blanks before it.
        is_plain: Whether the text was made plain, so that its escapes are gone.

    Raises:
        NoLiteralError: No value stands there.

    >>> read_literal("{'connected': True, 'name': 'MR1'}").value
    {'connected': True, 'name': 'MR1'}
    >>> read_literal(r"b'machineMode\x00'").value
    b'machineMode\x00'
    >>> read_literal("{'a': 1, 'b': 12")
    Literal(value={'a': 1}, end=16, is_cut=True, cut_in='b')
    """
    stack: list[_Open] = []
    at = position
    while True:
        at = _skipped(text, at)
        if at >= len(text):
            return _closed(stack, at)
        mark = text[at]
        if mark in "{[(" or (is_plain and _EMBEDDED.match(text, at)):
            at = _begin(stack, text, at)
        elif stack and mark in ",;|:":
            stack[-1].wants_value = mark == ":" or stack[-1].wants_value
            at += 1
        elif stack and mark in "}])":
            if mark != _CLOSING[stack[-1].bracket]:
                return _closed(stack, at)
            done = stack.pop()
            at = _after(text, at + 1, done.quote)
            if not stack:
                return Literal(done.value, at)
            stack[-1].add(done.value)
        else:
            value, end, is_whole = _scalar(text, at, is_plain=is_plain)
            if not stack:
                return Literal(value, end, is_cut=not is_whole)
            if not is_whole:
                return _closed(stack, len(text))
            stack[-1].add(value)
            at = end


def _begin(stack: list[_Open], text: str, at: int) -> int:
    """Open what begins at a position, and return where its content does."""
    if len(stack) >= DEEPEST:
        raise NoLiteralError("is nested too deeply")
    quote = text[at] if text[at] in "\"'" else ""
    at += bool(quote)
    stack.append(_Open(text[at], quote))
    return at + 1


def _after(text: str, at: int, quote: str) -> int:
    """Return where the text of a value ends, with the quote around it, if there is one."""
    if not quote:
        return at
    at = _skipped(text, at)
    return at + (text[at : at + 1] == quote)


def _skipped(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return at if found is None else found.end()


def _closed(stack: list[_Open], end: int) -> Literal:
    """Close what is open."""
    if not stack:
        raise NoLiteralError("has no value")
    cut_in = next((each.name for each in reversed(stack) if each.name), "")
    value = stack.pop().value
    while stack:
        stack[-1].add(value)
        value = stack.pop().value
    return Literal(value, end, is_cut=True, cut_in=cut_in)


def _scalar(text: str, at: int, *, is_plain: bool) -> tuple[object, int, bool]:
    """Return a value without parts, where its text ends, and whether it is whole."""
    prefix = _PREFIX.match(text, at)
    if prefix is not None:
        string, end, is_whole = _string(text, prefix.end(), is_plain=is_plain)
        end += prefix[0].startswith("bytearray") and text[end : end + 1] == ")"
        return string.encode("utf-8" if is_plain else "latin-1", "replace"), end, is_whole
    if text[at] in "\"'":
        return _string(text, at, is_plain=is_plain)
    angled = _ANGLED.match(text, at)
    if angled is not None:
        return angled[0], angled.end(), True
    word = _WORD.match(text, at)
    if word is None:
        raise NoLiteralError("has no value")
    end = word.end()
    if word[0] in _CONSTANTS:
        return _CONSTANTS[word[0]], end, True
    number = _NUMBER.fullmatch(word[0])
    if number is None:
        return word[0], end, end < len(text)
    return (float(number[0]) if any(each in number[0] for each in ".eE") else int(number[0])), end, end < len(text)


def _string(text: str, at: int, *, is_plain: bool) -> tuple[str, int, bool]:
    """Return a string, where its text ends, and whether it is whole."""
    quote = text[at]
    if not is_plain:
        found = _QUOTED[quote].match(text, at)
        if found is None:
            raise NoLiteralError("has no value")
        return unescaped(found[1]), found.end(), bool(found[2])
    end = text.find(quote, at + 1)
    while end >= 0 and not _ENDS.match(text, end + 1):
        end = text.find(quote, end + 1)
    return (text[at + 1 :], len(text), False) if end < 0 else (text[at + 1 : end], end + 1, True)


def unescaped(text: str) -> str:
    r"""Return the content of a string literal of Python or JSON, its escapes undone.

    >>> unescaped(r"MESSAGE\n\u00e9\x00")
    'MESSAGE\né\x00'
    """
    if "\\" not in text:
        return text
    found = _ESCAPE.sub(_character, text)
    if any("\ud800" <= each <= "\udfff" for each in found):  # JSON writes what is beyond 16 bits as two
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return found


def _character(match: re.Match[str]) -> str:
    two, four, eight, octal, end, other = match.groups()
    if end:
        return ""
    if other:
        return _LETTERS.get(other, other if other in "\\'\"/" else match[0])
    code = int(octal, 8) if octal else int(two or four or eight, 16)
    return chr(code) if code <= 0x10FFFF else "\ufffd"
