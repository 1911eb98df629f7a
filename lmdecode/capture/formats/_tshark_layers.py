"""From a packet's object in one of tshark's exports to its TCP segment.

An export has what somebody chose to export, in forms that changed from one version to the next. Nearly all packets are
of `-T json` with all fields, and `_ordinary` reads them by fixed names; whatever surprises it goes through `_segment`,
which looks for each part in all places that can have it: the bytes of the headers (`-x`, `-T jsonraw`) first, since
they are what was on the wire, then the fields.

What is lacking is counted, and ends up in one warning with the command for a better export. A file of which no packet
at all could be read is refused at its first packet, rather than read to its end for nothing.
"""

from __future__ import annotations

import struct
from collections import Counter
from functools import lru_cache
from typing import Any, Final, NamedTuple

from lmdecode.capture.formats._tshark_fields import (
    LackingError,
    addresses_of,
    field,
    needed,
    payload_of,
    ports_of,
    printed_time,
    time_ns,
)
from lmdecode.capture.net.packet import Endpoint, Segment, ip_text
from lmdecode.capture.source import CaptureError

_TCP: Final = struct.Struct("!HHIIBB")
_MIN_TCP, _MIN_IPV4, _MIN_IPV6 = 20, 20, 40


class RawHeader(NamedTuple):
    """The fields of a TCP header that are needed."""

    ports: tuple[int, int]
    seq: int
    ack: int
    flags: int


class _Layer(NamedTuple):
    data: bytes
    position: int | None


class RawPacket:
    """A packet as the bytes of its layers, which exports with `-x` and `-T jsonraw` have.

    Args:
        layers: The packet's layers, as exported.
    """

    def __init__(self, layers: dict[str, Any]) -> None:
        self._layers = layers
        self._tcp = _layer(layers.get("tcp_raw"))
        if self._tcp is not None and len(self._tcp.data) < _MIN_TCP:
            self._tcp = None

    def header(self) -> RawHeader | None:
        """TCP's header; None if its bytes were not exported."""
        if self._tcp is None:
            return None
        source, destination, seq, ack, _, flags = _TCP.unpack_from(self._tcp.data)
        return RawHeader((source, destination), seq, ack, flags)

    def addresses(self) -> tuple[str, str] | None:
        """Source and destination of the innermost IP header; None if its bytes were not exported."""
        ip = self._ip()
        if ip is None:
            return None
        if ip.data[0] >> 4 == 6:
            return ip_text(ip.data[8:24]), ip_text(ip.data[24:40])
        return ip_text(ip.data[12:16]), ip_text(ip.data[16:20])

    def length(self) -> int | None:
        """The payload's bytes on the wire, by IP's header; None if that does not say it."""
        tcp, ip = self._tcp, self._ip()
        if tcp is None or tcp.position is None or ip is None or ip.position is None:
            return None
        is_six = ip.data[0] >> 4 == 6
        total = int.from_bytes(ip.data[4:6] if is_six else ip.data[2:4], "big")
        if not total:  # the network card fills it in only after the capture
            return None
        end = ip.position + total + (_MIN_IPV6 if is_six else 0)
        return max(end - tcp.position - len(tcp.data), 0)

    def payload(self) -> bytes | None:
        """The segment's payload, out of its own field or out of the whole packet; None if neither was exported."""
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
    """The bytes and position of a layer or field, the last one if there are several; None if there are no bytes.

    Raises:
        ValueError: The digits are not hexadecimal.
    """
    if isinstance(value, list) and value and isinstance(value[-1], (list, str)):
        value = value[-1]  # --no-duplicate-keys
    position = None
    if isinstance(value, list) and len(value) > 1:
        value, position = value[:2]
    if not isinstance(value, str) or not value:
        return None
    return _Layer(bytes.fromhex(value), position if isinstance(position, int) else None)


FOREIGN: Final = "is JSON, but its packets are not as tshark exports them"
"""The problem of a file that tshark did not export."""

_MOST_ZONES: Final = 3  # that are named; an export has one, or two if daylight saving time began or ended in it
_PAYLOAD: Final = "the packets' payload"
_flags = lru_cache(maxsize=256)(int)


@lru_cache(maxsize=1024)
def _endpoint(host: object, port: object) -> Endpoint:
    if not isinstance(host, str) or not isinstance(port, str):
        raise TypeError
    return Endpoint(host, int(port))


