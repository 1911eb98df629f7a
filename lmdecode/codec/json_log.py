r"""Debug logs of the libraries that came after lmdirect: lines in, what they say of messages out.

lmcloud (2023-2024) and pylamarzocco (since 2024), which Home Assistant uses, write a phrase and then a message, whole:

    2026-11-21 07:01:12.345 DEBUG (MainThread) [pylamarzocco.clients._cloud] Response: {'serialNumber': 'MR012345', …}

This module finds these *entries*, in whatever a log went through on its way, and the dialects say what is in them. An
entry that stands alone on a line, as it was written, is read as it was written. Of all others `log_text` makes plain
text first; what is read of it is the same but for blanks.

An entry may have several lines: a STOMP frame has line ends of its own, and terminals, mails and forums break lines.
So the lines that follow belong to an entry, up to the one that begins with a time or has a phrase. What broke them can
be seen in their lengths: a terminal's are all alike, up to the blanks that were at their ends; if they differ, a line
was broken at a blank, and the blank is gone.

**Times.** Home Assistant writes local time without a zone. Messages can show what the log's clock is: a push that says
since when coffee flows has that moment in UTC, and comes at most two minutes after it, while zones differ by quarters
of an hour. `clock_ahead_ns` has the difference as soon as it is known, for whoever reads the log to set its times
right. The zone of the computer that decodes is never taken, since the log may be another owner's.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar, Final, NamedTuple

from lmdecode.codec.log_literal import Literal, NoLiteralError, read_literal
from lmdecode.codec.log_text import BREAK, NO_ZONE, plain, time_before, time_of_object
from lmdecode.codec.record import Record

LONGEST: Final = 1 << 20
"""Bytes of an entry; the longest that the libraries write have some ten thousand."""
_MOST_LINES: Final = 20_000
_KEPT: Final = 3  # lines before one with a phrase in which its entry may begin
_SHORT: Final = 400  # bytes of a line that may end within a phrase
_HEAD: Final = 400  # characters of a line in which it shows whether an entry begins there
_OBJECT: Final = 300  # characters behind an entry in which an object that it is in may have its time

_QUARTER_NS: Final = 900 * 1_000_000_000  # zones differ by quarters of an hour
_MOST_QUARTERS: Final = 14 * 4
_LATEST_NS: Final = 120 * 1_000_000_000  # a shot takes no longer, and its push is seconds late
_EARLIEST_NS: Final = 5 * 1_000_000_000  # clocks that are not quite right

_LEVEL: Final = r"(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)"
_CLOCK: Final = r"(?:\d{4}-\d\d-\d\d(?:T|[^0-9A-Za-z{\v]{1,8})|\d{1,2}[./]\d{1,2}[./]\d{2,4},? )\d\d:\d\d:\d\d"
_WITHIN: Final = r"(?:[\"' ]{0,4}\{[\"' ]{1,4}\w{1,20}[\"' ]{1,4}:[\"' ]{1,4})?"
_BEGINS: Final = re.compile(
    rf"{_WITHIN}[^0-9A-Za-z{{\v]{{0,20}}{_CLOCK}"
    r"|[^0-9A-Za-z{\v]{0,20}\d{4}-\d\d-\d\d[ \t]{0,20}[|\u2502\u2503]"  # of a cell that is too narrow for the clock
    rf"|{_WITHIN}[^\v{{]{{0,80}}{_CLOCK}[^\v{{]{{0,30}}{_LEVEL}(?![A-Za-z])|{_LEVEL}:[\w.]{{1,80}}:",
    re.ASCII,
)
_NEXT: Final = re.compile(
    rf"(?:(?<=\v)[^0-9A-Za-z{{\v]{{0,20}})?(?:{_CLOCK})[^\v{{]{{0,30}}{_LEVEL}(?![A-Za-z])|\v{_LEVEL}:[\w.]{{1,80}}:",
    re.ASCII,
)
_SYSLOG: Final = re.compile(r"\A[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,64} \S{1,64}\[\d{1,9}\]: ")
_COMPOSE: Final = re.compile(r"\A[A-Za-z][\w.-]{1,64} {1,20}\| ")
_CODES: Final = b'"MESSAGE"'  # in the JSON of journald, which may have a line as a list of numbers
_NAME: Final = (b"pylama", b"rzocco", b"websocket message: ")  # halves of a name, since a line may be broken in it
_MEMBERS: Final = ("log", "message", "MESSAGE", "msg", "_MESSAGE")
_OBJECT_START: Final = re.compile(r"[ \t,\[]{0,20}\{[ \t]{0,8}\"")
_LEAD: Final = re.compile(r"[ >|\t]*")
_ROW: Final = re.compile("[|\u2502\u2503]")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COLUMNS: Final = 3
_STRIPPED: Final = 2


class Entry(NamedTuple):
    """What a program said of a message."""

    phrase: str
    """The words before it, as in `JsonLog.phrases`."""
    time_ns: int
    text: str
    """What the program said behind these words."""
    is_plain: bool
    """Whether the text was made plain, so that it may have lost escapes and blanks."""
    number: int
    """Of its line in the log."""
    level: str = ""
    logger: str = ""

    def literal(self, position: int = 0) -> Literal:
        """Return the value at a position of the text. Raises NoLiteralError if there is none."""
        return read_literal(self.text, position, is_plain=self.is_plain)


class _Found(NamedTuple):
    phrase: str
    start: int
    end: int


_LOGGER: Final = re.compile(
    rf"({_LEVEL})?[^A-Za-z]{{0,20}}(?:\([\w ]{{1,40}}\)[^\w]{{0,20}})?([a-z][\w.]{{4,80}})[\] :]+\Z"
)


class JsonLog(ABC):
    """A `LogConversation` of entries; a dialect says by `take` what is in them."""

    phrases: ClassVar[Sequence[str]] = ()
    """The words before a message, as they are written, with the blank before it."""
    words: ClassVar[Sequence[bytes]] = ()
    """One of them, or of `_NAME`, is in a line that begins an entry of this dialect, or in the one after it."""
    nothing: str = ""
    clock_ahead_ns: int | None = None
    """By how much the log's clock is ahead of UTC, if a message has shown it; None if none has."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._number = 0
        self._before: deque[str] = deque(maxlen=_KEPT)
        self._time_ns = 0
        self._entries = self._timeless = self._zoneless = 0
        self._exact = re.compile("|".join(re.escape(each) for each in self.phrases))
        self._keys = tuple({max(re.findall("[A-Za-z]+", each), key=len) for each in self.phrases})
        self._loose = re.compile("|".join(f"({_loose(each)})" for each in self.phrases))

    @abstractmethod
    def take(self, entry: Entry) -> Sequence[Record] | None:
        """Return the messages in an entry; None if it is another dialect's."""

    def may_mention(self, text: bytes) -> bool:
        """Return False if no line of a text is about a message; True if one may be."""
        return bool(self._lines) or _is_ours(text) or any(word in text for word in self.words)

    def receive(self, line: bytes, number: int) -> Sequence[Record] | None:
        """Take a line. Returns the messages that are complete now, or None if it is not about a message."""
        is_ours = _has_name(line) or any(word in line for word in self.words)
        if not is_ours and not self._lines and _CODES not in line:
            self._before.append(line[-_SHORT:].decode("utf-8", "surrogateescape"))
            return None
        text = _unwrapped(line.decode("utf-8", "surrogateescape"))
        if not is_ours and _CODES in line:
            made = text.encode("utf-8", "surrogateescape")
            is_ours = _has_name(made) or any(word in made for word in self.words)
        is_first = _begins(text) or (is_ours and not self._is_headed and self._exact.search(text) is not None)
        found: list[Record] | None = None
        if self._lines:
            if not is_first and self._size < LONGEST and len(self._lines) < _MOST_LINES:
                self._lines.append(text)
                self._size += len(text)
                return None
            found = self._finish()
        if not is_ours:
            self._before.append(text[-_SHORT:])
            return found
        self._number = number
        if is_first:
            whole = self._whole(text)
            if whole is not None:
                self._before.clear()
                records = self.take(whole)
                return found if records is None else [*(found or ()), *records]
            if len(text) > _SHORT and not self._has_key(text):  # it ends far behind what would be the phrase
                return found
            self._open([text])
        else:
            self._open([*self._begun(), text])
        return found

    @property
    def _is_headed(self) -> bool:
        """Whether a line before began an entry, to which others may belong."""
        return _begins(self._lines[0]) if self._lines else bool(self._begun())

    def _begun(self) -> list[str]:
        """The lines before, from the one on with which an entry began; none if none did."""
        before = [*self._before]
        for index in range(len(before) - 1, -1, -1):
            if _begins(before[index]):
                return before[index:]
        return []

    def _open(self, lines: list[str]) -> None:
        self._before.clear()
        self._lines = lines
        self._size = sum(map(len, lines))

    def close(self) -> Sequence[Record]:
        """Return what was held back for a further line."""
        return self._finish() or [] if self._lines else []

    def compare_clock(self, local_ns: int, moment_ms: int) -> None:
        """Take a moment that was just over, or lasts, when a line was written whose time has no zone.

        Args:
            local_ns: The time of the line, as if it were UTC.
            moment_ms: The moment: milliseconds since 1970, UTC.
        """
        ahead = local_ns - moment_ms * 1_000_000
        quarters = round(ahead / _QUARTER_NS)
        late = ahead - quarters * _QUARTER_NS
        if self._zoneless and abs(quarters) <= _MOST_QUARTERS and -_EARLIEST_NS <= late <= _LATEST_NS:
            self.clock_ahead_ns = quarters * _QUARTER_NS

    def warnings(self) -> Sequence[str]:
        """Return nothing: what cannot be read is a Record with a problem."""
        return []

    def notes(self) -> Sequence[str]:
        """Return what is good to know, one line each."""
        found = []
        if self._zoneless:
            found.append(NO_ZONE)
        if self._timeless and self._timeless == self._entries:
            found.append("the log's messages have no time; all stand at 1970-01-01")
        elif self._timeless:
            found.append(
                f"{self._timeless:,} of the log's messages have no time; each stands at that of the one before"
            )
        return found

    def _whole(self, text: str) -> Entry | None:
        """Return the entry of a line that is one entry, as it was written; None for any other line."""
        found = self._exact.search(text)
        if found is None or "\x1b" in text:
            return None
        said = text[found.end() :]
        if said.startswith(" ") or not self.is_whole(found[0], said):  # blanks may be doubled within it as well
            return None
        return self._entry(found[0], text[: found.start()], said, is_first=True, is_plain=False)

    def is_whole(self, phrase: str, said: str) -> bool:  # noqa: ARG002 -- for dialects that have several
        """Return True if what is said behind a phrase is a message as it was written, whole, and nothing else."""
        return _is_literal(said)

    def _entry(self, phrase: str, before: str, said: str, after: str = "", *, is_first: bool, is_plain: bool) -> Entry:
        time = time_before(before, is_first=is_first)
        if time is None and not is_plain:
            time = time_before(plain(before.encode("utf-8", "surrogateescape")), is_first=is_first)
        if time is None and "{" in before:
            time = time_of_object(f"{before}{after[:_OBJECT]}")
        self._entries += 1
        if time is None:
            self._timeless += is_first  # else it is that of the entry that it is in
        else:
            self._zoneless += not time.has_zone
            self._time_ns = time.time_ns
        logger = _LOGGER.search(before[-200:])
        level, name = ("", "") if logger is None else (logger[1] or "", logger[2])
        if not said.isascii():  # bytes that are no UTF-8 stand in it as what no text may have
            said = said.encode("utf-8", "replace").decode()
        return Entry(phrase, self._time_ns, said, is_plain, self._number, level, name)

    def _finish(self) -> list[Record] | None:
        """Return the messages of the lines that were kept; None if there are none of this dialect."""
        lines, self._lines = self._lines, []
        self._size = 0
        lines = [_COMPOSE.sub("", _SYSLOG.sub("", each, count=1), count=1) for each in lines]
        whole = put_together(lines)
        if not self._has_key(whole):
            return None
        text = self._plain(lines, whole)
        found = list(self._phrases(text))
        records: list[Record] | None = None
        end = 0
        for index, each in enumerate(found):
            limit = found[index + 1].start if index + 1 < len(found) else len(text)
            following = _NEXT.search(text, each.end, limit)
            until = limit if following is None else following.start()
            entry = self._entry(
                each.phrase, text[end : each.start], text[each.end : until], text[until:limit],
                is_first=not end, is_plain=True,
            )  # fmt: skip
            end = each.end if following is None else until
            taken = self.take(entry)
            if taken is not None:
                records = [*(records or ()), *taken]
        return records

    def _phrases(self, text: str) -> Iterator[_Found]:
        for match in self._loose.finditer(text):
            yield _Found(self.phrases[(match.lastindex or 1) - 1], match.start(), match.end())

    def _has_key(self, text: str) -> bool:
        """Return False if no phrase is in a text. To look for one word of each is much faster than to look for them."""
        return any(key in text for key in self._keys)

    def _plain(self, lines: list[str], whole: str) -> str:
        """The lines of an entry as one plain text."""
        for count in range(1, min(4, len(lines)) + 1):
            head = put_together(lines[:count])
            if self.goes_on_in_lines(head):
                return BREAK.join(_plain(each) for each in (head, *lines[count:]))
        return _plain(whole)

    def goes_on_in_lines(self, head: str) -> bool:  # noqa: ARG002 -- for dialects whose messages have lines
        """Return True if a message begins at the end of a text and has lines of its own, which follow."""
        return False


