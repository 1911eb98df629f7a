"""IP addresses as people write them."""

from __future__ import annotations

__all__ = ["ip_text"]

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
