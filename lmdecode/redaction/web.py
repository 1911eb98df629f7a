"""Requests, answers and WebSocket messages without secrets.

Of headers a list is kept; a cookie, a trace id or the name of a proxy in another one is nobody's business. Bodies come
with all encodings undone, and leave so: the headers say what is there now.
"""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from lmdecode.codec.speakers import is_cloud
from lmdecode.codec.stomp import Frame
from lmdecode.codec.web import Headers, HttpRequest, HttpResponse, header
from lmdecode.redaction.signing import Signatures
from lmdecode.redaction.substitutions import Kind, is_ip
from lmdecode.redaction.values import Values
from lmdecode.redaction.words import HARMLESS, is_word, known_words

_PLAIN: Final = frozenset(
    ("accept", "connection", "upgrade", "sec-websocket-version", "sec-websocket-protocol", "transfer-encoding")
)
"""Headers that are kept if their values are words."""
_SECRET: Final = {
    "authorization": Kind.SECRET,
    "x-request-signature": Kind.SIGNATURE,
    "x-request-proof": Kind.SIGNATURE,
    "x-app-installation-id": Kind.ID,
    "x-nonce": Kind.ID,
}
_FIXED: Final = {
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
}
"""The handshake of RFC 6455's example, which fits itself."""
_WORDS: Final = re.compile(r"[A-Za-z0-9*/+.=; ,-]{1,80}\Z").match
_CONTENT_TYPE: Final = re.compile(
    r"[a-z]{1,20}/[a-z0-9.+-]{1,40}(?:; ?charset=[A-Za-z0-9-]{1,20})?\Z", re.IGNORECASE
).match
_AGENT: Final = re.compile(r"[A-Za-z][A-Za-z ._-]{0,30}/[0-9][0-9A-Za-z.]{0,20}").match
_SEGMENT: Final = re.compile(r"[A-Za-z][A-Za-z_-]{0,60}\Z|v[0-9]{1,2}\Z|[0-9]{1,3}\Z").match
_FORM: Final = "application/x-www-form-urlencoded"
_STOMP_PLAIN: Final = frozenset(("accept-version", "version", "heart-beat", "ack", "content-type", "receipt"))


