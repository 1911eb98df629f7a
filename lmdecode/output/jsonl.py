"""JSON Lines: one Record a line, UTF-8, without spaces."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

import orjson

from lmdecode.codec.json_fields import JsonFields
from lmdecode.codec.message import Kind
from lmdecode.codec.record import Record, Role, Sender, iso_time

__all__ = ["json_bytes", "json_line"]


def json_line(record: Record) -> str:
    """One Record as a line of JSON, with its newline."""
    return json_bytes(record).decode("utf-8")


def json_bytes(record: Record) -> bytes:
    """The same as the bytes that a file holds.

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
        return orjson.dumps(record.as_dict(), option=orjson.OPT_APPEND_NEWLINE)
    same = _same(stream, sender, source, destination, kind, role, address, length)
    digits = "null" if data is None else f'"{data}"'
    if isinstance(fields, JsonFields):
        values = fields.json
    elif fields:
        values = orjson.dumps(fields.copy() if isinstance(fields, MappingProxyType) else dict(fields)).decode()
    else:
        values = "{}"
    waited = "" if elapsed is None else f'"elapsed":{orjson.dumps(elapsed).decode()},'
    # Most have letters and digits only, and need no escapes.
    text = f'"{plaintext}"' if plaintext is not None and plaintext.isalnum() else orjson.dumps(plaintext).decode()
    return (
        f'{{"time":"{iso_time(time_ns)}",{same}"data":{digits},"plaintext":{text},'
        f'"fields":{values},{waited}"problems":[]}}\n'
    ).encode()


@lru_cache(maxsize=4096)
def _same(  # noqa: PLR0917 -- the keys of a cache, which names would make slow
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
    line = Record(0, stream, sender, source, destination, kind, role, address, length).as_dict()
    del line["time"]
    whole = orjson.dumps(line).decode()
    return whole[1 : whole.index('"data":')]
