"""What one line of lmdirect's debug log tells.

lmdirect is the library that Home Assistant's integration used. Its lines that tell of messages, whatever stands before:

    Sending 40000020 with None None          a request, or with data a write; last what replaces the second byte
    Message=401C0004, Data=03BC04D8          what the machine said, without its kind and check byte
    Command Succeeded: 000F0001: OK          the message of the line before was the answer to a write; also `Failed`
    Unexpected response: R60DA0012...        the message of the line before, whole
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import Enum, auto
from typing import Final, NamedTuple

__all__ = ["Form", "Said", "looks_like_log", "mentions_message", "parse_line"]

_WORD: Final = rb"([^\s\"'<>|\\`\x00-\x1f\x7f-\xff]*)"
_COLOR: Final = re.compile(rb"\x1b\[[0-9;]*m")
_MENTION: Final = re.compile(
    rb"\bMessage=[^,]*, Data=|\bCommand (?:Succeeded|Failed): |\bUnexpected response: |lmdirect.*\bSending "
)
_LOGGER: Final = re.compile(rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\blmdirect\b")
_TIME: Final = re.compile(rb"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(?: ?(Z|[+-]\d\d:?\d\d)(?!\d))?")


class Form(Enum):
    """What a line is about."""

    SENDING = auto()
    MESSAGE = auto()
    RESULT = auto()
    WHOLE = auto()


_PATTERNS: Final = {
    Form.MESSAGE: re.compile(rb"\bMessage=([0-9A-Fa-f]{8}), Data=" + _WORD),
    Form.SENDING: re.compile(rb"\bSending ([0-9A-Fa-f]{8}) with (None|[0-9A-Fa-f]+)(?: (None|[0-9A-Fa-f]{2})\b)?"),
    Form.RESULT: re.compile(rb"\bCommand (?:Succeeded|Failed): ([0-9A-Fa-f]{8}): " + _WORD),
    Form.WHOLE: re.compile(rb"\bUnexpected response: ([RWZ])([0-9A-Fa-f]{8})" + _WORD),
}


class Said(NamedTuple):
    """What a line tells of a message."""

    form: Form
    time_ns: int | None
    """None if the line does not say."""
    has_zone: bool
    letter: str | None
    """Of the message's kind, if it is known."""
    preamble: str
    data: str
    check: str | None = None
    """The check byte, if it was told."""

    def completes(self, held: Said) -> Said | None:
        """What an earlier line told, with what this one adds, if it is about the same message."""
        is_more = self.form in (Form.RESULT, Form.WHOLE)
        if not is_more or (self.preamble, self.data) != (held.preamble, held.data):
            return None
        return held._replace(letter=self.letter, check=self.check)


def looks_like_log(start: bytes) -> bool:
    """Whether a file that begins so is such a log."""
    text = _COLOR.sub(b"", start)
    return any(pattern.search(text) for pattern in (*_PATTERNS.values(), _LOGGER))


def mentions_message(line: bytes) -> bool:
    """Whether a line that tells of no message seems meant to."""
    return _MENTION.search(line) is not None


def parse_line(line: bytes) -> Said | None:
    """What a line tells, or None if it is not about a message, or cannot be read."""
    if b"\x1b" in line:
        line = _COLOR.sub(b"", line)
    for form, pattern in _PATTERNS.items():
        match = pattern.search(line)
        if match is not None:
            return _said(form, match, *_time(line[: match.start()]))
    return None


def _said(form: Form, match: re.Match[bytes], time_ns: int | None, has_zone: bool) -> Said:  # noqa: FBT001 -- passed on
    words = [word.decode("ascii") for word in match.groups(default=b"None")]
    letter: str | None = None
    if form is Form.WHOLE:
        letter, preamble, rest = words
        return Said(form, time_ns, has_zone, letter, preamble, rest[:-2], rest[-2:])
    preamble, data = words[:2]
    if form is Form.RESULT:
        letter = "W"
    elif form is Form.SENDING:
        letter = "R" if data == "None" else "W"
        data = "" if data == "None" else data
        if words[2] != "None":
            preamble = f"{preamble[:2]}{words[2]}{preamble[4:]}"
    return Said(form, time_ns, has_zone, letter, preamble, data)


def _time(prefix: bytes) -> tuple[int | None, bool]:
    """The time before a message, UTC if it has no zone, and whether it has one."""
    match = _TIME.search(prefix)
    if match is None:
        return None, False
    day, clock, fraction, zone = (word.decode("ascii") for word in match.groups(default=b""))
    try:
        seconds = int(datetime.fromisoformat(f"{day}T{clock}{zone or 'Z'}").timestamp())
    except (ValueError, OverflowError):
        return None, False
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0")), bool(zone)
