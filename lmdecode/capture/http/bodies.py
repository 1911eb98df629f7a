"""What the bodies of requests and answers hold: JSON, and the fields of forms."""

from __future__ import annotations

import json
import re
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Final
from urllib.parse import parse_qsl

from lmdecode.capture.http.exchange import Headers, header, plain_name

_MOST_FIELDS: Final = 1000
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"
_LONGEST_HEAD: Final = 4096  # bytes before a part's value
_MOST_PARTS: Final = 64  # of a multipart body; a login has six
_MOST_DIGITS: Final = 18  # Python takes a time that grows with the square of the digits, and refuses 4,301
_GUARD: Final = re.compile(r"[\s\ufeff]*(?:\)\]\}'?,?|for ?\(;;\);|while ?\(1\);)?[\s\ufeff]*")
"""What precedes JSON: marks of its encoding, and what some servers put there so that no script can take it."""


def json_value(body: bytes) -> object:
    """A JSON body's value.

    Raises:
        ValueError: It is not JSON. The error does not hold the body.
    """
    try:
        value = _loaded(_text_of(body))
        if isinstance(value, str) and value.lstrip()[:1] in {"{", "["}:  # some programs store a text as JSON once more
            value = _loaded(value)
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("not JSON") from None
    return value


def _loaded(text: str) -> object:
    guard = _GUARD.match(text)
    return json.loads(text[guard.end() :] if guard else text, parse_int=_number)


def _text_of(body: bytes) -> str:
    """JSON is UTF-8, says its standard; some servers and many programs that store it do otherwise."""
    try:
        return body.decode(json.detect_encoding(body))
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def fields(body: bytes, headers: Headers) -> dict[str, str]:
    """The text fields of a form, JSON object or multipart body, by their plain names; of several the first not empty.

    What the body is says its first character rather than its headers, apart from multipart, which needs them.
    """
    content_type = header(headers, "content-type")
    if content_type.lower().lstrip().startswith("multipart/"):
        pairs = _multipart(body, content_type)
    elif body.lstrip(_BLANK).startswith((b"{", b"[")):
        pairs = _json_object(body)
    else:
        pairs = form(body)
    return first_of_each(pairs)


def form(body: bytes | str) -> list[tuple[str, str]]:
    """The fields of a urlencoded form, or of a query."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = text.strip("\r\n\ufeff")
    for encoding in ("utf-8", "latin-1"):  # the second takes everything
        try:
            return parse_qsl(
                text, keep_blank_values=True, encoding=encoding, errors="strict", max_num_fields=_MOST_FIELDS
            )
        except UnicodeDecodeError:
            continue
        except ValueError:  # more fields than any login has
            break
    return []


def first_of_each(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The first value that is not empty of each name."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if value:
            found.setdefault(plain_name(name), value)
    return found


def _json_object(body: bytes) -> list[tuple[str, str]]:
    try:
        value = json_value(body)
    except ValueError:
        return []
    return [(name, each) for name, each in value.items() if isinstance(each, str)] if isinstance(value, dict) else []


def _multipart(body: bytes, content_type: str) -> list[tuple[str, str]]:
    """Splits at the boundary only: a parser of whole mails goes into what a body has nested, however deep."""
    outer = Message()
    try:
        outer["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
        boundary = outer.get_boundary("")
        if not boundary:
            return []
        parts = body.split(b"--" + boundary.encode("utf-8", "surrogateescape"), _MOST_PARTS + 1)[1 : _MOST_PARTS + 1]
        return [pair for part in parts if (pair := _field_of(part))]
    except (ValueError, TypeError, LookupError, AttributeError):  # parameters that are none
        return []


def _field_of(part: bytes) -> tuple[str, str] | None:
    head, _, content = part.removeprefix(b"\r\n").lstrip(b"\n").partition(b"\r\n\r\n" if b"\r\n" in part else b"\n\n")
    message = BytesHeaderParser().parsebytes(head[:_LONGEST_HEAD] + b"\n\n")
    name = message.get_param("name", header="content-disposition")
    if not isinstance(name, str):
        return None
    message.set_payload(content.removesuffix(b"\n").removesuffix(b"\r").decode("ascii", "surrogateescape"))
    value = message.get_payload(decode=True)
    return (name, value.decode("utf-8", "replace")) if isinstance(value, bytes) else None
