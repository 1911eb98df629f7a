"""lmdecode's own JSON Lines: what `lmdecode decode --json` and `lmdecode watch --jsonl` write, read again.

A line has all that a Record has but its request. An answer says how long its request took, so the request is the one of
the same connection that was sent exactly so long before.

A file may have been written by several runs, one after another, each of which numbers its connections from 0. So a
connection is one by its number and its two ends.

Secrets are masked where Records are made, and here they are made once more: what somebody has written with
--show-secrets is masked too, and stays so.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from io import BufferedReader
from typing import Any, Final, cast

import orjson

from lmdecode.capture.formats import Format
from lmdecode.capture.source import LONGEST, CaptureError, CaptureStatistics, TextInput
from lmdecode.codec.record import MASK, NO_EXTRA, Kind, Record, Role, Sender, Value
from lmdecode.codec.speakers import Speakers

_BEGINS: Final = re.compile(
    rb'\s{0,64}\{\s{0,8}"time"\s{0,8}:\s{0,8}"[0-9T:.Z-]{10,40}"\s{0,8},\s{0,8}"stream"\s{0,8}:'
)
_PROGRESS_STEP: Final = 1 << 20
_MOST_PENDING: Final = 256  # requests of a connection that wait for their answers
_MOST_CONNECTIONS: Final = 1024  # whose requests are kept
_SAME_NS: Final = 2_000  # by which a time that was worked out may be off
_SECRET: Final = ("0d0b ", "090b ", "0c0b")  # what the subjects begin with whose values are tokens
_FLAG: Final = 2  # digits of a value of one byte, which says whether a token was taken
_SENDERS: Final = frozenset(("app", "machine"))
_ROLES: Final = frozenset(("request", "response", "report"))
_KINDS: Final = {str(each.value): each for each in Kind}


def read_lines(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    _speakers: Speakers,
    capture: str | None = None,
) -> Iterator[Record]:
    """Read the messages of such a file. Lines are counted as packets.

    Args:
        file: At its beginning.
        statistics: Counts, warnings and notes are added to it.
        progress: Called now and then with the position in the file, in bytes.
        capture: The capture's name, for the Records.

    Raises:
        CaptureError: There is no message in it.
    """
    source = TextInput(file)
    statistics.noun = "line"
    connections = _Connections(statistics, capture)
    reported = 0
    for lines in source.lines():
        statistics.bytes_read = source.position
        if progress is not None and source.position - reported >= _PROGRESS_STEP:
            reported = source.position
            progress(reported)
        for line in lines:
            statistics.packets += 1
            if not line.strip():
                continue
            record = record_of(line)
            if record is None:
                statistics.warn(f"line {statistics.packets:,} is no message, or is cut off; it was passed over")
                continue
            statistics.port_packets += 1
            tally = statistics.tallies[record.generation]
            tally.frames += 1
            tally.messages += record.kind is not None
            tally.valid_frames += record.raw is None
            tally.problems += bool(record.problems)
            yield connections.placed(record)
    if source.failure:
        statistics.warnings.append(f"the file cannot be read further ({source.failure}); all before it was decoded")
    if not statistics.port_packets:
        raise CaptureError(f"{file.name} has no message in it; write it again: lmdecode watch --jsonl FILE")


class _Connections:
    """Numbers the connections, and finds the request of each answer."""

    def __init__(self, statistics: CaptureStatistics, capture: str | None) -> None:
        self._statistics = statistics
        self._capture = capture
        self._numbers: dict[tuple[str | None, int, frozenset[str]], int] = {}
        self._asked: dict[int, deque[Record]] = {}

    def placed(self, record: Record) -> Record:
        """Return a Record as it is in this capture."""
        key = record.capture, record.stream, frozenset((record.source, record.destination))
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = self._statistics.connections
            self._statistics.connections += 1
        record = record._replace(stream=number, capture=self._capture)
        if record.role == "request":
            if number not in self._asked and len(self._asked) >= _MOST_CONNECTIONS:
                del self._asked[next(iter(self._asked))]
            self._asked.setdefault(number, deque(maxlen=_MOST_PENDING)).append(record)
        elif record.elapsed is not None:
            record = record._replace(request=self._request_of(record, record.elapsed))
        return record

    def _request_of(self, answer: Record, elapsed: float) -> Record | None:
        sent_ns = answer.time_ns - round(elapsed * 1e9)
        for asked in reversed(self._asked.get(answer.stream, ())):
            if asked.kind is answer.kind and abs(asked.time_ns - sent_ns) <= _SAME_NS:
                return asked
        return None


def record_of(line: bytes) -> Record | None:
    """Return the Record of a line, with its secrets masked; None if it is no message.

    >>> record_of(b'{"time":"2026-11-21T02:55:55Z","stream":0,"sender":"app","source":"a","destination":"m"}').stream
    0
    >>> record_of(b'{"time":"2026-11-2')
    """
    if len(line) > LONGEST:
        return None
    try:
        entries = orjson.loads(line)
        if not isinstance(entries, dict):
            return None
        kind = entries.get("kind")
        record = Record(
            _time_ns(_text(entries["time"])),
            _integer(entries["stream"]) or 0,
            cast("Sender", _one_of(entries["sender"], _SENDERS)),
            _text(entries["source"]),
            _text(entries["destination"]),
            None if kind is None else _KINDS[kind],
            None if entries.get("role") is None else cast("Role", _one_of(entries["role"], _ROLES)),
            _integer(entries.get("address")),
            _integer(entries.get("length")),
            _text_or_none(entries.get("data")),
            _text_or_none(entries.get("plaintext")),
            {_text(name): _value(value) for name, value in _object(entries.get("fields")).items()},
            _flag(entries.get("ok")),
            _number(entries.get("elapsed")),
            None if entries.get("raw") is None else bytes.fromhex(_text(entries["raw"])),
            tuple(map(_text, entries.get("problems") or ())),
            _text_or_none(entries.get("machine")),
            _text(entries.get("generation", "v1")),
            _text_or_none(entries.get("capture")),
            subject=_text_or_none(entries.get("subject")),
            extra=_object(entries.get("extra")) or NO_EXTRA,
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    return _masked_v1(record) if record.generation == "v1" else _masked(record)


def _masked_v1(record: Record) -> Record:
    """The same without the bytes of the machine's cloud account."""
    address, length = record.address, record.length
    if address is None or length is None:
        return record
    from lmdecode.codec.v1.memory_map import REGISTERS  # noqa: PLC0415 -- few captures are such files
    from lmdecode.codec.v1.redaction import touches_secret  # noqa: PLC0415 -- as above

    if record.data is None or MASK in record.data or not touches_secret(address, len(record.data) // 2 or length):
        return record
    secret = {row.name for row in REGISTERS if row.secret}
    fields = {name: value for name, value in record.fields.items() if name not in secret}
    return record._replace(data=MASK, plaintext=None, fields=fields, raw=None)


def _masked(record: Record) -> Record:
    """The same without tokens, addresses and whatever else is behind a secret's name."""
    from lmdecode.codec.raw_bytes import may_be_shown  # noqa: PLC0415 -- few captures are such files
    from lmdecode.codec.secrets import masked, masked_text  # noqa: PLC0415 -- as above

    text, data = record.plaintext, record.data
    if (record.subject or "").startswith(_SECRET) and len(data or "") != _FLAG:
        text, data = None if text is None else MASK, None if data is None else MASK
    elif text is not None:
        shown = masked_text(text)
        text, data = shown, data if shown == text else None
    return record._replace(
        plaintext=text,
        data=data,
        fields=cast("Mapping[str, Value]", masked(record.fields)),
        extra=cast("Mapping[str, object]", masked(dict(record.extra))) if record.extra else NO_EXTRA,
        raw=None if record.raw is None else may_be_shown(record.raw),
    )


def _time_ns(text: str) -> int:
    """A time as nanoseconds since 1970.

    Raises:
        ValueError: It is none.

    >>> _time_ns("2026-11-21T02:55:55.174158123Z")
    1795229755174158123
    """
    whole, _, fraction = text.removesuffix("Z").partition(".")
    seconds = datetime.fromisoformat(f"{whole}+00:00").timestamp()
    if not fraction.isdigit() and fraction:
        raise ValueError(text)
    return int(seconds) * 1_000_000_000 + int(f"{fraction:0<9}"[:9])


def _text(value: Any) -> str:  # noqa: ANN401 -- JSON
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _text_or_none(value: Any) -> str | None:  # noqa: ANN401 -- JSON
    return None if value is None else _text(value)


def _one_of(value: Any, words: frozenset[str]) -> str:  # noqa: ANN401 -- JSON
    if value not in words:
        raise ValueError(value)
    return _text(value)


def _integer(value: Any) -> int | None:  # noqa: ANN401 -- JSON
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise TypeError(value)
    return value


def _number(value: Any) -> float | None:  # noqa: ANN401 -- JSON
    if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
        raise TypeError(value)
    return value


def _flag(value: Any) -> bool | None:  # noqa: ANN401 -- JSON
    if value is not None and not isinstance(value, bool):
        raise TypeError(value)
    return value


def _value(value: Any) -> Value:  # noqa: ANN401 -- JSON
    if isinstance(value, list):
        return [_text(each) for each in value]
    if not isinstance(value, bool | int | float | str):
        raise TypeError(value)
    return value


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(value)
    return value


def _finds(text: bytes) -> int | None:
    return 0 if _BEGINS.match(text) else None


FORMAT: Final = Format(
    "lmdecode's JSON Lines",
    written_by="`lmdecode watch --jsonl`, `lmdecode decode --json`",
    lacks="the bytes of the connection; secrets",
    finds=_finds,
    records=read_lines,
)
