"""Lines of a file in, what they say of messages out: a message that was broken over several lines is put together.

Terminals break a line at their last column, wherever that is, and mails and cells of tables break it at a blank. So a
line that ends within a message is kept open, and is read once more together with the next one. What is read so counts
only if the message reaches over the joint, and its digits come out at the length that it says; otherwise each line is
read on its own. The other way round a line that has only the end of a message is read with the line before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from lmdecode.codec.log_text import JOINT, begins_entry, plain, time_of_prefix
from lmdecode.codec.v1.log_lines import Mention, Said, is_hex, is_orphan, may_go_on, read_text

# A line without any of these says nothing about a message, unless it goes on with the line before.
_WORDS: Final = (b"lmdirect", b"Message", b"Sending", b"Command", b"Succeeded", b"Unexpected", b"Data=", b'"MESSAGE"')
# The end of a line whose beginning, with its words, is at the end of the line before.
_SENDING_END: Final = re.compile(
    rb"[^0-9A-Za-z]{0,20}[a-z]{0,6}[^0-9A-Za-z]{0,2}[0-9A-Fa-f]{0,8} with (?:None|[0-9A-Fa-f]{2})"
)
_BEFORE: Final = 3  # lines before one that can have its time; in a narrow cell a time takes as many
_KEPT: Final = 400  # bytes of each of them
_REACH: Final = 160  # characters between words of a message and the end of the line, if the message may go on
_LONGEST: Final = 1 << 13  # characters of a message that is put together; the longest that lmdirect logs has 600
_MOST_LINES: Final = 3  # that are waited for if nothing of a message can be read yet
# Messages in a row that cannot be read, after which no line is read together with another one any more, until one can.
# What is wrapped can be read, so this only ends what is tried in vain.
_FRUITLESS: Final = 1000
_OPENING: Final = " |>\u2502\u2503\u2551\u21aa\"',;:+#"
_CLOSING: Final = " |\u2502\u2503\u2551\u21b5\u23ce\\\"'"
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COLUMNS: Final = 3  # cells in a row of a table, at least


class Unreadable(NamedTuple):
    """A message that a line mentions and that cannot be read."""

    line: int
    """Its number."""
    lacking: str
    """What is not there. Never what is: that may be a part of the machine's secrets."""


class _Open(NamedTuple):
    """The end of a line that may go on."""

    text: str
    mention: Mention | None
    """The message in it; None if none of its words is whole."""
    number: int
    lines: int
    is_read: bool = True
    """Whether the message was read from all of the text."""