@lru_cache(maxsize=4)
def _is_ours(text: bytes) -> bool:
    """Return True if a text has what all dialects look for; they are asked about the same texts one after the other."""
    return _has_name(text) or _CODES in text


def _has_name(text: bytes) -> bool:
    return any(word in text for word in _NAME)


def _begins(text: str) -> bool:
    """Return True if an entry begins at the beginning of a text."""
    if _BEGINS.match(text) is not None:
        return True
    head = text[:_HEAD]
    if head.isascii() and not any(each in head for each in "&<\\\x1b"):
        return False
    return _BEGINS.match(plain(head.encode("utf-8", "surrogateescape"))) is not None


_RUN: Final = re.compile(" {2,}")
_DOUBLED: Final = re.compile(r'(?:[{\[,(=] ?|: ?)""\w')


def _plain(text: str) -> str:
    made = plain(text.encode("utf-8", "surrogateescape"))
    if "\\" in made:  # its escapes had markup within
        made = plain(made.encode("utf-8", "surrogateescape"))
    if "  " in made:  # nobody can know whether blanks were doubled on the way
        made = _RUN.sub(" ", made)
    if '""' in made and _DOUBLED.search(made):  # a cell of a table in CSV
        made = made.replace('""', '"')
    return made.replace('";"', ", ") if '";"' in made else made


