"""The bytes of a packet's layers, where an export has them: with tshark's `-x`, and always in `-T jsonraw`.

Beside each layer and field stands one named `_raw`: its digits alone, or `[digits, position, length, mask, type]`, with
the position in the packet. A layer's are there even if `-j` left its fields out.
"""

from __future__ import annotations

import struct
from typing import Any, Final, NamedTuple

from lmdecode.capture.net.ip import ip_text

__all__ = ["RawHeader", "RawPacket"]

_TCP: Final = struct.Struct("!HHIIBB")
_MIN_TCP, _MIN_IPV4, _MIN_IPV6 = 20, 20, 40


class RawHeader(NamedTuple):
    """What a TCP header says."""

    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int


class _Layer(NamedTuple):
    data: bytes
    position: int | None


class RawPacket:
    """The layers' bytes of one packet.

    Args:
        layers: As exported.
    """

    def __init__(self, layers: dict[str, Any]) -> None:
        self._layers = layers
        self._tcp = _layer(layers.get("tcp_raw"))
        if self._tcp is not None and len(self._tcp.data) < _MIN_TCP:
            self._tcp = None

    def header(self) -> RawHeader | None:
        """TCP's header, if it is there."""
        if self._tcp is None:
            return None
        source, destination, seq, ack, _, flags = _TCP.unpack_from(self._tcp.data)
        return RawHeader((source, destination), seq, ack, flags)

    def addresses(self) -> tuple[str, str] | None:
        """Source and destination of the innermost IP header, if it is there."""
        ip = self._ip()
        if ip is None:
            return None
        if ip.data[0] >> 4 == 6:
            return ip_text(ip.data[8:24]), ip_text(ip.data[24:40])
        return ip_text(ip.data[12:16]), ip_text(ip.data[16:20])

    def length(self) -> int | None:
        """Bytes of the stream that the packet had on the wire, if IP's header tells."""
        tcp, ip = self._tcp, self._ip()
        if tcp is None or tcp.position is None or ip is None or ip.position is None:
            return None
        is_six = ip.data[0] >> 4 == 6
        said = int.from_bytes(ip.data[4:6] if is_six else ip.data[2:4], "big")
        if not said:  # the network card fills it in only after the capture
            return None
        end = ip.position + said + (_MIN_IPV6 if is_six else 0)
        return max(end - tcp.position - len(tcp.data), 0)

    def payload(self) -> bytes | None:
        """The segment's payload, out of its own field or out of the whole packet."""
        holder = self._layers.get("tcp")
        if isinstance(holder, list):
            holder = holder[-1]
        if isinstance(holder, dict):
            for name in ("tcp.payload_raw", "tcp_tcp_payload_raw", "tcp_payload_raw"):
                field = _layer(holder.get(name))
                if field is not None:
                    return field.data
        tcp, frame, length = self._tcp, _layer(self._layers.get("frame_raw")), self.length()
        if tcp is None or tcp.position is None or frame is None or length is None:
            return None
        start = tcp.position + len(tcp.data)
        if frame.data[tcp.position : start] != tcp.data:  # it was reassembled from fragments
            return None
        return frame.data[start : start + length]

    def _ip(self) -> _Layer | None:
        for name in reversed(self._layers):  # the innermost, if there is a tunnel
            if name in ("ip_raw", "ipv6_raw"):
                ip = _layer(self._layers[name])
                if ip is not None and ip.data and len(ip.data) >= (_MIN_IPV6 if ip.data[0] >> 4 == 6 else _MIN_IPV4):
                    return ip
        return None


def _layer(value: Any) -> _Layer | None:  # noqa: ANN401 -- whatever the JSON holds
    """A layer's or field's bytes and position; of the last one if there are several.

    Raises:
        ValueError: Its digits are none.
    """
    if isinstance(value, list) and value and isinstance(value[-1], (list, str)):
        value = value[-1]  # --no-duplicate-keys
    position = None
    if isinstance(value, list) and len(value) > 1:
        value, position = value[:2]
    if not isinstance(value, str) or not value:
        return None
    return _Layer(bytes.fromhex(value), position if isinstance(position, int) else None)
