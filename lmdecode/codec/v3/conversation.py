"""One connection to a gateway of v3: as bytes of TCP, or as requests, answers and messages of a WebSocket."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from lmdecode.codec.dialect import Conversation, MachineKey, OwnerAccess, Place, Simple, Tally
from lmdecode.codec.record import Kind, Record, Role, Sender
from lmdecode.codec.v3 import CONFIG, STREAMING
from lmdecode.codec.web import HttpRequest, HttpResponse, header
from lmdecode.codec.web_records import Route, WebRecords

if TYPE_CHECKING:
    from lmdecode.codec.v3.log import Log

_STREAM: Final = "WebSocket"
_WRAPPED: Final = "MachineConfiguration"
_WRAPPED_WITHIN: Final = 60  # characters of a text in which its only name stands
ENCRYPTED: Final = (
    "this connection is encrypted (TLS), as with commercial machines: nothing of it can be read from packets; "
    "what such a machine says to the cloud can be recorded with mitmproxy"
)
_NOT_LOADED: Final = (
    "refused with status 403: the machine has no token yet, as after each power-up, or another one; open the maker's "
    "app, which has the cloud load the token into the machine, wait a few seconds and ask again"
)
_NOT_ITS_KEY: Final = (
    "refused with status 401: the token is not this machine's key, but another machine's, or an old one"
)


def _route(_method: str, path: str) -> Route | None:
    if path == CONFIG:
        return Route(Kind.READ, answered="configuration")
    if path == STREAMING:
        return Route(Kind.STREAM)
    return None


class Web(WebRecords):
    """Requests, answers and the texts of the stream.

    Args:
        place: Where the connection is.
        tally: Counts are added to it.
        keys: The keys of the machines, which are the tokens that the app sends.
        show_secrets: Whether secrets stay readable.
    """

    def __init__(
        self, place: Place, tally: Tally, *, keys: Sequence[MachineKey] = (), show_secrets: bool = False
    ) -> None:
        super().__init__("v3", _route, place, tally, show_secrets=show_secrets)
        self._keys = keys if len(keys) > 1 else ()
        self._stream = _STREAM

    def request(self, time_ns: int, request: HttpRequest, number: int = 0) -> Sequence[Record]:
        """Take a request. Its token says which of several machines it is for."""
        if self._keys:
            self.machine = _machine_of(header(request.headers, "authorization"), self._keys) or self.machine
        if header(request.headers, "upgrade").lower() == "websocket" or request.path == STREAMING:
            self._stream = f"{_STREAM} {request.path.partition('?')[0]}"
        return super().request(time_ns, request, number)

    def refused(self, response: HttpResponse) -> str:
        """Return why a request was refused, and what to do."""
        return {401: _NOT_ITS_KEY, 403: _NOT_LOADED}.get(response.status) or super().refused(response)

    def message(
        self, time_ns: int, sender: Sender, data: bytes, *, is_text: bool = True, problems: Sequence[str] = ()
    ) -> Sequence[Record]:
        """Take one text of the stream."""
        source, unwrap = "stream", _joined
        if not is_text:
            source, problems = "", (*problems, "a message of bytes, where only text is known")
        elif _WRAPPED.encode() in data[:_WRAPPED_WITHIN]:
            source, unwrap = "configuration", _unwrapped
        role: Role = "request" if sender == "app" else "report"
        return [
            self.made(
                time_ns,
                sender,
                Kind.STREAM,
                role,
                self._stream,
                data,
                source=source,
                unwrap=unwrap,
                content_type="application/json" if is_text else "",
                problems=problems,
            )
        ]


def _machine_of(authorization: str, keys: Iterable[MachineKey]) -> str | None:
    """Return the name of the machine whose key a request has as its token; None if it is nobody's.

    A key has 32 bytes, which HTTP carries as they are, or as the UTF-8 of the characters with these numbers.
    """
    token = authorization.partition(" ")[2].strip()
    spellings = [token.encode("latin-1", "replace")]
    with suppress(UnicodeError):
        spellings.append(spellings[0].decode().encode("latin-1"))
    return next((name for name, key in keys if key.secret in spellings), None)


def _joined(value: object) -> object:
    """Return one object of a list of objects with one member each, or with members `name` and `value`.

    If a name comes twice, its last value counts, for it is the newest. Those before it get a name without a row, so
    that they are shown whole.

    >>> _joined([{"MachineMode": "StandBy"}, {"name": "MachineMode", "value": "BrewingMode"}])
    {'MachineMode': 'BrewingMode', 'MachineMode (before)': ['StandBy']}
    """
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return value
    joined: dict[str, object] = {}
    before: dict[str, list[object]] = {}
    for each in value:
        for name, new in ((str(each["name"]), each["value"]),) if each.keys() == {"name", "value"} else each.items():
            if name in joined:
                before.setdefault(f"{name} (before)", []).append(joined[name])
            joined[name] = new
    return {**joined, **before}


def _unwrapped(value: object) -> object:
    """Return the configuration in a text that has nothing else."""
    value = _joined(value)
    if not isinstance(value, dict) or len(value) != 1:
        return value
    inner = value.get(_WRAPPED)
    if not isinstance(inner, str):
        return value if inner is None else inner
    try:
        found: object = json.loads(inner)
    except (ValueError, RecursionError):
        return value
    return found


class Speaker(Simple):
    """v3, with an owner's keys in it, which only say whose connection it is: nothing is encrypted."""

    def __init__(self, access: OwnerAccess) -> None:
        def web(place: Place, tally: Tally) -> Web:
            return Web(place, tally, keys=access.keys, show_secrets=access.show_secrets)

        def converse(place: Place, tally: Tally) -> Conversation[Record]:
            from lmdecode.codec.http_connection import HttpConnection  # noqa: PLC0415 -- h11 and wsproto take a while to load

            return HttpConnection(web(place, tally), tally, ENCRYPTED)

        def log(place: Place, tally: Tally) -> Log:
            from lmdecode.codec.v3.log import Log  # noqa: PLC0415 -- neither captures nor live machines need it

            return Log(web(place, tally))

        super().__init__(converse, web=web, log=log)

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:  # noqa: ARG002
        """Return why no message could be read."""
        if tally.messages or not (tally.bytes_skipped or tally.bytes_missing):
            return None
        return (
            "no HTTP or WebSocket message in what was said on the port of gateway version 3: if it is not "
            "encrypted, capture with tcpdump -s 0, from before the app connects"
        )


def speaker(access: OwnerAccess) -> Speaker:
    """Return the dialect with an owner's access in it."""
    return Speaker(access)