_GAP: Final = r"[^0-9A-Za-z\v{}'\"\[:]"


def _loose(phrase: str) -> str:
    """The pattern of a phrase between whose words anything may stand but letters and digits, and also nothing."""
    pieces = re.findall(r"[A-Za-z]+|[^A-Za-z]+", phrase)
    return r"(?<![0-9A-Za-z])" + "".join(
        each if each.isalpha() else rf"{_GAP}{{0,10}}:{_GAP}{{0,10}}" if ":" in each else rf"{_GAP}{{0,20}}"
        for each in pieces
    )


def _is_literal(said: str) -> bool:
    try:
        found = read_literal(said)
    except NoLiteralError:
        return False
    return not found.is_cut and not said[found.end :].strip(" \x00")


def _unwrapped(line: str) -> str:
    """The text of a line that a program wrapped in an object of JSON; else the line itself."""
    if _OBJECT_START.match(line) is None:
        return line
    try:
        found = json.loads(line.strip(" ,\t[]"))
    except (ValueError, RecursionError):
        return line
    if not isinstance(found, dict):
        return line
    for name in _MEMBERS:
        text = found.get(name)
        if isinstance(text, list) and all(isinstance(each, int) for each in text):
            text = bytes(each & 0xFF for each in text).decode("utf-8", "surrogateescape")
        if isinstance(text, str):
            return text.removesuffix("\n")
    return line


