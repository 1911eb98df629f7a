"""JSON Lines: one Record a line, UTF-8, without spaces."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import orjson

from lmdecode.codec.record import Record, Role, Sender, iso_time
from lmdecode.codec.v1._fast import HEADER, JsonFields, Window
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.values import Value

_SECOND: Final = 1_000_000_000  # nanoseconds


def json_bytes(record: Record) -> bytes:
    """One Record as a line of JSON, with its newline, as a file holds it."""
    return json_line(record).encode()


def json_line(record: Record) -> str:
    """The same as text.

    Most of a line is the same for all messages of one window in one connection. That part of a faultless message's line
    is made once, and what is left is put around it, in less than half the time; a test compares the two ways.
    """
    (
        time_ns,
        stream,
        sender,
        source,
        destination,
        kind,
        role,
        address,
        length,
        data,
        plaintext,
        fields,
        ok,
        elapsed,
        raw,
        problems,
        machine,
    ) = record
    if problems or raw is not None or ok is not None or machine is not None:
        return orjson.dumps(record.as_dict(), option=orjson.OPT_APPEND_NEWLINE).decode()
    same = _same(stream, sender, source, destination, kind, role, address, length)
    digits = "null" if data is None else f'"{data}"'
    # Most have letters and digits only, and need no escapes.
    text = f'"{plaintext}"' if plaintext is not None and plaintext.isalnum() else orjson.dumps(plaintext).decode()
    if fields.__class__ is JsonFields:
        values = fields.json
    else:
        values = orjson.dumps(fields.copy() if isinstance(fields, MappingProxyType) else dict(fields)).decode()
    waited = "" if elapsed is None else f'"elapsed":{orjson.dumps(elapsed).decode()},'
    return (
        f'{{"time":"{iso_time(time_ns)}",{same}"data":{digits},"plaintext":{text},'
        f'"fields":{values},{waited}"problems":[]}}\n'
    )


@lru_cache(maxsize=4096)
def _same(  # noqa: PLR0917 -- as a Record has them
    stream: int,
    sender: Sender,
    source: str,
    destination: str,
    kind: Kind | None,
    role: Role | None,
    address: int | None,
    length: int | None,
) -> str:
    """What a line says between its time and its data, with the comma that follows."""
    return _ends(stream, sender, source, destination) + _about(kind, role, address, length)


@lru_cache(maxsize=4096)
def _ends(stream: int, sender: Sender, source: str, destination: str) -> str:
    return _members({"stream": stream, "sender": sender, "source": source, "destination": destination})


@lru_cache(maxsize=4096)
def _about(kind: Kind | None, role: Role | None, address: int | None, length: int | None) -> str:
    return _members({"kind": kind, "role": role, "address": address, "length": length})


def _members(members: dict[str, object]) -> str:
    """Members of a JSON object, each with the comma that follows."""
    return f"{orjson.dumps(members).decode()[1:-1]},"


class Lines:
    """Makes lines of JSON of messages, without making Records of them first; a `Maker`.

    The lines are those of `json_line`; a test compares the two.
    """

    as_json = True

    def __init__(self) -> None:
        self._second_ns = -1  # when the second began in which the last message was captured
        self._second = ""  # and how it is written, with the point behind it

    def same(  # noqa: PLR0917 -- as `Maker` has it
        self, stream: int, sender: Sender, source: str, destination: str, window: Window, role: Role
    ) -> str:
        """What the lines say between their time and their data."""
        kind, address, length = window
        return _same(stream, sender, source, destination, kind, role, address, length)

    def faultless(  # noqa: PLR0917 -- as `Maker` has it
        self,
        time_ns: int,
        same: str,
        text: str,
        fields: Mapping[str, Value] | str,
        elapsed: float | None,
        machine: str | None,
    ) -> str:
        """The line of a faultless message."""
        if not 0 <= time_ns - self._second_ns < _SECOND:
            self._second_ns = time_ns - time_ns % _SECOND
            self._second = iso_time(self._second_ns)[: -len("000000Z")]
        moment = str(time_ns)  # in which the microseconds can be cut out, in a third of the time of dividing
        plainly = moment[-3:] == "000" and time_ns >= _SECOND
        time = f"{self._second}{moment[-9:-3]}Z" if plainly else iso_time(time_ns)
        data = text[HEADER:-2]
        digits = f'"{data.lower()}"' if data else "null"
        values = fields if isinstance(fields, str) else orjson.dumps(dict(fields)).decode()
        waited = "" if elapsed is None else f'"elapsed":{orjson.dumps(elapsed).decode()},'
        whose = "" if machine is None else f',"machine":{orjson.dumps(machine).decode()}'
        # The text has letters and digits only, and so needs no escapes.
        return (
            f'{{"time":"{time}",{same}"data":{digits},"plaintext":"{text}",'
            f'"fields":{values},{waited}"problems":[]{whose}}}\n'
        )

    def record(self, record: Record) -> str:
        """The line of a Record."""
        return json_line(record)