class LayerReader:
    """Turns packets' objects into Segments, and counts those that it cannot.

    Args:
        name: The file's name, for messages.
        ports: Only segments from or to one of these TCP ports are read; all if None.
    """

    def __init__(self, name: str, ports: frozenset[int] | None) -> None:
        self._name = name
        self._ports = ports
        self._digits = None if ports is None else frozenset(map(str, ports))
        self._marks = (
            (b"",) if ports is None else tuple(b"%d" % port for port in ports) + tuple(b"%04x" % port for port in ports)
        )
        self._was_ours = False
        self.good = 0
        """Packets whose payload could be read."""
        self._segments = self._timed = 0
        self._without_payload = self._without_length = self._unreadable = self._timeless = 0
        self._time_ns = 0
        self._zones: Counter[str] = Counter()

    def is_wanted(self, text: bytes) -> bool:
        """Return False if a packet's text shows that it is of other ports, so that it need not be parsed.

        That is so if the text has ports, and the digits of no wanted port stand anywhere in it.
        """
        if self._was_ours:  # the next packet then most likely is too, and the search would be in vain
            return True
        return any(mark in text for mark in self._marks) or b"srcport" not in text or b'"filtered"' in text

    def read(self, item: Any) -> Segment | None:  # noqa: ANN401 -- whatever the JSON holds
        """The packet's segment; None if it has no TCP, is of other ports, or cannot be read.

        Raises:
            CaptureError: It cannot be read, and no packet before it had a payload that could be read.
        """
        try:
            segment = self._ordinary(item)
        except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError):
            segment, problem = self._any(item)
            if problem and not self.good:
                raise self.refusal(problem) from None
        self._was_ours = segment is not None
        if segment is not None:
            self._segments += 1
            if segment.payload:
                self.good += 1
        return segment

    def warnings(self) -> list[str]:
        """What could not be read up to now, one line for each cause."""
        counts = (
            (self._without_payload, "have no payload"),
            (self._unreadable, "could not be read"),
            (self._timeless, "have no time; each stands at that of the packet before it"),
        )
        found = [f"{number:,} of the JSON's packets {what}" for number, what in counts if number]
        if self._timeless and not self._timed:
            found[-1] = "the JSON's packets have no times (frame.time_epoch); all stand at 1970-01-01"
        if self._segments and not self.good and self._without_length:
            found.append("none of the JSON's packets has a payload (tcp.payload)")
        return [f"{what}; export again: {_command(self._ports)}" for what in found]

    def notes(self) -> list[str]:
        """What the user should know though nothing is wrong, one line for each zone."""
        return [
            f"{number:,} of the JSON's packets have their time (frame.time) in the zone {zone!r}, which was taken for "
            f"UTC, for it is no offset; export again for the right times: {_command(self._ports)}"
            for zone, number in self._zones.most_common(_MOST_ZONES)
        ]

    def refusal(self, problem: str) -> CaptureError:
        """The error for a file of which nothing can be read, with the command for a better export."""
        return CaptureError(f"{self._name} {problem}; export it from the capture with: {_command(self._ports)}")

    def _ordinary(self, item: Any) -> Segment | None:  # noqa: ANN401
        """The segment of an ordinary packet: IPv4 in `-T json` with all fields that are needed.

        Raises:
            LookupError, ValueError, TypeError, AttributeError: It is not an ordinary packet.
        """
        layers = item["_source"]["layers"]
        tcp = layers["tcp"]
        source_port, destination_port = tcp["tcp.srcport"], tcp["tcp.dstport"]
        if self._digits is not None and self._digits.isdisjoint((source_port, destination_port)):
            if not source_port.isdecimal() or not destination_port.isdecimal():
                raise ValueError
            return None
        if "ipv6" in layers:  # a tunnel
            raise ValueError
        ip = layers["ip"]
        length = int(tcp["tcp.len"])
        payload = bytes.fromhex(tcp["tcp.payload"].replace(":", "")) if length else b""
        segment = Segment(
            time_ns(layers["frame"]["frame.time_epoch"]),
            _endpoint(ip["ip.src"], source_port),
            _endpoint(ip["ip.dst"], destination_port),
            _flags(tcp["tcp.flags"], 0) & 0xFF,
            int(tcp["tcp.seq_raw"]) & 0xFFFFFFFF,
            int(tcp["tcp.ack_raw"]) & 0xFFFFFFFF,
            payload,
            max(length - len(payload), 0),
        )
        self._timed += 1
        self._time_ns = segment.time_ns
        return segment

    def _any(self, item: Any) -> tuple[Segment | None, str]:  # noqa: ANN401
        """The segment of any packet, or None, and the problem if there should be a segment, else an empty text."""
        try:
            return self._segment(item), ""
        except LackingError as error:
            what = str(error)
            if what == _PAYLOAD:
                self._without_payload += 1
            else:
                self._unreadable += 1
            return None, f"was exported without {what}"
        except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError):
            self._unreadable += 1
            return None, FOREIGN

    def _segment(self, item: Any) -> Segment | None:  # noqa: ANN401
        """The packet's segment; None if it has no TCP or is of other ports.

        Raises:
            LackingError: A field that is needed was not exported.
            LookupError, ValueError, TypeError, ArithmeticError, AttributeError: tshark does not export such objects.
        """
        source: dict[str, Any] = item.get("_source", item)
        layers: dict[str, Any] = source["layers"]
        raw = RawPacket(layers)
        # Bytes before fields: in -T ek -x a name that ends in _raw may be that of a field, or of a field's bytes.
        header = raw.header()
        ports = ports_of(layers) if header is None else header.ports
        if ports is None:
            if not layers:
                raise LookupError
            return None
        if self._ports is not None and self._ports.isdisjoint(ports):
            return None
        if header is None:
            # Relative numbers begin at 0 in each direction. They do as well, as long as both are relative.
            seq, ack = field(layers, "tcp", "seq_raw"), field(layers, "tcp", "ack_raw")
            if seq is None or ack is None:
                seq, ack = needed(layers, "tcp", "seq"), field(layers, "tcp", "ack") or "0"
            numbers = int(seq), int(ack), int(needed(layers, "tcp", "flags"), 0)
        else:
            numbers = header.seq, header.ack, header.flags
        addresses = raw.addresses() or addresses_of(layers)
        payload, missing = self._payload(layers, raw)
        return Segment(
            self._time(source, layers),
            Endpoint(addresses[0], ports[0]),
            Endpoint(addresses[1], ports[1]),
            numbers[2] & 0xFF,
            numbers[0] & 0xFFFFFFFF,
            numbers[1] & 0xFFFFFFFF,
            payload,
            missing,
        )

    def _payload(self, layers: dict[str, Any], raw: RawPacket) -> tuple[bytes, int]:
        """The segment's payload, and how many bytes of it are not in the capture."""
        payload = raw.payload()
        if raw.header() is None or raw.length() is None:
            digits = field(layers, "tcp", "len")
            length = None if digits is None else int(digits)
        else:
            length = raw.length()
        if payload is None:
            payload = payload_of(layers, length)
        if length is None:
            self._without_length += 1
            return payload or b"", 0
        missing = max(length - len(payload or b""), 0)
        if missing and payload is None and field(layers, "frame", "cap_len") == field(layers, "frame", "len"):
            raise LackingError(_PAYLOAD)
        return payload or b"", missing

    def _time(self, source: dict[str, Any], layers: dict[str, Any]) -> int:
        """The packet's time; that of the packet before it if the export has none."""
        epoch = field(layers, "frame", "time_epoch")
        if epoch is None:
            stamp = str(source.get("timestamp", "")).zfill(4)  # in -T ek: milliseconds, or as frame.time_epoch
            if stamp.isdecimal():
                stamp = f"{stamp[:-3]}.{stamp[-3:]}"
            epoch = stamp if "timestamp" in source else None
        if epoch is not None:
            self._time_ns = time_ns(epoch)
            self._timed += 1
            return self._time_ns
        printed = printed_time(field(layers, "frame", "time") or "")
        if printed is None:
            self._timeless += 1
            return self._time_ns
        self._time_ns, zone = printed
        self._timed += 1
        if zone:
            self._zones[zone] += 1
        return self._time_ns


def _command(ports: frozenset[int] | None) -> str:
    chosen = "tcp" if ports is None else " || ".join(f"tcp.port=={port}" for port in sorted(ports))
    return f"tshark -r FILE -Y '{chosen}' -T json > NEW.json"
