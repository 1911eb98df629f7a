"""IP addresses as people write them."""

from __future__ import annotations

from typing import Final, NamedTuple

_IPV4_SIZE = 4


def ip_text(packed: bytes) -> str:
    """An IP address as text.

    Args:
        packed: Its 4 or 16 bytes, as they are in a packet.

    >>> ip_text(bytes([192, 168, 1, 7])), ip_text(bytes(16))
    ('192.168.1.7', '::')
    """
    if len(packed) == _IPV4_SIZE:
        return ".".join(map(str, packed))
    from socket import AF_INET6, inet_ntop  # noqa: PLC0415 -- it takes longer to load than most captures have use for

    return inet_ntop(AF_INET6, packed)


_MAX_PARCELS: Final = 64
_MAX_PIECES: Final = 1024  # 64 KiB in pieces of 64 bytes


class Parcel(NamedTuple):
    """What identifies the fragments of one IP packet."""

    source: bytes
    destination: bytes
    identification: int


class Fragments:
    """Collects fragments of TCP packets until their packets are whole.

    Args:
        ports: As in TCP headers. Only what may be from or to one of them counts as unassembled; all if None.
    """

    def __init__(self, ports: frozenset[bytes] | None) -> None:
        self._ports = ports
        self._parcels: dict[Parcel, dict[int, tuple[bytes, bool]]] = {}
        self._lost = 0

    def add(self, parcel: Parcel, offset: int, payload: bytes, *, more: bool) -> bytes | None:
        """Take a fragment; hand out the IP packet's payload if that makes it whole.

        Args:
            parcel: Which packet it is of.
            offset: Where in the packet's payload it belongs, in bytes.
            payload: The fragment's own.
            more: Whether others come after it.
        """
        pieces = self._parcels.setdefault(parcel, {})
        if len(pieces) < _MAX_PIECES:
            pieces.setdefault(offset, (payload, more))
        whole = bytearray()
        for position in sorted(pieces):
            if position > len(whole):
                break
            piece, more_follow = pieces[position]
            whole += piece[len(whole) - position :]
            if not more_follow:
                del self._parcels[parcel]
                return bytes(whole)
        if len(self._parcels) > _MAX_PARCELS:
            oldest = next(iter(self._parcels))
            self._lost += self._count(self._parcels.pop(oldest))
        return None

    @property
    def unassembled(self) -> int:
        """Fragments whose packets never became whole, up to now."""
        return self._lost + sum(map(self._count, self._parcels.values()))

    def _count(self, pieces: dict[int, tuple[bytes, bool]]) -> int:
        first = pieces.get(0, (b"", True))[0]
        is_foreign = len(first) >= 4 and self._ports is not None and self._ports.isdisjoint((first[:2], first[2:4]))
        return 0 if is_foreign else len(pieces)