class Web:
    """What becomes of HTTP and WebSocket messages.

    Args:
        values: What becomes of the values in them.
    """

    def __init__(self, values: Values) -> None:
        self._values = values
        self._signatures = Signatures(values.table)
        self.bodies_left_out = 0
        """Bodies of a kind that is not understood."""

    def request(self, request: HttpRequest) -> HttpRequest:
        """Return a request without secrets. Its headers say the length of its body."""
        body = self._body(request.headers, request.body)
        made = HttpRequest(
            request.method if is_word(request.method) else "GET",
            self.host(request.host),
            self.path(request.path),
            self._headers(request.headers, body),
            body,
        )
        return self._signatures.signed(request, made)

    def response(self, response: HttpResponse) -> HttpResponse:
        """Return an answer without secrets. Its headers say the length of its body."""
        body = self._body(response.headers, response.body or b"")
        headers = self._headers(response.headers, body, is_answer=response.status >= 200)
        return HttpResponse(response.status, headers, body)

    def message(self, data: bytes, *, is_text: bool) -> bytes | None:
        """Return a message of a WebSocket without secrets; None if it is not understood."""
        if not is_text:
            return None
        text = data.decode("utf-8", "replace")
        if not text.strip("\r\n\0"):
            return text.encode()
        changed = self._values.document(text)
        return changed.encode() if changed else None

    def host(self, host: str) -> str:
        """Return a host: the maker's as it is, others by what stands for them."""
        if is_cloud(host):
            return host
        return self._values.table.of(Kind.IP if is_ip(host) else Kind.HOST, host)

    def path(self, path: str) -> str:
        """Return a path with its query: identifiers in it replaced, words kept."""
        from urllib.parse import unquote  # noqa: PLC0415 -- beside its only use

        place, mark, query = path.partition("?")
        pieces = [quote(self._segment(unquote(each)), safe="*:@") for each in place.split("/")]
        if not mark:
            return "/".join(pieces)
        pairs = [
            (self._values.key(name), self._values.text(name, value))
            for name, value in parse_qsl(query, keep_blank_values=True)
        ]
        return f"{'/'.join(pieces)}?{urlencode(pairs)}"

    def _segment(self, text: str) -> str:
        if not text or text in known_words() or _SEGMENT(text):
            return self._values.caught(text)
        return self._values.text("", text)

    def _headers(self, headers: Headers, body: bytes, *, is_answer: bool = False) -> Headers:
        kept: list[tuple[str, str]] = []
        for name, value in headers:
            changed = self._header(name.lower(), value)
            if changed is not None:
                kept.append((name, changed))
        is_upgrade = bool(header(headers, "upgrade"))
        if body or (is_answer and not is_upgrade):
            kept.append(("Content-Length", str(len(body))))
        return kept

    def _header(self, name: str, value: str) -> str | None:  # noqa: PLR0911 -- one header after the other
        """Return what becomes of the value of a header; None if the header is left out."""
        if name in _FIXED:
            return _FIXED[name]
        if name == "transfer-encoding":
            return None  # bodies are whole
        if name == "host":
            host, colon, port = value.rpartition(":")
            return f"{self.host(host)}:{port}" if colon and port.isdigit() else self.host(value)
        if name == "content-type":
            return value if _CONTENT_TYPE(value) else None
        if name == "user-agent":
            found = _AGENT(value)
            return None if found is None else self._values.caught(found[0])
        if name == "x-timestamp":
            return value if value.isdigit() else None
        if name == "authorization":
            return self._authorization(value)
        if name in _SECRET:
            return self._values.table.of(_SECRET[name], value)
        if name in _PLAIN and _WORDS(value):
            return self._values.caught(value)
        return None

    def _authorization(self, value: str) -> str:
        scheme, _, rest = value.partition(" ")
        if scheme == "Basic" and rest:
            try:
                user, colon, password = base64.b64decode(rest, validate=True).decode().partition(":")
            except ValueError:
                return self._values.secret(value)
            pair = f"{self._values.table.of(Kind.SECRET, user)}{colon}{self._values.table.of(Kind.SECRET, password)}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        return self._values.secret(value)

    def _body(self, headers: Headers, body: bytes) -> bytes:
        if not body:
            return b""
        text = body.decode("utf-8", "replace")
        if header(headers, "content-type").lower().startswith(_FORM) or (
            header(headers, "content-type") == "" and re.match(r"[A-Za-z_]{1,30}=[^\s{\[]*\Z", text)
        ):
            pairs = parse_qsl(text, keep_blank_values=True)
            changed = [(self._values.key(name), self._values.text(name, value)) for name, value in pairs]
            return urlencode(changed).encode()
        if text.lstrip()[:1] in {"{", "[", '"'} or HARMLESS(text.strip()) or text.strip() in known_words():
            return self._values.document(text).encode()
        self.bodies_left_out += 1
        return b""

    def stomp(self, frame: Frame) -> bytes | None:
        """Return a STOMP frame without secrets; None if its command is unknown."""
        if not frame.command:
            return None
        body = self._values.document(frame.body.decode("utf-8", "replace")).encode() if frame.body else b""
        lines = [frame.command]
        for name, value in frame.headers:
            changed = self._stomp_header(name, value, len(body))
            if changed is not None:
                lines.append(f"{name}:{changed}")
        return "\n".join(lines).encode() + b"\n\n" + body + b"\0"

    def _stomp_header(self, name: str, value: str, length: int) -> str | None:  # noqa: PLR0911 -- as above
        lower = name.lower()
        if lower == "content-length":
            return str(length)
        if lower == "authorization":
            return self._authorization(value)
        if lower == "host":
            return self.host(value)
        if lower == "destination":
            return self.path(value)
        if lower in {"id", "subscription"}:
            return self._values.table.of(Kind.ID, value)
        if lower == "message-id":
            session, dash, number = value.rpartition("-")
            if dash and number.isdigit():
                return f"{self._values.table.of(Kind.ID, session)}-{number}"
            return self._values.table.of(Kind.ID, value)
        return value if lower in _STOMP_PLAIN and _WORDS(value) else None
