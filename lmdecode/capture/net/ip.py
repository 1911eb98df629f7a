"""IP: addresses as text, and fragments put together.

Fragments are rare: TCP chooses its segments so that they need not be cut. They do come from tunnels that did not say
how small their packets must be. Fragments may arrive in any order and more than once, and some may be missing from the
capture for good; nothing says that, so the oldest packets in pieces are given up when there are too many. Of bytes that
come twice the first are kept. (RFC 5722 forbids overlapping fragments in IPv6, and only attackers send them in IPv4.)
"""

from __future__ import annotations

from typing import Final, NamedTuple

_IPV4_SIZE = 4


def ip_text(packed: bytes) -> str:
    """An IP address as text.

    Args:
        packed: The 4 or 16 bytes of the address, as in a packet.

    Raises:
        ValueError: Another number of bytes.

    >>> ip_text(bytes([192, 168, 1, 7])), ip_text(bytes(16))
    ('192.168.1.7', '::')
    """
    if len(packed) == _IPV4_SIZE:
        return ".".join(map(str, packed))
    from socket import AF_INET6, inet_ntop  # noqa: PLC0415 -- slow to load, and most captures have no IPv6

    return inet_ntop(AF_INET6, packed)


_MAX_PACKETS: Final = 64  # in pieces at a time; a sender's fragments follow each other closely
_MAX_PIECES: Final = 1024  # of one packet: 64 KiB, the longest packet, in pieces of 64 bytes


class FragmentKey(NamedTuple):
    """What the fragments of one IP packet have in common (RFC 791, section 3.2; the protocol is always TCP here)."""

    source: bytes
    destination: bytes
    identification: int


class Fragments:
    """Collects fragments of TCP packets until the packets are whole.

    Args:
        ports: Two bytes each, as in TCP headers. Fragments of packets of other ports do not count as unassembled. None:
            all count.
    """

    def __init__(self, ports: frozenset[bytes] | None) -> None:
        self._ports = ports
        self._incomplete: dict[FragmentKey, dict[int, tuple[bytes, bool]]] = {}  # by their places; the oldest first
        self._lost = 0

    def add(self, key: FragmentKey, offset: int, payload: bytes, *, more: bool) -> bytes | None:
        """Take a fragment.

        Args:
            key: Which packet it belongs to.
            offset: Where in the packet's payload it belongs, in bytes.
            payload: The fragment's own payload.
            more: True if other fragments come after it.

        Returns:
            The IP packet's payload, if the fragment completes it.
        """
        pieces = self._incomplete.setdefault(key, {})
        if len(pieces) < _MAX_PIECES:
            pieces.setdefault(offset, (payload, more))
        whole = bytearray()
        for position in sorted(pieces):
            if position > len(whole):
                break
            piece, more_follow = pieces[position]
            whole += piece[len(whole) - position :]
            if not more_follow:
                del self._incomplete[key]
                return bytes(whole)
        if len(self._incomplete) > _MAX_PACKETS:
            oldest = next(iter(self._incomplete))
            self._lost += self._count(self._incomplete.pop(oldest))
        return None

    @property
    def unassembled(self) -> int:
        """How many fragments are of packets that are not whole up to now."""
        return self._lost + sum(map(self._count, self._incomplete.values()))

    def _count(self, pieces: dict[int, tuple[bytes, bool]]) -> int:
        first = pieces.get(0, (b"", True))[0]  # the only one with the ports; without it, it may be ours
        is_foreign = len(first) >= 4 and self._ports is not None and self._ports.isdisjoint((first[:2], first[2:4]))
        return 0 if is_foreign else len(pieces)
