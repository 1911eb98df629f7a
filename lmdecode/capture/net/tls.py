"""TLS that nobody can read here: with which host it is, as the client's first message says in plain.

Today's machines and apps speak with the maker's cloud in TLS only, so a capture of the LAN has nothing to decode.
Whoever made it has to be told so, by the name of the host (SNI), rather than that nothing is there.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, TypeAlias

from lmdecode.capture.net.packet import SYN, Endpoint, Segment

MAKER: Final = (b".lamarzocco.io", b".lamarzocco.com")
"""How the names of the maker's hosts end."""

_CLIENT_HELLO: Final = 1
_SERVER_NAME: Final = 0
_FIXED: Final = 34  # bytes of version and random
_LONGEST: Final = 1 << 14  # bytes of a client's first message; with keys of many kinds it has 2,000
_MOST_PIECES: Final = 32  # segments that it comes in
_MOST_WAITING: Final = 500  # connections whose first message is not whole yet
_MOST_FOUND: Final = 10_000  # connections with the maker whose last packet is looked for

_Ends: TypeAlias = tuple[Endpoint, Endpoint]


def server_name(data: bytes) -> bytes | None:
    """Return the host that a client names in the beginning of a TLS connection, in lower case.

    Returns:
        b"" if it names none, or if this is no TLS; None if more bytes are needed to tell.
    """
    hello = b""
    at = 0
    while True:
        head = data[at : at + 5]
        if head[:1] not in {b"", b"\x16"} or head[1:2] not in {b"", b"\x03"}:
            return b""
        if len(head) < 5:
            return None
        length = int.from_bytes(head[3:5])
        if not length:
            return b""
        hello += data[at + 5 : at + 5 + length]
        at += 5 + length
        if hello and hello[0] != _CLIENT_HELLO:
            return b""
        size = 4 + int.from_bytes(hello[1:4])
        if len(hello) >= max(size, 5):
            return _name_in(hello[4:size])
        if at > len(data):
            return None


def _name_in(hello: bytes) -> bytes:
    at = _FIXED
    for size in (1, 2, 1):  # session, ciphers, compressions
        at += size + int.from_bytes(hello[at : at + size])
    end = min(at + 2 + int.from_bytes(hello[at : at + 2]), len(hello))
    at += 2
    while at + 4 <= end:
        kind, length = int.from_bytes(hello[at : at + 2]), int.from_bytes(hello[at + 2 : at + 4])
        at += 4
        if kind == _SERVER_NAME:
            size = int.from_bytes(hello[at + 3 : at + 5])
            name = hello[at + 5 : min(at + 5 + size, end)]
            return name.lower() if name.isascii() and name.decode().isprintable() else b""
        at += length
    return b""


@dataclass(slots=True)
class Visit:
    """The connections with one of the maker's hosts."""

    host: str
    first_ns: int
    last_ns: int
    connections: int = 1


class Visits:
    """Finds the TLS connections with the maker's hosts among all segments of a capture."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[_Ends, tuple[int, dict[int, bytes]]] = OrderedDict()
        self._found: dict[_Ends, Visit] = {}
        self._hosts: dict[str, Visit] = {}

    def take(self, segment: Segment) -> None:
        """Take a segment, of any connection."""
        time_ns, source, destination, flags, seq, _, payload, _ = segment
        if self._found:
            visit = self._found.get((source, destination)) or self._found.get((destination, source))
            if visit is not None and not flags & SYN:
                visit.last_ns = max(visit.last_ns, time_ns)
                return
        if not payload:
            return
        ends = source, destination
        waiting = self._waiting.get(ends)
        if waiting is None:
            if not payload.startswith(b"\x16\x03"):
                return
            waiting = time_ns, {}
            self._waiting[ends] = waiting
            if len(self._waiting) > _MOST_WAITING:
                self._waiting.popitem(last=False)
        begun, pieces = waiting
        pieces[seq] = payload
        data = b"".join(pieces[each] for each in sorted(pieces))
        name = server_name(data) if len(data) <= _LONGEST and len(pieces) <= _MOST_PIECES else b""
        if name is None:
            return
        del self._waiting[ends]
        if name.endswith(MAKER):
            self._add(name.decode(), ends, begun, time_ns)

    def _add(self, host: str, ends: _Ends, begun: int, time_ns: int) -> None:
        visit = self._hosts.get(host)
        if visit is None:
            visit = self._hosts[host] = Visit(host, begun, time_ns)
        else:
            visit.connections += 1
            visit.first_ns, visit.last_ns = min(visit.first_ns, begun), max(visit.last_ns, time_ns)
        if len(self._found) < _MOST_FOUND:
            self._found[ends] = visit

    def all(self) -> list[Visit]:
        """Return what was found, the most connections first."""
        return sorted(self._hosts.values(), key=lambda each: (-each.connections, each.host))
