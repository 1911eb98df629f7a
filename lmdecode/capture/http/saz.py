"""Fiddler's sessions (SAZ): a zip with a file for each request and each answer, as they were on the wire."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import BinaryIO, Final

from lmdecode.capture.http.exchange import Exchange, Headers, Request, Response, header
from lmdecode.capture.http.har import moment, target
from lmdecode.capture.http.inflation import LARGEST
from lmdecode.codec.speakers import is_cloud

_REQUEST = re.compile(r"(?i:raw)[/\\](\d{1,9})_c\.txt", re.ASCII).fullmatch
_MOST: Final = 2 * LARGEST  # bytes of a message
_MOST_HEADERS: Final = 1 << 18  # bytes; servers take no more, and millions of headers would fill the memory
_CHUNK = re.compile(rb"\s*([0-9A-Fa-f]{1,7})[^\r\n]{0,200}\r?\n").match
_STATUS = re.compile(r"HTTP/[\d.]{1,5} +(\d{3})\b", re.ASCII).match


def is_saz(names: Iterable[str]) -> bool:
    """Returns True if a zip with these files is Fiddler's."""
    return any(_REQUEST(name) for name in names)


def read_saz(names: Sequence[str], opened: Callable[[str], BinaryIO]) -> Iterator[Exchange]:
    """Yields the exchanges of an archive, in its order; of other hosts than the maker's only the address.

    Args:
        names: Those of its files.
        opened: Opens one of them.

    Raises:
        Whatever `opened` raises of damaged files.
    """
    known = frozenset(names)
    for name in filter(_REQUEST, names):
        with opened(name) as file:
            asked = file.read(_MOST)
        answer = None
        answered = f"{name[: -len('_c.txt')]}_s.txt"
        if b"lamarzocco" in asked.lower() and answered in known:
            with opened(answered) as file:
                answer = file.read(_MOST)
        yield exchange_of(asked, answer)


def exchange_of(asked: bytes, answer: bytes | None) -> Exchange:
    """Return the exchange that the bytes of a request and of its answer describe.

    Args:
        asked: The request, as it was on the wire.
        answer: The answer; None if none was recorded.

    >>> exchange = exchange_of(b"GET https://cms.lamarzocco.io/api/customer HTTP/1.1", b"HTTP/1.1 200 OK")
    >>> exchange.request, exchange.response
    (<GET cms.lamarzocco.io/api/customer>, <answer 200>)
    """
    line, headers, body = _message(asked)
    method, _, rest = line.partition(" ")
    host, port, path = target(rest.partition(" ")[0], headers)
    if not is_cloud(host):
        return Exchange(Request(method[:20], host, path, port=port), None)
    response = None
    if answer is not None:
        status_line, answer_headers, answer_body = _message(answer)
        if status := _STATUS(status_line):
            response = Response(int(status[1]), answer_headers, answer_body)
    time = moment(header(response.headers, "date")) if response else None
    return Exchange(Request(method, host, path, headers, body, port), response, time, time)


def _message(raw: bytes) -> tuple[str, Headers, bytes]:
    """The first line, the headers and the body."""
    end, blank = min(
        ((at, mark) for mark in (b"\r\n\r\n", b"\n\n") if (at := raw.find(mark)) >= 0), default=(len(raw), b"")
    )
    first, *lines = raw[: min(end, _MOST_HEADERS)].decode("latin-1").splitlines() or [""]
    headers = [(name.strip(), value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
    body = raw[end + len(blank) :]
    if "chunked" in header(headers, "transfer-encoding").lower():
        body = _joined(body)
    return first, headers, body


def _joined(body: bytes) -> bytes:
    """A body without the lengths of its chunks; what has none is taken as it is, for some programs leave them out."""
    joined = bytearray()
    at = 0
    while chunk := _CHUNK(body, at):
        size = int(chunk[1], 16)
        if not size:
            break
        joined += body[chunk.end() : chunk.end() + size]
        at = chunk.end() + size
    return bytes(joined) if at else body