class Unwrapping:
    """The lines of a log, of which some belong together."""

    def __init__(self) -> None:
        self.unreadable: list[Unreadable] = []
        """The first of the messages that could not be read."""
        self.mentioned = 0
        """How many could not be read."""
        self.lines_unreadable = 0
        """In how many lines they are."""
        self._last_unreadable = 0
        self._before: deque[bytes] = deque(maxlen=_BEFORE)
        self._open: _Open | None = None
        self._fruitless = 0

    def may_mention(self, text: bytes) -> bool:
        """Return False if no line of a text says anything about a message; True if one may."""
        return self._open is not None or any(word in text for word in _WORDS)

    def receive(self, line: bytes, number: int) -> list[Said] | None:
        """Take a line. Return what it says about messages that are whole now; None if it says nothing about any.

        Args:
            line: Without its end.
            number: Of the line in the file, for what cannot be read.
        """
        if self._open is None and not _has_word(line):
            self._before.append(line[-_KEPT:])
            return None
        text = plain(line)
        if self._fruitless >= _FRUITLESS:
            mentions = list(read_text(text))
            if not any(each.said for each in mentions):
                return self._note_alone(mentions, number)
        found: list[Said] | None = None
        if self._open is not None:
            taken, found = self._go_on(self._open, text, number)
            if taken:
                return found
            found = self.flush() or None
        text, mentions = self._with_line_before(text)
        if not any(each.said for each in mentions) and is_orphan(text):
            self._note(number, "Data= without what comes before it")
        more = self._take(text, mentions, number)
        if self._open is None:
            if more is None:
                self._before.append(line[-_KEPT:])
            else:
                self._before.clear()
        return more if found is None else [*found, *(more or [])]

    def _with_line_before(self, text: str) -> tuple[str, list[Mention]]:
        """Return a line and its messages; together with the line before it if only that makes a message of both."""
        mentions = list(read_text(text))
        if self._before and not any(each.said for each in mentions):
            for joined in _joined(plain(self._before[-1]), text):
                over = list(read_text(joined))
                if any(_is_joined(joined, each) for each in over):
                    self._before.pop()
                    return joined, over
        return text, mentions

    def _note_alone(self, mentions: list[Mention], number: int) -> list[Said] | None:
        """Note the messages of a line, none of which can be read. Return what was kept open."""
        found = self.flush() or None
        for each in mentions:
            self._note(number, each.missing)
        return found

    def flush(self) -> list[Said]:
        """Nothing more comes that a message could go on with: return what was kept open."""
        kept, self._open = self._open, None
        if kept is None or kept.mention is None:
            return []
        mention = kept.mention if kept.is_read else list(read_text(kept.text))[-1]
        if mention.said is not None:
            return [self._with_time(kept.text, mention)]
        self._note(kept.number, mention.missing)
        return []

    def _add_digits(self, kept: _Open, digits: str) -> bool:
        """Take a line of nothing but digits, and too few: what they say shows when there are enough, or no more."""
        if kept.mention is None or not 0 < len(digits) < kept.mention.lacks or not is_hex(digits):
            return False
        if len(kept.text) > _LONGEST:
            return False
        mention = kept.mention._replace(lacks=kept.mention.lacks - len(digits))
        before = kept.text.rstrip(_CLOSING)
        closing = kept.text[len(before) :] if "|" in kept.text[len(before) :] else ""  # it stays a row of a table
        text = f"{before}{JOINT}{digits}{closing}"
        self._open = _Open(text, mention, kept.number, kept.lines + 1, is_read=False)
        return True

    def _go_on(self, kept: _Open, text: str, number: int) -> tuple[bool, list[Said] | None]:
        """Try to go on with a line. Return whether it was taken, and what is whole now."""
        if self._add_digits(kept, text.strip(_OPENING + _CLOSING)):
            return True, []
        for joined in _joined(kept.text, text):  # at least one
            mentions = list(read_text(joined))
            if any(_is_whole(joined, each, kept.mention) for each in mentions):
                self._open = None
                found = self._take(joined, mentions, number)
                if self._open is None:
                    self._before.clear()
                return True, found
            if len(joined) <= _LONGEST and mentions and _is_longer(mentions[-1], kept.mention):
                self._open = _Open(joined, mentions[-1], kept.number, kept.lines + 1)
                return True, []
        if (
            (kept.mention is not None and kept.mention.said is not None)
            or not (mentions or may_go_on(joined))
            or kept.lines >= _MOST_LINES
            or begins_entry(text)
            or any(True for _ in read_text(text))
        ):
            return False, None
        if len(joined) > _LONGEST:
            return False, None
        self._open = kept._replace(text=joined, mention=mentions[-1] if mentions else None, lines=kept.lines + 1)
        return True, None

    def _take(self, text: str, mentions: list[Mention], number: int) -> list[Said] | None:
        """Return what a text says, and keep its end open if that may go on."""
        found: list[Said] = []
        end = start = 0
        for each in mentions:
            is_last = each is mentions[-1]
            start, end = end, each.end
            if is_last and (
                each.is_short or _lacks_clock(text, each) or (each.said is None and len(text) - end <= _REACH)
            ):
                start = max(start, each.start - _KEPT)
                shorter = each._replace(start=each.start - start, end=end - start)
                self._open = _Open(text[start:], shorter, number, 1)
            elif each.said is not None:
                found.append(self._with_time(text, each))
            else:
                self._note(number, each.missing)
        if self._open is None and may_go_on(text[end:]):
            self._open = _Open(text[max(end, len(text) - _KEPT) :], None, number, 1)
        return found if any(each.said for each in mentions) else None

    def _with_time(self, text: str, mention: Mention) -> Said:
        """What is said; its time may be at the end of the lines before."""
        said = mention.said
        if said is None:
            raise ValueError("nothing is said")
        self._fruitless = 0
        # What stands between a time and its message is short. Else each message of a long line would go through it all.
        if said.time_ns is not None or not self._before or mention.start > _KEPT:
            return said
        row = _row(plain(self._before[-1]), text) if len(text) <= _LONGEST else ""
        if row:
            said = next((each.said for each in read_text(row) if each.said and each.said[3:] == said[3:]), said)
        prefix = text[: mention.start]
        for line in reversed(self._before):
            prefix = f"{plain(line).rstrip(_CLOSING)}{JOINT}{prefix.lstrip(_OPENING)}"
            time = None if said.time_ns is not None else time_of_prefix(prefix)
            if time is not None:
                return said._replace(time_ns=time.time_ns, has_zone=time.has_zone)
        return said

    def _note(self, number: int, lacking: str) -> None:
        self._fruitless += 1
        if not lacking:
            return
        self.mentioned += 1
        self.lines_unreadable += number != self._last_unreadable
        self._last_unreadable = number
        if len(self.unreadable) < _BEFORE:
            self.unreadable.append(Unreadable(number, lacking))


def _has_word(line: bytes) -> bool:
    for word in _WORDS:
        if word in line:
            return True
    return b" with " in line and _SENDING_END.match(line) is not None


def _is_joined(text: str, mention: Mention) -> bool:
    """Return True if a message can be read that reaches over a joint."""
    return mention.said is not None and JOINT in text[mention.start : mention.end]


def _is_whole(text: str, mention: Mention, former: Mention | None) -> bool:
    """Return True if a message is whole after a line was added to its text, or can be read, and was not before."""
    if _is_joined(text, mention):
        return not mention.is_short or former is None or former.said is None
    was, now = former and former.said, mention.said
    return was is not None and now is not None and was.time_ns is None is not now.time_ns and was[3:] == now[3:]


def _lacks_clock(text: str, mention: Mention) -> bool:
    """Return True if the time of a row's message may go on in the next line."""
    if mention.said is None or mention.said.time_ns is not None:
        return False
    return text.count("|") >= _COLUMNS - 1 and _DATE.search(text) is not None


def _is_longer(mention: Mention, former: Mention | None) -> bool:
    """Return True if a message that may go on has more data than before, and may go on still."""
    if former is None or former.said is None or mention.said is None:
        return False
    return mention.is_short and len(mention.said.data) > len(former.said.data)


def _joined(first: str, second: str) -> Iterator[str]:
    """Yield the texts that two lines may have been: of two rows of a table cell by cell, and one after the other."""
    if row := _row(first, second):
        yield row
    yield f"{first.rstrip(_CLOSING)}{JOINT}{second.strip(_OPENING + _CLOSING)}"


def _row(first: str, second: str) -> str:
    """Two lines as one row of a table whose cells are wrapped, each on its own; "" if they are none."""
    rows = first.split("|"), second.split("|")
    return "|".join(_put_together(zip(*rows, strict=True))) if len(rows[0]) == len(rows[1]) >= _COLUMNS else ""


def _put_together(cells: Iterable[tuple[str, str]]) -> Iterator[str]:
    for above, below in cells:
        yield f"{above.rstrip()}{JOINT}{below.strip()}" if below.strip() else above
