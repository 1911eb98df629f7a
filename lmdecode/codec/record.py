"""The Record: one decoded message with everything known about it. All parts of lmdecode exchange Records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

JsonType = Literal["integer", "number", "boolean", "string", "array"]
"""The JSON type of a field's values."""
Value = bool | int | float | str | list[str]
"""The value of one field."""

Sender = Literal["app", "machine"]
Role = Literal["request", "response", "report"]
"""A report is a message that the machine sends unasked."""


class Kind(StrEnum):
    """What a message does."""

    READ = "read"
    WRITE = "write"
    STREAM = "stream"
    """Pushed by the machine as it happens: while water flows, or whenever a value changes."""

    __hash__ = str.__hash__  # an enumeration's own is a function in Python, and kinds are keys of caches


MASK = "**"
"""Stands in `data` and `plaintext` for each byte that is secret."""

NO_EXTRA: Final[Mapping[str, object]] = MappingProxyType({})

_UNMARKED: Final = "v1"
"""The generation that a line of JSON does not name: lines of v1 are older than the idea of generations."""
_DIGITS: Final = 19  # of the nanoseconds since 1970, from 2001 to 2286


class Record(NamedTuple):
    """One message, or bytes that should have been a message, with the time and the connection.

    A tuple, because making one takes a quarter of the time of a frozen dataclass, and one is made for every frame.
    """

    time_ns: int
    """When its last byte was captured: nanoseconds since 1970, UTC."""
    stream: int
    """The connection, numbered from 0 in each capture by its first packet."""
    sender: Sender
    source: str
    """host:port, an IPv6 host in brackets."""
    destination: str
    kind: Kind | None = None
    role: Role | None = None
    address: int | None = None
    length: int | None = None
    data: str | None = None
    """Hex, two lower-case digits a byte, `**` for a secret one."""
    plaintext: str | None = None
    fields: Mapping[str, Value] = {}
    """The named values, in their units. Not to be changed: equal messages share them."""
    ok: bool | None = None
    """In the answer to a write: True if the machine took the write."""
    elapsed: float | None = None
    """In an answer: seconds since its request."""
    raw: bytes | None = None
    """The bytes of the stream; only if they did not decode to a valid message."""
    problems: tuple[str, ...] = ()
    machine: str | None = None
    """The name of the machine whose key fits the connection; only if there are several keys."""
    generation: str = _UNMARKED
    """The protocol that the message is in, by its dialect's name: "v1", "v3" …"""
    capture: str | None = None
    """The name of the capture; only if several are decoded. Each capture numbers its own streams."""
    request: Record | None = None
    """In an answer: its request. None if the request is not in the capture, or was not asked for."""
    subject: str | None = None
    """The subject of a message without an address: "GET /api/v1/config", "0e0b notify"."""
    extra: Mapping[str, object] = NO_EXTRA
    """Names and values that no table explains, whole and as they came."""

    @property
    def connection(self) -> tuple[str | None, int]:
        """The connection among all that were decoded: its capture and its number there.

        >>> Record(0, 3, "app", "a", "b", capture="morning.pcap").connection
        ('morning.pcap', 3)
        """
        return self.capture, self.stream

    @property
    def time(self) -> datetime | None:
        """The time of its last byte, in UTC, to the microsecond; None if the capture's time is not a valid date.

        >>> Record(1_795_229_755_174_158_000, 0, "app", "a", "b").time.isoformat()
        '2026-11-21T02:55:55.174158+00:00'
        """
        seconds, nanoseconds = divmod(self.time_ns, 1_000_000_000)
        try:
            return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
        except (ValueError, OverflowError, OSError):
            return None

    def as_dict(self) -> dict[str, object]:
        """Return the Record as the dict that one line of `--format jsonl` holds.

        `ok`, `elapsed`, `raw`, `machine`, `capture`, `subject` and `extra` are only there where a message has them,
        `generation` where it is not v1.
        """
        kind, fields = self.kind, self.fields
        line: dict[str, object] = {
            "time": iso_time(self.time_ns),
            "stream": self.stream,
            "sender": self.sender,
            "source": self.source,
            "destination": self.destination,
            "kind": None if kind is None else str.__str__(kind),  # a third of the time of `kind.value`
            "role": self.role,
            "address": self.address,
            "length": self.length,
            "data": self.data,
            "plaintext": self.plaintext,
            "fields": fields.copy() if isinstance(fields, MappingProxyType) else dict(fields),
        }
        if self.ok is not None:
            line["ok"] = self.ok
        if self.elapsed is not None:
            line["elapsed"] = self.elapsed
        if self.raw is not None:
            line["raw"] = self.raw.hex()
        line["problems"] = list(self.problems)
        if self.machine is not None:
            line["machine"] = self.machine
        if self.generation != _UNMARKED:
            line["generation"] = self.generation
        if self.capture is not None:
            line["capture"] = self.capture
        if self.subject is not None:
            line["subject"] = self.subject
        if self.extra:
            line["extra"] = dict(self.extra)
        return line


def iso_time(time_ns: int) -> str:
    """A time as ISO 8601 in UTC: microseconds, and nanoseconds only if there are any.

    >>> iso_time(1_795_229_755_174_158_000)
    '2026-11-21T02:55:55.174158Z'
    """
    digits = str(time_ns)
    if len(digits) == _DIGITS and time_ns > 0:  # nearly any; to cut the digits takes half the time of dividing
        return _iso_second(digits[:-9]) + (digits[-9:-3] if digits[-3:] == "000" else digits[-9:]) + "Z"
    seconds, nanoseconds = divmod(time_ns, 1_000_000_000)
    fraction = f"{nanoseconds:09}" if nanoseconds % 1000 else f"{nanoseconds // 1000:06}"
    return f"{_iso_second(str(seconds))}{fraction}Z"


@lru_cache(maxsize=256)
def _iso_second(seconds: str) -> str:
    """A second as ISO 8601, with the point after it."""
    minute, second = divmod(int(seconds), 60)
    start = _iso_minute(minute)
    return f"{start}{second:02}." if start else f"{seconds}s."


@lru_cache(maxsize=256)
def _iso_minute(minutes: int) -> str:
    """The beginning of the seconds of a minute, which are written a tenth as often; "" where a date cannot be."""
    try:
        return datetime.fromtimestamp(60 * minutes, UTC).replace(tzinfo=None).isoformat().removesuffix("00")
    except (ValueError, OverflowError, OSError):  # a capture can claim any number
        return ""
