"""Lines of a program's log as the program wrote them, whatever they went through since.

Owners seldom have a log as it was written. It was copied out of a terminal, a web page or a spreadsheet, posted in a
forum, quoted in a mail, or wrapped in JSON by docker. Each of these changes blanks, quotes and escapes, and none of
them changes a word or a digit. So a line is turned back into plain text first, and what reads it needs one grammar.

All patterns here are linear: a line may be megabytes long, and anybody may have made it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

BREAK: Final = "\v"
"""Stands in a plain text where a line of the program ended: one line of a file may hold several."""
JOINT: Final = "\n"
"""Stands where two lines of a file were put together, since the program may have written them as one."""

NO_ZONE: Final = "the log's times have no zone, and were taken as UTC"
"""What is said of a log whose times may be those of any place."""

# Lines without any of these are plain: nearly all of them. `[32m` is what a browser leaves of a colour.
_CHANGED: Final = re.compile(rb"[^ -~]|[\\&<`*]|\[[0-9;]*[mK]|ESC\[|#033\[")
_CONTROL: Final = re.compile(
    "\x1b\\][^\x07\x1b]{0,2000}(?:\x07|\x1b\\\\)?"  # a title, or a link
    "|(?:\x1b\\[|\x9b)[0-9;:?]{0,40}[A-Za-z]"
    "|\x1b[()][0-9A-Z]|\x1b[=>78cDEHM]"
)
# The same where the escape character is gone, or stands as terminals, pagers, shells and syslog write it.
_COLOR: Final = re.compile(
    r"(?:␛|\^\[|←|<ESC>|ESC|#033|\ufffd|\x1b)\[[0-9;]{0,40}[A-Za-z]|\[[0-9;]{0,40}m|\[[0-9]?K(?!\])"
)
_ENTITY: Final = re.compile(r"&(?:#([0-9]{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([A-Za-z]{2,20}));?")
_ESCAPE: Final = re.compile(
    r"\\+(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(0?33(?=\[)|e(?=\[))|([nrfvbt])|([^0-9A-Za-z\s]))"
)
_LINE_TAG: Final = re.compile(r"<(?:br\s?/?|/(?:tr|p|div|li|pre))>", re.IGNORECASE)
_CELL_TAG: Final = re.compile(r"</?t[dh](?:\s[^<>]{0,200})?>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?(?!\w{1,60}\.\w{1,60}: )[A-Za-z][^<>]{0,200}>")
"""A tag of HTML; no member of an enumeration, as Python writes one: `<SteamTargetLevel.LEVEL_3: 'Level3'>`."""
_CODES: Final = re.compile(r"\[ ?[0-9]{1,3}(?: ?, ?[0-9]{1,3}){8,} ?\]")


def _table() -> Mapping[int, str]:
    """What becomes of single characters."""
    table: dict[int, str] = {}
    for character in "\t\u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))):
        table[ord(character)] = " "
    for character in "\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029":
        table[ord(character)] = BREAK
    for character in "\0\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e*`":
        table[ord(character)] = ""
    for character in "\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb\u2032\u2033":
        table[ord(character)] = '"'
    for character in "\u2010\u2011\u2012\u2013\u2212":
        table[ord(character)] = "-"
    for wide in range(0xFF01, 0xFF5F):
        table[wide] = chr(wide - 0xFEE0)
    # Bytes that are no UTF-8: blank and quotes of Windows.
    return table | {0xDCA0: " ", **dict.fromkeys((0xDC91, 0xDC92, 0xDC93, 0xDC94), '"'), 0xDC96: "-"}


_CHARACTERS: Final = _table()


def plain(line: bytes) -> str:
    r"""Return a line of a file as plain text: without colours, escapes, entities and markup, and with ordinary blanks.

    Args:
        line: Without its end. It may hold several lines of the program; `BREAK` stands between them.

    >>> plain(b"[32m2023-03-20&nbsp;11:03 **Message\\u003d401C0004**[0m")
    '2023-03-20 11:03 Message=401C0004'
    """
    if _CHANGED.search(line) is None:
        return _uncoded(line.decode("ascii"))
    text = _CONTROL.sub("", line.decode("utf-8", "surrogateescape"))
    text = text.replace("\u00c2\u00a0", " ")  # a no-break blank that was encoded twice
    for _ in range(2):  # `&amp;nbsp;` too
        if "&" in text:
            text = _ENTITY.sub(_entity, text)
    if "\\" in text:
        text = _ESCAPE.sub(_escape, text)
    text = _COLOR.sub("", _CONTROL.sub("", text))
    if "<" in text:
        text = _TAG.sub("", _CELL_TAG.sub(" ", _LINE_TAG.sub(BREAK, text)))
    return _uncoded(text.translate(_CHARACTERS))


def _entity(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name:
        from html.entities import html5  # noqa: PLC0415 -- few logs have entities, and the table takes a while to load

        return html5.get(f"{name};", match[0])
    number = int(decimal) if decimal else int(hexadecimal, 16)
    return chr(number) if 0 < number < 0xD800 or 0xE000 <= number <= 0x10FFFF else " "


def _escape(match: re.Match[str]) -> str:
    four, two, escape, letter, other = match.groups()
    if escape:
        return "\x1b"
    if letter:
        return " " if letter in "bt" else BREAK
    return other or chr(int(four or two, 16))


def _uncoded(text: str) -> str:
    """The same with the lists of bytes as text that journald makes of a message with colours, exported as JSON."""
    return _CODES.sub(_characters, text) if "MESSAGE" in text else text


def _characters(match: re.Match[str]) -> str:
    codes = [int(code) for code in re.findall("[0-9]+", match[0])]
    return plain(bytes(code & 0xFF for code in codes).replace(b"MESSAGE", b""))


class Time(NamedTuple):
    """A time that stands in a text."""

    time_ns: int
    """Nanoseconds since 1970, UTC if it has no zone."""
    has_zone: bool


_TIME: Final = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T|[^0-9A-Za-z\v]{1,20})(\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?"
    r"(?: {0,3}(Z|[+-]\d\d:?\d\d)(?!\d))?",
    re.ASCII,
)
# The same in other forms: day.month.year, year/month/day, and two numbers before the year of which the one above 12 is
# the day; with a clock of 12 hours, too. Where both may be the month, nobody can tell, and so nothing is taken.
_OTHER_TIME: Final = re.compile(
    r"(?<![\d./-])(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?![\d./-])[^0-9A-Za-z\v]{1,20}"
    r"(\d{1,2}):(\d\d):(\d\d)(?:[.,](\d{1,9})\d*)?(?: ?([AaPp])\.?[Mm](?![A-Za-z]))?",
    re.ASCII,
)
# Seconds since 1970 at the beginning of a line, also in milli-, micro- or nanoseconds; those of 2001 to 2286.
_EPOCH: Final = re.compile(r"[^0-9A-Za-z]{0,20}([1-9]\d{9})(?:\.(\d{1,9})|(\d{3}|\d{6}|\d{9}))?(?![\d.])", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_KEYED: Final = re.compile(
    r"(?:time|timestamp)[\"' ]{0,3}[:=][\"' ]{0,3}(?=\d{4}-)|__REALTIME_TIMESTAMP[\" ]{0,3}:[\" ]{0,3}(\d{16})(?!\d)",
    re.ASCII | re.IGNORECASE,
)
_LEVEL: Final = re.compile(r"(?<![A-Za-z])(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)(?![A-Za-z])")
_ONE_PREFIX: Final = 80  # characters between docker's time and the program's own, at most
_ONLY_PREFIX: Final = re.compile(
    r"[^0-9A-Za-z]{0,40}(?:(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)[^0-9A-Za-z(\[]{0,40})?"
    r"(?:\([\w ]{1,40}\)[^\w\[]{0,40})?"
    r"(?:\[[\w.]{1,80}\][^\w]{0,40}|[\w.]{1,80}:[^\w]{0,40})?\Z"
)


def time_before(text: str, *, is_first: bool) -> Time | None:
    """Return the time that belongs to what follows a text; None if there is none.

    Of several times the last is meant, since line ends can be lost; but a line of docker or systemd has its own time
    first and then the program's, with no level between them, and there the first is meant.

    Args:
        text: What stands before a message, from the message before it on.
        is_first: Whether that is the beginning of a line.
    """
    is_first = is_first or BREAK in text
    text = text.rpartition(BREAK)[2]
    found = list(_TIME.finditer(text))
    if not found:
        return _other_time(text)
    chosen = len(found) - 1
    if is_first or _LEVEL.search(text, found[-1].end()):
        while chosen and _is_one_prefix(text[found[chosen - 1].end() : found[chosen].start()]):
            chosen -= 1
    return _as_time(found[chosen])


def begins_entry(text: str) -> bool:
    """Return True if a line begins with a date, as most that a program writes do."""
    return _DATE.search(text[:_ONE_PREFIX]) is not None


def time_of_object(text: str) -> Time | None:
    """Return the time that a log in JSON has for a line beside the line's text; None if it has none."""
    for match in _KEYED.finditer(text):
        if match[1]:
            return Time(int(match[1]) * 1000, has_zone=True)
        found = _TIME.match(text, match.end())
        if found:
            return _as_time(found)
    return None


