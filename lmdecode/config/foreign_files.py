"""Files that are no configuration: what is wrong with JSON that was edited by hand, and whose file it is otherwise.

A message names the line and, where it can, the entry. It quotes names that are known and nothing else, because what
stands beside them may be a key or a password.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final

from lmdecode.config.json_lines import Steps
from lmdecode.config.names import AT_THE_TOP, nearest

_EXAMPLE: Final = '{"host": "192.168.1.215", "key": "…"}'
_NAME_BEFORE: Final = re.compile(r"""["']?([A-Za-z_][\w-]{0,29})["']?\s*[:=]""").finditer
_YAML: Final = re.compile(r"(?:-\s+)?([\w-]+):(?:\s|$)").match
_TOML: Final = re.compile(r"(?:export\s+)?([\w.-]+)\s*=|\[+[\w.\" -]+\]+\s*(?:#.*)?$").match
_CURLY: Final = frozenset("\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb")
_PYTHON: Final = re.compile(r"(?:True|False|None)\b").match
_WORD: Final = re.compile(r"[A-Za-z_][\w-]*\s*:").match


def why_not_json(text: str, error: json.JSONDecodeError) -> str:
    r"""Returns what is wrong with a text that is not JSON, one clause with its line.

    Args:
        text: The text.
        error: The parser's error.

    >>> def why(text):
    ...     try:
    ...         json.loads(text)
    ...     except json.JSONDecodeError as error:
    ...         return why_not_json(text, error)
    >>> why('{"host": "h"\n "key": "k"}')
    'line 1, after "host": a comma is missing after the value'
    >>> why("host: 192.168.1.215")
    'line 1, "host": this is YAML; lmdecode reads JSON: {"host": "192.168.1.215", "key": "…"}'
    """
    if not text.strip():
        return "it is empty: lmdecode harvest fills it, or lmdecode config set host ADDRESS"
    if other := _other_language(text):
        return other
    position, what = _fault(text, error)
    line = text.count("\n", 0, position) + 1
    name = _known_name(text[:position])
    return f"line {line}{f', after {json.dumps(name)}' if name else ''}: {what}"


def _fault(text: str, error: json.JSONDecodeError) -> tuple[int, str]:
    """Returns where a fault is, and what it is, in words that help to mend it."""
    at, message = error.pos, error.msg
    before = len(text[:at].rstrip())
    last, rest = text[:before][-1:], text[at:].lstrip()
    first = rest[:1]
    rules: tuple[tuple[bool, int, str], ...] = (
        (rest.startswith(("//", "/*", "#")), at, "JSON has no comments: remove this one"),
        (first in _CURLY, at, 'curly quotes: JSON wants straight ones, "'),
        (first == "'", at, 'single quotes: JSON wants double ones, "'),
        ("trailing comma" in message or (last == "," and first in {"}", "]"}), before, "a comma too many at the end"),
        ("Unterminated" in message, at, 'a text begins there and does not end: no " follows, or the file is cut off'),
        ("control character" in message and text[at : at + 1] not in {"\n", "\r"}, at, _control(text[at : at + 1])),
        ("control character" in message, at, 'a text continues past the end of its line: a " is missing'),
        ("escape" in message, at, "a lone \\ in a text: JSON wants two of them"),
        (not rest, before, "it is cut off there: at least a } is missing"),
        (message == "Extra data" and first in {"{", "["}, at, 'another object begins: make them one, with "machines"'),
        (message == "Extra data", at, "something follows the end of the object: remove it"),
        ("',' delimiter" in message and first == '"', before, "a comma is missing after the value"),
        ("',' delimiter" in message, at, 'a comma is missing, or a " inside a text, which JSON wants as \\"'),
        ("':' delimiter" in message, at, "a colon is missing after the name"),
        ("property name" in message and bool(_WORD(rest)), at, "the name is not in double quotes"),
        (bool(_PYTHON(rest)), at, "JSON writes true, false and null"),
        (first in {",", "}", "]"}, at, "a value is missing"),
        ("Expecting value" in message, at, "the value is neither a number nor in double quotes"),
    )  # fmt: skip
    return next(((place, words) for fits, place, words in rules if fits), (at, f"{message} in column {error.colno}"))


def _control(character: str) -> str:
    if character == "\t":
        return "a tab in a text: JSON wants \\t"
    return f"a character in a text that no one sees (U+{ord(character or chr(0)):04X}): remove it"


def _known_name(before: str) -> str | None:
    """Returns the last entry that is named in a text, if its name is one that is known."""
    names = [match[1] for match in _NAME_BEFORE(before[-4000:])]
    return names[-1] if names and names[-1].lower() in AT_THE_TOP else None


def _other_language(text: str) -> str | None:
    """Returns what a text is that is not even meant to be JSON; None if it is."""
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n", 200)[:200], 1)]
    lines = [(number, line) for number, line in lines if line and line[0] not in "#;!"]
    if not lines:
        return None
    if lines[0][1] == "---":
        lines = lines[1:]
    kind, reads = ("XML", None) if lines and lines[0][1].startswith("<") else ("", None)
    if not kind and lines:
        kind, reads = ("YAML", _YAML) if _YAML(lines[0][1]) else ("TOML", _TOML) if _TOML(lines[0][1]) else ("", None)
    if not kind:
        return None
    named = [(number, match[1] or "") for number, line in lines if reads and (match := reads(line))]
    number, name = next(((each, name) for each, name in named if nearest(name) is not None), (lines[0][0], ""))
    where = f"line {number}" + (f", {json.dumps(name)}" if name else "")
    return f"{where}: this is {kind}; lmdecode reads JSON: {_EXAMPLE}"


def whose(entries: Mapping[str, object]) -> tuple[Steps, str] | None:
    """Returns whose file some entries are from, if they are from one that is known and has no entries of ours.

    Returns:
        The entry that shows it, and in words what the file is and what to do; None if nothing shows it.
    """
    key, data = entries.get("key"), entries.get("data")
    if isinstance(key, str) and isinstance(data, dict) and "version" in entries:
        return ("key",), (
            f'this is a file of Home Assistant, whose "key" is the file\'s name; write a file of your own: {_EXAMPLE}'
        )
    if isinstance(entries.get("log"), dict):
        return ("log",), "this is an HTTP archive (HAR); to take credentials from it: lmdecode credentials FILE --save"
    steps = _communication_key(entries)
    if steps is not None and "key" not in entries:
        return steps, (
            "this is an answer of the cloud; its communicationKey is the machine's key: lmdecode config set key"
        )
    return None


def _communication_key(entries: object) -> Steps | None:
    """Returns the way to the first communicationKey, which is not at the top."""
    waiting: list[tuple[Steps, object]] = [((), entries)]
    for _ in range(1000):
        if not waiting:
            break
        steps, value = waiting.pop(0)
        if isinstance(value, dict):
            if "communicationKey" in value and steps:
                return (*steps, "communicationKey")
            waiting += [((*steps, str(name)), each) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [((*steps, number), each) for number, each in enumerate(value)]
    return None
