"""v3, the local protocol of the second gateways (2022 to 2025): HTTP and WebSocket on TCP port 8081, without TLS.

The Linea Micra spoke it first, with a gateway v2; with gateway v3.1 (July 2023) the other machines do, and with v5
(March 2025) none does any more. The app asks for the configuration once and then listens to a stream of texts; nobody
has found a request that sets anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lmdecode.codec.dialect import Dialect, FieldKind, OwnerAccess, Speaker

PORT: Final = 8081
"""The TCP port of the gateways. Sources: lmcloud; a recording of the app."""
_PATHS: Final = ("/api/v1/config", "/api/v1/streaming")
_AT_HOME: Final = (".local", ".lan", ".home", ".home.arpa", ".localdomain", ".internal", ".fritz.box")
_STARTS: Final = (
    *(b"GET /api/v1/", b"POST /api/v1/", b"PUT /api/v1/", b"HEAD /api/v1/"),
    *(b"HTTP/1.", b"\x81", b"\xc1"),
)


def _sniff(payload: bytes) -> bool:
    """Return True if a segment begins as a request or an answer does, or as a frame of a WebSocket with text."""
    return payload.startswith(_STARTS)


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
