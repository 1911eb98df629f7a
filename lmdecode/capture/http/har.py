"""HTTP archives (HAR), as browsers, Charles, Proxyman, HTTP Toolkit and mitmproxy export them, and Charles' own JSON.

They differ in nearly everything: bodies (`har_bodies`), forms as text or as parameters, addresses with or without a
host, names of headers in any case. Read one exchange at a time, so that memory does not grow with an archive, and one
that is cut short or damaged gives all that is whole.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Final
from urllib.parse import unquote_plus, urlencode, urlsplit

from lmdecode.capture.http.exchange import Exchange, Headers, Request, Response, SocketMessage, header, within
from lmdecode.capture.http.har_bodies import body_of
from lmdecode.capture.http.json_entries import Tally, entries
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Sender
from lmdecode.codec.speakers import is_cloud

_ESCAPE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_PIECE: Final = 1 << 18  # bytes
_WIDEST: Final = 4  # bytes of a character
_MATTERS: Final = b"lamarzocco"
_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_ADDRESS: Final = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_PORTS: Final = {"http": 80, "ws": 80}
_LONGEST: Final = 1e10  # milliseconds that an exchange may take: months, for a WebSocket
_LONGEST_NAME: Final = 80  # characters that name a connection
_SECONDS: Final = re.compile(r"\d{9,17}(?:\.\d{0,9})?", re.ASCII)


class HarError(LmdecodeError):
    """An archive that cannot be read, or not to its end; one line."""


def encoding_of(start: bytes) -> str:
    """Returns the encoding of JSON by its first bytes: `utf-8` if they do not say otherwise.

    >>> encoding_of('{"log"'.encode("utf-16-le")), encoding_of(b'{"log"')
    ('utf-16-le', 'utf-8')
    """
    for bom, encoding in _BOMS:
        if start.startswith(bom):
            return encoding
    match [byte != 0 for byte in start[:4]]:
        case [True, False, True, False]:
            return "utf-16-le"
        case [False, True, False, True]:
            return "utf-16-be"
        case [True, False, False, False]:
            return "utf-32-le"
        case [False, False, False, True]:
            return "utf-32-be"
        case _:
            return "utf-8"


def _is_of_the_cloud(host: str, _port: int, _path: str) -> bool:
    return is_cloud(host)


def read_har(
    file: BinaryIO,
    tell: Callable[[str], None] = lambda _: None,
    is_wanted: Callable[[str, int, str], bool] = _is_of_the_cloud,
) -> Iterator[Exchange]:
    """Yields all exchanges of an archive that can be read; of those that are not wanted only the address.

    Args:
        file: The archive, not compressed, in any encoding of Unicode.
        tell: Is given what there is to say about an archive that was read to its end.
        is_wanted: Returns True for the host, port and path of a request that is to be read.

    Raises:
        HarError: After the last exchange, if the file is not an archive, is cut short or damaged.
    """
    tally = Tally()
    count = 0
    for entry in entries(_pieces(file), tally, _MATTERS):
        found = _exchange(entry, is_wanted)
        if found is not None:
            count += 1
            yield found
    if tally.not_utf8:
        tell(f"{_requests(tally.not_utf8)} not in UTF-8: what is not UTF-8 was read as latin-1")
    wrong = []
    if tally.damaged:
        wrong.append(f"{_requests(tally.damaged)} damaged and left out")
    if tally.too_large:
        wrong.append(f"{_requests(tally.too_large)} far larger than the cloud's are and left out")
    if tally.cut_short:
        plural = "" if count == 1 else "s"
        wrong.append(f"it is damaged or cut short after {count} request{plural}; the requests before that are used")
    if wrong:
        raise HarError(f"{'; '.join(wrong)}: export it again")
    if not count:
        raise HarError("it has no requests (log.entries): it is not an HTTP archive, or an empty one")


def _requests(count: int) -> str:
    return f"{count:,} request is" if count == 1 else f"{count:,} requests are"


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The archive in UTF-8, whatever it is in."""
    piece = file.read(_PIECE)
    while 0 < len(piece) < _WIDEST and (more := file.read(_PIECE)):  # through a pipe they come one by one
        piece += more
    encoding = encoding_of(piece)
    if encoding in {"utf-8", "utf-8-sig"}:
        while piece:
            yield piece
            piece = file.read(_PIECE)
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    while piece:
        yield decoder.decode(piece).encode("utf-8", "replace")
        piece = file.read(_PIECE)


