"""The bodies of HTTP archives: what a program wrote down as text, and the bytes that were meant.

The format has a text and says that it may be base64. Programs write base64 without saying so, say so and write text,
wrap it in lines, leave its padding out, store what was compressed as it came, or decompressed beside a header that
still says gzip. So what a body says of itself counts less than what it is: text that is no JSON, is valid base64 and
is JSON once decoded leaves no doubt.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Final

from lmdecode.capture.http.bodies import fields, json_value
from lmdecode.capture.http.exchange import Headers, header
from lmdecode.capture.http.inflation import LARGEST, UnreadableError, inflate

_DATA_URL = re.compile(r"data:[\w/.+-]{0,80}(?:;[\w=.-]{1,40}){0,4},", re.ASCII).match
_BLANK = re.compile(r"\s+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}", re.ASCII).fullmatch
_SHORTEST: Final = 8  # characters of base64 that nobody says is base64
_TWICE: Final = 2  # how often a body may be base64: a proxy's, in an archive that encodes once more
_LARGEST_TEXT: Final = 2 * LARGEST  # characters of base64, its line ends too
_BLANK_BYTES: Final = b"\xef\xbb\xbf \t\r\n"
_MAGIC: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x78\x01": "deflate",
    b"\x78\x9c": "deflate",
    b"\x78\xda": "deflate",
}
_KNOWN: Final = frozenset(("clientid", "clientsecret", "username", "password", "granttype"))


def body_of(text: object, said: str, headers: Headers) -> tuple[bytes | None, list[tuple[str, str]]]:
    """Returns a body's bytes, and headers that fit them; None if the archive does not have it.

    Args:
        text: The value of the archive's `text`; some programs have the JSON itself there.
        said: How the archive says that it is encoded: `base64`, or nothing.
        headers: Those that were recorded.
    """
    if isinstance(text, dict | list):
        return json.dumps(text).encode(), _without_coding(headers)
    if not isinstance(text, str):
        return None, list(headers)
    body = text.encode("utf-8", "surrogatepass")
    if (magic := _unpacked(text[:4])) and _coding_of(magic):  # bytes that were written as characters
        body = _unpacked(text) or body
    for _ in range(_TWICE):
        decoded = _decoded(text, headers, believed=said.lower().startswith("base64"))
        if decoded is None:
            break
        body, said = decoded, ""
        try:
            text = decoded.decode("ascii")
        except UnicodeDecodeError:
            break
    return _with_coding(body, headers)


def _decoded(text: str, headers: Headers, *, believed: bool) -> bytes | None:
    """The bytes that a text is the base64 of, or None if it is text."""
    if len(text) > _LARGEST_TEXT:
        return None
    if start := _DATA_URL(text):
        believed = believed or ";base64" in start[0]
        text = text[start.end() :]
    digits = _BLANK.sub("", text).strip('"').replace("\\n", "")
    if len(digits) < _SHORTEST and not believed:
        return None
    if not _BASE64(digits):
        return None
    digits = digits.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        decoded = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if believed or _says_something(decoded, headers) else None


def _says_something(body: bytes, headers: Headers) -> bool:
    """Whether bytes are what only a body can be: JSON, a page, a login's form, or any of these compressed."""
    plain = body
    coding = _coding_of(body) or header(headers, "content-encoding")
    if coding:
        try:
            plain = inflate(body, coding)
        except UnreadableError:
            plain = body
    if len(plain) > LARGEST:
        return False
    start = plain.lstrip(_BLANK_BYTES)[:1]
    if start == b"<" or (start == b"-" and "multipart" in header(headers, "content-type").lower()):
        return True
    try:
        return isinstance(json_value(plain), dict | list)
    except ValueError:
        return bool(_KNOWN & fields(plain, ()).keys())


def _with_coding(body: bytes, headers: Headers) -> tuple[bytes, list[tuple[str, str]]]:
    """Headers that say how a body is compressed, if it is: archives keep those of before it was decompressed."""
    coding = _coding_of(body)
    said = header(headers, "content-encoding")
    if coding and coding not in said.lower():
        said = coding
    elif said and not coding and (_is_text(body) or not _may_be(body, said)):
        said = ""
    kept = _without_coding(headers)
    return body, [*kept, ("content-encoding", said)] if said else kept


def _may_be(body: bytes, coding: str) -> bool:
    try:
        inflate(body, coding)
    except UnreadableError as error:
        return "more than" in str(error)
    return True


def _coding_of(body: bytes) -> str:
    """How a body is compressed by what it begins with; brotli has no mark, and has JSON if it can be unpacked to it."""
    for magic, coding in _MAGIC.items():
        if body.startswith(magic):
            return coding
    if _is_text(body):
        return ""
    try:
        return "br" if isinstance(json_value(inflate(body, "br")), dict | list) else ""
    except ValueError:
        return ""


def _is_text(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in body


def _unpacked(text: str) -> bytes | None:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return None


def _without_coding(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() != "content-encoding"]
