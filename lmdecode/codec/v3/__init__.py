"""v3, the local protocol of the second gateways (2022 to 2025): HTTP and WebSocket on TCP port 8081, without TLS.

The Linea Micra spoke it first, with a gateway v2; with gateway v3.1 (July 2023) the other machines do, and with v5
(March 2025) none does any more. The app asks for the configuration once and then listens to a stream of texts; nobody
has found a request that sets anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from lmdecode.codec.dialect import Dialect, FieldKind, OwnerAccess, Speaker

PORT: Final = 8081
"""The TCP port of the gateways. Sources: lmcloud; a recording of the app."""
CONFIG: Final = "/api/v1/config"
"""The path of the configuration."""
STREAMING: Final = "/api/v1/streaming"
"""The path of the stream."""
_PATHS: Final = (CONFIG, STREAMING)
_AT_HOME: Final = (".local", ".lan", ".home", ".home.arpa", ".localdomain", ".internal", ".fritz.box")
_REQUESTS: Final = tuple(method + b" /api/v1/" for method in (b"GET", b"POST", b"PUT", b"HEAD"))
_SWITCHED: Final = b"HTTP/1.1 101 "
_FIRST_NAME: Final = re.compile(
    rb"""\s*[\[{][\s\[{]*"(?:CoffeeBoiler|SteamBoiler|Boilers|Brewing|Flush|GroupCap|KeepAlive|Machine|Preinf|Sleep"""
    rb"""|System|TankStatus|WakeUp|name|value|version|machine)"""
)  # of a text of the stream, or of the configuration
_BARE: Final = frozenset(b"\xc1\x88\x89\x8a")
_LONGEST_HEAD: Final = 1000  # bytes of an answer's headers that are looked through


def _sniff(payload: bytes) -> bool:
    """Return True if a segment begins as a request, an answer or a frame of the stream does.

    Of what is on the web, little is ours: an answer must have our JSON, or agree on a WebSocket.
    """
    if payload.startswith((*_REQUESTS, _SWITCHED)):
        return True
    if payload.startswith(b"HTTP/1."):
        end = payload.find(b"\r\n\r\n", 0, _LONGEST_HEAD)
        return end >= 0 and _FIRST_NAME.match(payload, end + 4) is not None
    if payload[:1] in {b"\x81", b"\x01"} and len(payload) > 2:
        head = 4 if payload[1] == 126 else 2
        return payload[1] <= 126 and _FIRST_NAME.match(payload, head) is not None
    # A control frame, or a compressed text, and nothing else.
    return len(payload) > 1 and payload[0] in _BARE and _size(payload) == len(payload)


def _size(frame: bytes) -> int:
    """Return how many bytes a frame of a WebSocket has by its header."""
    size, head = frame[1] & 0x7F, 2 if frame[1] < 0x80 else 6
    if size < 126:
        return head + size
    return head + 2 + int.from_bytes(frame[2:4], "big") if size == 126 else 0


def _serves(host: str, port: int, path: str) -> bool:
    return (port == PORT or path.partition("?")[0] in _PATHS) and _is_at_home(host)


def _is_at_home(host: str) -> bool:
    """Return whether a host is in a network of its owner's: what others have on such a port, or path, is theirs."""
    from ipaddress import ip_address  # noqa: PLC0415 -- only recordings of HTTP need it

    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        name = host.removesuffix(".")
        return "." not in name or name.endswith(_AT_HOME)


def _open(access: OwnerAccess) -> Speaker:
    from lmdecode.codec.v3.conversation import speaker  # noqa: PLC0415 -- not every command decodes

    return speaker(access)


def _sniff_log(text: bytes) -> bool:
    from lmdecode.codec.v3.log import looks_like_log  # noqa: PLC0415 -- as above

    return looks_like_log(text)


def _fields() -> Mapping[str, FieldKind]:
    from lmdecode.codec.vocabulary import fields_of  # noqa: PLC0415 -- as above

    return fields_of("v3")


DIALECT: Final = Dialect(
    name="v3",
    title="the local protocol of gateways v2 and v3, HTTP and WebSocket",
    ports=(PORT,),
    sniff=_sniff,
    open=_open,
    fields=_fields,
    sniff_log=_sniff_log,
    serves=_serves,
)