def _exchange(entry: object, is_wanted: Callable[[str, int, str], bool]) -> Exchange | None:
    """An archive's entry, or Charles' transaction; None if it is neither."""
    asked = within(entry, "request")
    if not isinstance(asked, dict):
        return None
    method, url = asked.get("method"), asked.get("url")
    if not isinstance(url, str) and isinstance(within(entry, "host"), str):  # Charles has these beside the request
        method, url = within(entry, "method"), _charles_url(entry)
    headers = _headers(asked)
    host, port, path = target(_text(url), headers)
    method = _text(method) or header(headers, ":method")
    if not is_wanted(host, port, path):  # of others nothing is read
        return Exchange(Request(method, host, path, port=port), None)
    data = asked.get("postData")
    body, headers = _request_body(asked.get("body") if data is None else data, headers)
    request = Request(method, host, path, headers, body, port)
    answer = _response(within(entry, "response"))
    messages = [*_socket_messages(within(entry, "_webSocketMessages") or within(entry, "webSocketMessages"))]
    begun, answered = _times(entry, answer)
    connection = within(entry, "connection")
    name = str(connection) if isinstance(connection, str | int) and len(str(connection)) < _LONGEST_NAME else ""
    return Exchange(request, answer, answered, begun, messages, name)


def _socket_messages(listed: object) -> Iterator[SocketMessage]:
    """The messages of a WebSocket, as Chrome has them and all who followed: bytes as base64."""
    for each in listed if isinstance(listed, list) else []:
        text = within(each, "data")
        if not isinstance(text, str):
            continue
        opcode = within(each, "opcode")
        is_text = opcode is None or str(opcode) == "1"
        data = text.encode("utf-8", "surrogatepass")
        if not is_text:
            with suppress(ValueError):
                data = base64.b64decode(text, validate=True)
        sender: Sender = "app" if _text(within(each, "type")) in {"send", "request", "sent"} else "machine"
        yield SocketMessage(moment(within(each, "time")), sender, data, is_text)


def _charles_url(entry: object) -> str:
    query = _text(within(entry, "query"))
    path = _text(within(entry, "path"))
    scheme = _text(within(entry, "scheme")) or "https"
    port = within(entry, "actualPort") or within(entry, "port")
    there = f":{port}" if isinstance(port, int) else ""
    return f"{scheme}://{_text(within(entry, 'host'))}{there}{path}" + (f"?{query}" if query else "")


def target(url: str, headers: Headers) -> tuple[str, int, str]:
    """Returns host and port that were asked, and the path with its query; a host of "" if it cannot be told.

    An address may be whole, begin with the host, or with the path. Then, and where a proxy saw a number only, the host
    is what the request's header says.
    """
    url = url.strip().replace("\\", "/")
    if not url or url == "*":
        url = header(headers, ":path")
    first = url.partition("/")[0].partition("?")[0]
    if is_cloud(first.rpartition("@")[2].partition(":")[0]):
        url = f"//{url}"
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return "", 0, ""
    port = _PORTS.get(parts.scheme, 443)
    with suppress(ValueError):
        port = parts.port or port
    said = _host_in(header(headers, ":authority")) or _host_in(header(headers, "host"))
    if not host or (not is_cloud(host) and is_cloud(said) and _ADDRESS.fullmatch(host)):
        host = said
    return host, port, f"{parts.path}?{parts.query}" if parts.query else parts.path


def _host_in(authority: str) -> str:
    try:
        return urlsplit(f"//{authority.strip()}").hostname or ""
    except ValueError:
        return ""


