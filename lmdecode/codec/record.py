"""The Record: one decoded message with all that is known of it. The unit that every part of lmdecode hands on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.values import Value

Sender = Literal["app", "machine"]
Role = Literal["request", "response", "report"]
"""A report is what the machine sends though nobody asked."""

MASK = "**"
"""Stands in `data` and `plaintext` for each byte that is secret."""

_DIGITS: Final = 19  # of the nanoseconds since 1970, from 2001 to 2286


class Record(NamedTuple):
    """One message, or bytes that should have been one, and when and where they were seen.

    A tuple, because making one takes a quarter of the time of a frozen dataclass, and one is made for every frame.
    """

    time_ns: int
    """When its last byte was captured: nanoseconds since 1970, UTC."""
    stream: int
    """The TCP connection, numbered from 0 by its first packet."""
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
    """In a write's answer: whether the machine took it."""
    elapsed: float | None = None
    """In an answer: seconds since its request."""
    raw: bytes | None = None
    """The bytes of the stream, where they did not decode to a faultless message."""
    problems: tuple[str, ...] = ()
    machine: str | None = None
    """Which machine it is, where there are several keys and one of them fits the connection."""

    @property
    def time(self) -> datetime | None:
        """When its last byte was captured, in UTC, to the microsecond; None if no calendar has what the capture claims.

        >>> Record(1_795_229_755_174_158_000, 0, "app", "a", "b").time.isoformat()
        '2026-11-21T02:55:55.174158+00:00'
        """
        seconds, nanoseconds = divmod(self.time_ns, 1_000_000_000)
        try:
            return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanoseconds // 1000)
        except (ValueError, OverflowError, OSError):
            return None

    def as_dict(self) -> dict[str, object]:
        """What one line of `--format jsonl` holds; `ok`, `elapsed`, `raw` and `machine` only where there is any."""
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
    try:
        return f"{datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None).isoformat()}."
    except (ValueError, OverflowError, OSError):  # a capture can claim any number
        return f"{seconds}s."