def time_of_prefix(text: str) -> Time | None:
    """Return the time of a text that has only what stands before a message in a log; None if it is something else."""
    for joint in ("", " "):
        whole = text.replace(JOINT, joint)
        found = list(_TIME.finditer(whole))
        if found and _ONLY_PREFIX.match(whole, found[-1].end()):
            return time_before(whole, is_first=True)
    return None


def _is_one_prefix(between: str) -> bool:
    return len(between) <= _ONE_PREFIX and "{" not in between and _LEVEL.search(between) is None


def _other_time(text: str) -> Time | None:
    """The last time in a text in another form than that of nearly all logs."""
    times = list(_OTHER_TIME.finditer(text))
    if not times:
        epoch = _EPOCH.match(text)
        if epoch is None:
            return None
        seconds, *fractions = epoch.groups(default="")
        return Time(int(f"{seconds}{''.join(fractions):0<9}"), has_zone=True)
    first, mark, second, third, hour, minute, second_of_minute, fraction, half = times[-1].groups(default="")
    day_month_year = _day_month_year(first, second, third, is_day_first=mark == ".")
    if day_month_year is None:
        return None
    day, month, year = day_month_year
    hours = int(hour) % 12 + 12 * (half in "pP") if half else int(hour)
    try:
        when = datetime(year, month, day, hours, int(minute), int(second_of_minute), tzinfo=UTC)
    except ValueError:
        return None
    return Time(int(when.timestamp()) * 1_000_000_000 + int(fraction.ljust(9, "0")), has_zone=False)


def _day_month_year(first: str, second: str, third: str, *, is_day_first: bool) -> tuple[int, int, int] | None:
    """The numbers of a date in this order; None if it cannot be known which is which."""
    if len(first) == 4:
        return int(third), int(second), int(first)
    one, other, year = int(first), int(second), int(third) + (2000 if len(third) == 2 else 0)
    if is_day_first or one > 12 or one == other:
        return one, other, year
    return (other, one, year) if other > 12 else None


def _as_time(match: re.Match[str]) -> Time | None:
    day, clock, fraction, zone = match.groups(default="")
    try:
        seconds = int(datetime.fromisoformat(f"{day}T{clock}{zone or 'Z'}").timestamp())
    except (ValueError, OverflowError):
        return None
    return Time(seconds * 1_000_000_000 + int(fraction.ljust(9, "0")), has_zone=bool(zone))
