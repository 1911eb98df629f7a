"""Debug logs of lmdirect, the library that older Home Assistant integrations use: lines in, Records out.

Owners post such logs, and the messages in them are readable without a key. Two lines can be about one message, so what
the machine said comes out one such line late. Where no line has the kind of a message it is derived: a write if the
data are OK, or if there are none and the machine was just asked to write there; a stream for the one window that is
pushed; and a read otherwise. A log counts as one connection, whose ends are called "app" and "machine". A plaintext is
given only where a line has it whole.
"""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from typing import Final

from lmdecode.codec.dialect import Place, Tally
from lmdecode.codec.log_text import NO_ZONE
from lmdecode.codec.record import Kind, Record, Role
from lmdecode.codec.v1 import GENERATION
from lmdecode.codec.v1.conversation import ANSWER_TIMEOUT_NS
from lmdecode.codec.v1.decoder import decode_plaintext, withhold
from lmdecode.codec.v1.log_lines import Form, Said
from lmdecode.codec.v1.log_unwrapping import Unwrapping
from lmdecode.codec.v1.message import OK, check_byte, letter_of
from lmdecode.codec.v1.redaction import touches_secret

_STREAMED: Final = "60000016"
_LETTERS: Final = {letter_of(kind): kind for kind in Kind}
_MAX_PENDING: Final = 1024
_MAX_OF_A_KIND: Final = 64
_LOGGER: Final = re.compile(rb"\b(?:DEBUG|INFO|WARNING|ERROR)\b[^\n]{0,80}\blmdirect\b")


def looks_like_log(start: bytes) -> bool:
    """Whether a text that begins so is such a log."""
    lines = Unwrapping()
    if not lines.may_mention(start):
        return False
    if _LOGGER.search(start) is not None:
        return True
    return any(lines.receive(line, 0) for line in start.splitlines()) or bool(lines.flush())


class _Pending:
    """Requests that no answer came to yet; few of a kind, since each answer goes through those of its kind."""

    def __init__(self) -> None:
        self._by_kind: dict[tuple[str, str], deque[tuple[int, int | None, Record]]] = {}
        self._kinds: OrderedDict[int, tuple[str, str]] = OrderedDict()  # by the request's number, the oldest first
        self._count = self._secrets = 0

    def add(self, letter: str, preamble: str, time_ns: int | None, record: Record) -> None:
        """Take a request; the oldest of its kind, or of all, is forgotten if there are too many."""
        kind = letter, preamble
        asked = self._by_kind.setdefault(kind, deque())
        self._count += 1
        asked.append((self._count, time_ns, record))
        self._kinds[self._count] = kind
        self._secrets += _is_secret(preamble)
        if len(asked) > _MAX_OF_A_KIND:
            self._forget(kind, 0)
        if len(self._kinds) > _MAX_PENDING:
            self._forget(next(iter(self._kinds.values())), 0)

    def has(self, letter: str, preamble: str) -> bool:
        """Return True if such a request is open."""
        return (letter, preamble) in self._by_kind

    @property
    def has_secret(self) -> bool:
        """Whether an open request is for something secret."""
        return self._secrets > 0

    def take(self, letter: str, preamble: str, time_ns: int | None) -> tuple[float | None, Record] | None:
        """Return the request that an answer is to, and the seconds between them if both have a time; None if none."""
        kind = letter, preamble
        for index, (_, asked_ns, asked) in enumerate(self._by_kind.get(kind, ())):
            if asked_ns is None or time_ns is None:
                self._forget(kind, index)
                return None, asked
            if 0 <= time_ns - asked_ns <= ANSWER_TIMEOUT_NS:
                self._forget(kind, index)
                return (time_ns - asked_ns) / 1e9, asked
        return None

    def _forget(self, kind: tuple[str, str], index: int) -> None:
        asked = self._by_kind[kind]
        del self._kinds[asked[index][0]]
        del asked[index]
        self._secrets -= _is_secret(kind[1])
        if not asked:
            del self._by_kind[kind]


def _is_secret(preamble: str) -> bool:
    return touches_secret(int(preamble[:4], 16), int(preamble[4:], 16))