def cut(found: Literal) -> tuple[str, ...]:
    """Return what to say of a value that a line has only in part; nothing if it is whole."""
    if not found.is_cut:
        return ()
    where = f" within {found.cut_in}" if found.cut_in else ""
    return (f"the log's line is cut off{where}; what follows is missing",)


def put_together(lines: Sequence[str]) -> str:
    """Return lines as the one that they were, before it was broken.

    >>> put_together(["> {'modelName':", "> 'LINEA MICRA'}"])
    "> {'modelName': 'LINEA MICRA'}"
    """
    if len(lines) == 1:
        return lines[0]
    rows = [_ROW.split(each.strip()) for each in lines] if _ROW.search(lines[0]) else []
    if rows and len(rows[0]) >= _COLUMNS and all(len(each) == len(rows[0]) for each in rows):
        return "|".join(_cell(cells) for cells in zip(*rows, strict=True))
    lead = _common_lead(lines[1:])
    if len(lead) == 1 and len(lines) == 2 and not lines[0].startswith(lead):
        lead = ""  # a blank of the text
    width = max(map(len, lines))
    pieces = [lines[0], *(each[len(lead) :] for each in lines[1:])]
    # Of a terminal's lines all are alike, up to a blank or two that were at their ends.
    is_terminal = all(len(each) >= width - _STRIPPED for each in lines[:-1])
    made = pieces[0]
    for line, piece in pairwise(zip(lines, pieces, strict=True)):
        is_broken_word = len(line[0]) >= width and (is_terminal or _word_over(line[1], piece[1]) > width - len(lead))
        made = f"{made}{piece[1]}" if is_broken_word else f"{made} {piece[1]}"
    return made


def _word_over(first: str, second: str) -> int:
    """The length of the word that ends the first line and begins the second. A line is broken in a long word alone."""
    before, after = first.rpartition(" ")[2], second.partition(" ")[0]
    return len(before) + len(after)


def _common_lead(lines: Sequence[str]) -> str:
    """The marks of a quotation, the blanks, that all lines begin with."""
    found = _LEAD.match(lines[0])
    lead = "" if found is None else found[0]
    for each in lines[1:]:
        while not each.startswith(lead):
            lead = lead[:-1]
    return lead


def _cell(parts: Sequence[str]) -> str:
    """A cell of a table, whose parts stand in several rows."""
    parts = [each.rstrip().removeprefix(" ") for each in parts]
    width = max(map(len, parts))
    return "".join(
        each if len(each) >= width and _DATE.fullmatch(each) is None else f"{each} " for each in parts if each
    ).rstrip(" ")
