"""JSON Lines: one Record a line, UTF-8, without spaces."""

from __future__ import annotations

import orjson

from lmdecode.codec.record import Record

__all__ = ["json_bytes", "json_line"]


def json_line(record: Record) -> str:
    """One Record as a line of JSON, with its newline."""
    return json_bytes(record).decode("utf-8")


def json_bytes(record: Record) -> bytes:
    """The same as the bytes that a file holds."""
    return orjson.dumps(record.as_dict(), option=orjson.OPT_APPEND_NEWLINE)
