"""HTTP archives (HAR), as browsers, Charles, Proxyman, HTTP Toolkit and mitmproxy export them.

They differ: bodies as text or base64, forms as text or as parameters, decompressed while the headers say otherwise, and
header names in any case. Read one exchange at a time, so an archive that is cut short gives what it has.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, Final
from urllib.parse import unquote_plus, urlencode, urlsplit

import ijson

from lmdecode.cloud.http import Exchange, Request, Response, within
from lmdecode.codec.errors import LmdecodeError

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_COMPRESSED: Final = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # gzip, zstd


class HarError(LmdecodeError):
    """An archive that cannot be read, or not to its end; one line."""


def read_har(file: BinaryIO) -> Iterator[Exchange]:
    """All exchanges of an archive that can be read.

    Raises:
        HarError: After the last of them, if the file is not an archive, is cut short or damaged.
    """
    count = 0
    try:
        for entry in ijson.items(file, "log.entries.item", use_float=True):
            count += 1
            exchange = _exchange(entry)
            if exchange is not None:
                yield exchange
    except (ijson.JSONError, ValueError):  # ValueError: not UTF-8
        raise HarError(
            f"it is damaged or cut short after {count} requests; the requests before that are used: export it again"
        ) from None
    if not count:
        raise HarError("it has no requests (log.entries): it is not an HTTP archive, or an empty one")


def _exchange(entry: object) -> Exchange | None:
    asked = within(entry, "request")
    if not isinstance(asked, dict):
        return None
    try:
        url = urlsplit(_text(asked.get("url")))
        host = url.hostname or ""
    except ValueError:
        return None
    path = f"{url.path}?{url.query}" if url.query else url.path
    body, headers = _request_body(asked.get("postData"), _headers(asked))
    request = Request(_text(asked.get("method")), host, path, headers, body)
    return Exchange(request, _response(within(entry, "response")), _time(entry))


def _request_body(data: object, headers: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    """The body, and headers that fit it."""
    text = within(data, "text")
    if isinstance(text, str) and text:
        # Chrome and HTTP Toolkit have the text, Insomnia and others say base64 in a field of their own.
        said = _text(within(data, "encoding")) or _text(within(data, "_encoding"))
        body, headers = _body(text, said, headers)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = [*headers, ("content-type", _text(within(data, "mimeType")))]
        return body, headers
    params = within(data, "params")
    pairs = [
        (_text(within(each, "name")), _text(within(each, "value")))
        for each in (params if isinstance(params, list) else [])
    ]
    # Some archives have them as they were sent, percent-encoded, and some as they were meant.
    if "urlencoded" in _text(within(data, "mimeType")) and any(_ESCAPE.search(value) for _, value in pairs):
        pairs = [(name, unquote_plus(value)) for name, value in pairs]
    kept = [(name, value) for name, value in headers if name.lower() not in {"content-type", "content-encoding"}]
    return urlencode(pairs).encode(), [*kept, ("content-type", "application/x-www-form-urlencoded")]


def _response(answer: object) -> Response | None:
    status = within(answer, "status")
    if not isinstance(answer, dict) or not isinstance(status, int | float) or not status:
        return None  # 0 is what archives have for a connection that failed
    headers = _headers(answer)
    text = within(answer, "content", "text")
    if not isinstance(text, str):
        return Response(int(status), headers, None)
    body, headers = _body(text, _text(within(answer, "content", "encoding")), headers)
    return Response(int(status), headers, body)


def _body(text: str, said: str, headers: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    body = text.encode("utf-8", "surrogatepass")
    if said.lower() == "base64":
        with contextlib.suppress(binascii.Error, ValueError):
            body = base64.b64decode(text)
        if body.startswith(_COMPRESSED):
            return body, headers
    # An archive's bodies are decompressed, and the headers are those of before.
    return body, [(name, value) for name, value in headers if name.lower() != "content-encoding"]


def _headers(message: dict[str, object]) -> list[tuple[str, str]]:
    headers = message.get("headers")
    if isinstance(headers, dict):  # not by the book, and yet exported by some
        return [(name, _text(value)) for name, value in headers.items()]
    pairs = headers if isinstance(headers, list) else []
    return [(_text(within(each, "name")), _text(within(each, "value"))) for each in pairs]


def _time(entry: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(_text(within(entry, "startedDateTime")))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