def _request_body(data: object, headers: list[tuple[str, str]]) -> tuple[bytes, list[tuple[str, str]]]:
    """The body, and headers that fit it."""
    if isinstance(data, str):
        data = {"text": data}
    text, said = _body_text(data)
    if text:
        body, headers = body_of(text, said, headers)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers = [*headers, ("content-type", _text(within(data, "mimeType")))]
        return body or b"", headers
    pairs = _pairs(within(data, "params"))
    if not pairs:
        return b"", headers
    # Some archives have them as they were sent, percent-encoded, and some as they were meant.
    if "urlencoded" in _text(within(data, "mimeType")) and any(_ESCAPE.search(value) for _, value in pairs):
        pairs = [(name, unquote_plus(value)) for name, value in pairs]
    kept = [(name, value) for name, value in headers if name.lower() not in {"content-type", "content-encoding"}]
    body = urlencode(pairs, errors="surrogatepass").encode()
    return body, [*kept, ("content-type", "application/x-www-form-urlencoded")]


def _body_text(data: object) -> tuple[object, str]:
    """The text of a body, and how it says that it is encoded: in an archive's way, Insomnia's, or Charles'."""
    said = _text(within(data, "encoding")) or _text(within(data, "_encoding"))
    encoded = within(data, "encoded")
    return (encoded, said or "base64") if isinstance(encoded, str) else (within(data, "text"), said)


def _response(answer: object) -> Response | None:
    if not isinstance(answer, dict):
        return None
    headers = _headers(answer)
    status = _status(answer.get("status")) or _status(header(headers, ":status"))
    if not status:
        return None  # 0 is what archives have for a connection that failed
    content = answer.get("content", answer.get("body"))
    text, said = _body_text({"text": content} if isinstance(content, str) else content)
    body, headers = body_of(text, said, headers)
    if body is None and within(content, "size") == 0:
        body = b""
    return Response(status, headers, body)


def _status(value: object) -> int:
    if isinstance(value, str) and len(value) == 3 and value.isascii() and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) and 100 <= value < 1000 else 0


def _headers(message: dict[str, object]) -> list[tuple[str, str]]:
    headers = message.get("headers", within(message, "header", "headers"))
    return _pairs(headers)


def _pairs(listed: object) -> list[tuple[str, str]]:
    """Names and values: of objects with these, of lists of two, or of one object, which is not by the book."""
    if isinstance(listed, dict):
        return [(name, _text(value)) for name, value in listed.items()]
    return [
        (_text(each[0]), _text(each[1]))
        if isinstance(each, list) and len(each) == 2
        else (_text(within(each, "name")), _text(within(each, "value")))
        for each in (listed if isinstance(listed, list) else [])
    ]


def _times(entry: object, answer: Response | None) -> tuple[datetime | None, datetime | None]:
    """When it was asked and answered, in any way that programs write it; else by the answer's own header."""
    begun = within(entry, "startedDateTime")
    if begun is None:
        begun = within(entry, "times", "start")
    asked = moment(begun) or (moment(header(answer.headers, "date")) if answer else None)
    answered = moment(within(entry, "times", "end"))
    lasted = within(entry, "time")
    if asked and not answered and isinstance(lasted, int | float) and 0 <= lasted < _LONGEST:
        with suppress(OverflowError):
            answered = asked + timedelta(milliseconds=lasted)
    return asked, answered or asked


def moment(value: object) -> datetime | None:
    """Returns a time that may be written in any way: ISO 8601, a mail's, or a number since 1970; None if it is none.

    >>> print(moment("2026-11-21T03:55:55.1741234+01:00"), moment(1795229755174))
    2026-11-21 02:55:55.174123+00:00 2026-11-21 02:55:55.174000+00:00
    """
    if isinstance(value, str) and _SECONDS.fullmatch(value.strip()):
        value = float(value)
    try:
        if isinstance(value, int | float):
            seconds = float(value)
            for unit in (1, 1e3, 1e6, 1e9):  # thousandths, millionths; a loop without an end would never leave infinity
                if 0 < seconds / unit < 1e11:
                    return datetime.fromtimestamp(seconds / unit, UTC)
            return None
        text = _text(value).strip()
        if not text or len(text) > 64:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = parsedate_to_datetime(text)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError, TypeError, IndexError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
