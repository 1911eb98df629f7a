"""JSON Lines: one Record a line, UTF-8."""

from __future__ import annotations

import json

from lmdecode.codec.record import Record

__all__ = ["json_line"]

_encode = json.JSONEncoder(ensure_ascii=False, check_circular=False).encode


def json_line(record: Record) -> str:
    """One Record as a line of JSON, with its newline."""
    return _encode(record.as_dict()) + "\n"