class LogConversation:
    """One connection, as a debug log of lmdirect has it: lines in, Records out.

    Args:
        place: Where the conversation is.
        tally: The messages are counted in it, each as a frame.
        show_secrets: Whether the machine's cloud account is left readable.
    """

    nothing = (
        "is a log of lmdirect without a message in it; "
        "log on level debug: in Home Assistant's configuration, logger: logs: lmdirect: debug"
    )
    """Why a log yields no message, and what to do."""

    def __init__(self, place: Place, tally: Tally, *, show_secrets: bool) -> None:
        self._place = place
        self._tally = tally
        self._show_secrets = show_secrets
        self._lines = Unwrapping()
        self._held: Said | None = None
        self._shown: Said | None = None
        self._time_ns = 0
        self._pending = _Pending()
        self._messages = self._timeless = self._zoneless = 0

    def may_mention(self, text: bytes) -> bool:
        """Return False if no line of a text is about a message; True if one may be."""
        return self._lines.may_mention(text)

    def receive(self, line: bytes, number: int) -> list[Record] | None:
        """Take a line. Returns the messages that are complete now, or None if the line is not about a message."""
        found = self._lines.receive(line, number)
        if found is None:
            return None
        return [record for said in found for record in self._receive(said)]

    def _receive(self, said: Said) -> list[Record]:
        self._zoneless += said.time_ns is not None and not said.has_zone
        shown, self._shown = self._shown, None
        if shown is not None and said.completes(shown) is not None:
            return []  # what it adds comes too late
        completed = None if self._held is None else said.completes(self._held)
        if completed is not None:
            self._held = None
            return [self._record(completed)]
        records = self._let_go()
        if said.form is Form.MESSAGE:
            self._held = said
        else:
            records.append(self._record(said))
        return records

    def close(self) -> list[Record]:
        """Hand out what is held back for a further line. If that comes after all, it is no message of its own."""
        records = [record for said in self._lines.flush() for record in self._receive(said)]
        self._shown = self._held
        return records + self._let_go()

    def _let_go(self) -> list[Record]:
        held, self._held = self._held, None
        return [] if held is None else [self._record(held)]

    def _record(self, said: Said) -> Record:
        """A message as a Record."""
        is_request = said.form is Form.SENDING
        letter = said.letter or self._likely_letter(said)
        body = f"{letter}{said.preamble}{said.data}".encode("ascii")
        # Without a check byte nothing is known against the message, so it is given the right one.
        check = b"%02X" % check_byte(body) if said.check is None else said.check.encode("ascii")
        decoded = decode_plaintext(body + check, show_secrets=self._show_secrets)
        if not is_request and not decoded.valid and self._secret_may_answer():
            decoded = withhold(decoded)
        message, fields, problems = decoded.message, decoded.fields, decoded.problems
        self._messages += 1
        if said.time_ns is None:
            self._timeless += 1
        else:
            self._time_ns = said.time_ns
        ok = elapsed = asked = None
        role: Role = "request"
        if not is_request:
            role, elapsed, asked = self._pair(letter, said)
            if letter == "W":
                role, fields = "response", {}
                ok = said.data == OK
            elif not said.data and not problems:
                problems = ("an answer without data: the machine echoed the request",)
        self._tally.frames += 1
        self._tally.valid_frames += decoded.valid
        self._tally.messages += message is not None
        self._tally.problems += bool(problems)
        app, machine = self._place.app, self._place.machine
        record = Record(
            self._time_ns,
            self._place.stream,
            "app" if is_request else "machine",
            *((app, machine) if is_request else (machine, app)),
            _LETTERS[letter],
            role,
            None if message is None else message.address,
            None if message is None else message.length,
            decoded.data,
            # What lmdirect sends is as it should be; of what it received, only a line with all of it shows that.
            decoded.plaintext if is_request or said.check is not None else None,
            fields,
            ok,
            elapsed,
            None,
            problems,
            generation=GENERATION,
            capture=self._place.capture,
            request=asked,
        )
        if is_request:
            self._pending.add(letter, said.preamble, said.time_ns, record)
        return record

    def warnings(self) -> list[str]:
        """What the user should know, one line each."""
        lines = self._lines
        if not lines.mentioned:
            return []
        mention = "1 line of the log mentions"
        if lines.lines_unreadable > 1:
            mention = f"{lines.lines_unreadable:,} lines of the log mention"
        what = "a message" if lines.mentioned <= lines.lines_unreadable else f"{lines.mentioned:,} messages"
        where = "; ".join(f"line {each.line:,} has {each.lacking}" for each in lines.unreadable)
        others = ", and so on" if lines.mentioned > len(lines.unreadable) else ""
        return [f"{mention} {what} that cannot be read: {where}{others}; look for Message= and Sending in the log"]

    def notes(self) -> list[str]:
        """What is good to know, one line each."""
        found = []
        if self._zoneless:
            found.append(NO_ZONE)
        if self._timeless == self._messages and self._messages:
            found.append("the log's messages have no time; all stand at 1970-01-01")
        elif self._timeless:
            found.append(
                f"{self._timeless:,} of the log's messages have no time; each stands at that of the one before"
            )
        return found

    def _secret_may_answer(self) -> bool:
        """Whether what the machine says may be a secret, because the app asked for one; as in a Conversation."""
        return not self._show_secrets and self._pending.has_secret

    def _likely_letter(self, said: Said) -> str:
        if said.data == OK:
            return "W"
        if said.preamble.upper() == _STREAMED:
            return "Z"
        is_data = re.fullmatch(r"(?:[0-9A-Fa-f]{2})*", said.data) is not None
        return "W" if not is_data and self._pending.has("W", said.preamble) else "R"

    def _pair(self, letter: str, said: Said) -> tuple[Role, float | None, Record | None]:
        """Return whether a message answers a request, after how many seconds if the log has times, and the request."""
        found = self._pending.take(letter, said.preamble, said.time_ns)
        return ("report", None, None) if found is None else ("response", *found)
