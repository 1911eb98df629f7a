"""An HTTP request and its answer, whoever recorded them. They hold secrets, so neither shows what it holds."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesParser
from enum import Enum, auto
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from typing import Final
from urllib.parse import parse_qsl, unquote

from lmdecode.cloud.findings import Problem, Trouble


class CloudEndpoint(Enum):
    """What is asked for."""

    TOKEN = auto()
    """A login, or the renewal of one."""
    CUSTOMER = auto()
    """The account, with all machines and their keys."""
    OTHER = auto()
    """Something without credentials, apart from what the headers may have."""


CLOUD_HOST: Final = "cms.lamarzocco.io"
TOKEN_PATH: Final = "/oauth/v2/token"  # noqa: S105 -- a path
CUSTOMER_PATH: Final = "/api/customer"

_ENDPOINTS: Final = {
    (CLOUD_HOST, TOKEN_PATH): CloudEndpoint.TOKEN,
    (CLOUD_HOST, CUSTOMER_PATH): CloudEndpoint.CUSTOMER,
    ("gw.lamarzocco.io", "/v1/home/machines"): CloudEndpoint.OTHER,
}

HOSTS: Final = frozenset(host for host, _ in _ENDPOINTS)
"""The only hosts whose traffic is looked at."""


def is_watched(host: str | None) -> bool:
    """Whether a host is one of the maker's: exactly, for `cms.lamarzocco.io.example.com` is anybody's."""
    return host is not None and _plain(host) in HOSTS


def endpoint(host: str, path: str) -> CloudEndpoint | None:
    """What a request asks for, or None if it is not the maker's cloud that is asked."""
    if not is_watched(host):
        return None
    way = "/" + "/".join(part for part in unquote(path.partition("?")[0]).split("/") if part)
    return _ENDPOINTS.get((_plain(host), way), CloudEndpoint.OTHER)


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


Headers = Sequence[tuple[str, str]]
"""Names, in any case, and values, in the order in which they were sent."""


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """What a client sent."""

    method: str
    host: str
    """Without the port."""
    path: str
    """With the query, if there is one."""
    headers: Headers = ()
    body: bytes = b""
    """As it was sent: still compressed, if the headers say so."""

    def __repr__(self) -> str:
        return f"<{self.method} {self.host}{self.path.partition('?')[0]}>"


@dataclass(frozen=True, slots=True, repr=False)
class Response:
    """What the cloud answered."""

    status: int
    headers: Headers = ()
    body: bytes | None = b""
    """None if whoever recorded it left it out."""

    def __repr__(self) -> str:
        return f"<answer {self.status}>"

    @property
    def accepted(self) -> bool:
        """Whether the cloud did as it was asked."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its answer."""

    request: Request
    response: Response | None
    """None if there was none."""
    time: datetime | None = None
    """When it was answered."""


_MOST: Final = 32 << 20  # bytes; a fleet has thousands, and a body that unpacks to more is an attack
_MOST_FIELDS: Final = 1000


class _UnreadableError(ValueError):
    """A body that cannot be decompressed."""


def header(headers: Headers, name: str) -> str:
    """A header's first value, or nothing."""
    return next((value for each, value in headers if each.lower() == name), "")


def plain_name(name: str) -> str:
    """A field's name without what writers differ in: `client_id`, `Client-Id` and `clientId` are one."""
    return name.strip().lower().replace("_", "").replace("-", "")


def within(value: object, *path: str) -> object:
    """What an unpacked JSON value has at a path of names; None where there is nothing such."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def inflated(body: bytes, headers: Headers, what: str) -> tuple[bytes, Problem | None]:
    """A body without its compression, and what was wrong with that.

    A body that is readable though its headers say that it is compressed is taken as it is: proxies and browsers store
    it so.
    """
    codings = [each.strip().lower() for each in header(headers, "content-encoding").split(",")]
    try:
        for coding in reversed(codings):
            body = _decoder(coding)(body) if body else body
    except _UnreadableError as error:
        readable = body.lstrip()[:1] in {b"{", b"[", b"<"} or (b"=" in body[:64] and body[:64].isascii())
        rest = "it is read as it is" if readable else "so it is not read; log out and in again in the app"
        return body if readable else b"", Problem(Trouble.BAD_ENCODING, f"{what} {error}; {rest}")
    return body, None


def json_value(body: bytes) -> object:
    """A JSON body's value.

    Raises:
        ValueError: It is not JSON. The error does not hold the body.
    """
    try:
        return json.loads(body.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def fields(body: bytes, headers: Headers) -> dict[str, str]:
    """The text fields of a form, JSON object or multipart body, by their plain names; of several the first not empty.

    What the body is says its first character rather than its headers, apart from multipart, which needs them.
    """
    content_type = header(headers, "content-type")
    if content_type.lower().lstrip().startswith("multipart/"):
        pairs = _multipart(body, content_type)
    elif body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        pairs = _json_object(body)
    else:
        pairs = form(body)
    return first_of_each(pairs)


def form(body: bytes | str) -> list[tuple[str, str]]:
    """The fields of a urlencoded form, or of a query."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    try:
        return parse_qsl(text.strip("\r\n"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:  # more fields than any login has
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
    start = b"Content-Type: " + content_type.encode("latin-1", "replace") + b"\r\n\r\n"
    pairs = []
    for part in BytesParser().parse(BytesIO(start + body)).walk():
        name = part.get_param("name", header="content-disposition")
        value = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            pairs.append((name, value.decode("utf-8", "replace")))
    return pairs


def _decoder(coding: str) -> Callable[[bytes], bytes]:
    decoders: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        "identity": bytes,
        "gzip": _gzip,
        "x-gzip": _gzip,
        "deflate": _deflate,
        "zstd": _zstd,
        "br": _brotli,
    }
    if coding not in decoders:
        raise _UnreadableError("is compressed in an unknown way")
    return decoders[coding]


def _gzip(body: bytes) -> bytes:
    return _unzipped(body, 31, "gzip")


def _deflate(body: bytes) -> bytes:
    try:
        return _unzipped(body, 15, "deflate")
    except _UnreadableError:  # what many servers send as deflate: without zlib's header
        return _unzipped(body, -15, "deflate")


def _unzipped(body: bytes, window: int, name: str) -> bytes:
    machine = zlib.decompressobj(window)
    try:
        plain = machine.decompress(body, _MOST)
    except zlib.error:
        raise _UnreadableError(f"claims to be {name}, but is not") from None
    return _within_limits(plain, name, whole=machine.eof)


def _zstd(body: bytes) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError  # noqa: PLC0415 -- few bodies need it

    try:
        plain = ZstdDecompressor().stream_reader(body).read(_MOST)
    except ZstdError:
        raise _UnreadableError("claims to be zstd, but is not") from None
    return _within_limits(plain, "zstd", whole=True)


def _brotli(body: bytes) -> bytes:
    name = next((each for each in ("brotli", "brotlicffi") if find_spec(each)), None)
    if name is None:
        raise _UnreadableError("is compressed with brotli, which needs: pip install brotli")
    library = import_module(name)
    try:
        plain = library.decompress(body)
    except library.error:
        raise _UnreadableError("claims to be br (brotli), but is not") from None
    return _within_limits(plain, "br", whole=True)


def _within_limits(plain: bytes, name: str, *, whole: bool) -> bytes:
    if len(plain) >= _MOST:
        raise _UnreadableError(f"is {name} that unpacks to more than {_MOST >> 20} MB")
    if not whole:
        raise _UnreadableError(f"is {name} that is cut short")
    return plain
