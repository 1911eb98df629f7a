"""Segments out of what `tshark -T json` printed, one packet at a time."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from io import BufferedReader
from typing import Any, Final

from lmdecode.capture.errors import CaptureError
from lmdecode.capture.formats import Format
from lmdecode.capture.packet import Endpoint, Segment
from lmdecode.capture.statistics import CaptureStatistics

__all__ = ["read_tshark_json"]

_PROGRESS_STEP: Final = 1 << 20
_ISO_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)")


class _Input:
    """The file as ijson sees it: UTF-8 without a byte order mark, and how much of it was read."""

    def __init__(self, file: BufferedReader, encoding: Format) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-16")() if encoding is Format.JSON_UTF16 else None
        self.position = 0
        self.failure = ""
        start = file.peek(1)
        if start.startswith(codecs.BOM_UTF8):
            self.position = len(file.read(3))
            start = start[3:]
        elif self._decoder is not None:
            start = start[2:].replace(b"\0", b"")
        self.is_list = start.lstrip().startswith(b"[")

    def read(self, size: int) -> bytes:
        try:
            data = self._file.read(size)
        except OSError as error:
            self.failure = error.strerror or "input/output error"
            return b""
        self.position += len(data)
        if self._decoder is None or not size:
            return data
        text = self._decoder.decode(data)
        while data and not text:  # an empty answer would mean the end
            data = self._file.read(size)
            self.position += len(data)
            text = self._decoder.decode(data)
        return text.encode("utf-8", "surrogatepass")


def read_tshark_json(
    file: BufferedReader,
    encoding: Format,
    port: int | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Segment]:
    """The TCP segments of one port, or of all if it is None.

    Raises:
        CaptureError: It is JSON, but not of tshark, or lacks what is needed.
    """
    import ijson  # noqa: PLC0415 - 20 ms that a pcap need not pay

    source = _Input(file, encoding)
    if not source.is_list:
        raise _refusal(str(file.name), port, "is JSON, but not a list of packets")
    layers = _LayerReader(str(file.name), port)
    warnings = statistics.warnings
    reported = 0
    try:
        for item in ijson.items(source, "item"):
            statistics.packets += 1
            statistics.bytes_read = source.position
            if progress is not None and source.position - reported >= _PROGRESS_STEP:
                reported = source.position
                progress(reported)
            segment = layers.read(item)
            if segment is not None:
                yield segment
    except (ijson.JSONError, UnicodeError):
        what = f"cannot be read further ({source.failure})" if source.failure else "is cut off or damaged"
        warnings.append(f"the JSON {what} after packet {statistics.packets:,}; all before it was decoded")
    warnings += layers.warnings()
    statistics.bytes_read = source.position
    if progress is not None:
        progress(source.position)


class _NoPayloadError(Exception):
    """A packet had bytes of the stream, and the export leaves them out."""


class _LayerReader:
    """Turns packets' objects into Segments, and counts those that it cannot."""

    def __init__(self, name: str, port: int | None) -> None:
        self._name = name
        self._port = port
        self._good = self._without_payload = self._unreadable = 0

    def read(self, item: Any) -> Segment | None:  # noqa: ANN401 - whatever the JSON holds
        """The packet's segment, or None if it is not of TCP or of another port, or cannot be read.

        Raises:
            CaptureError: It cannot be read, and neither could any before it.
        """
        problem = ""
        try:
            segment = self._segment(item)
        except _NoPayloadError:
            self._without_payload += 1
            problem = "was exported without the packets' payload"
        except (LookupError, ValueError, TypeError, ArithmeticError, AttributeError):
            self._unreadable += 1
            problem = "is JSON, but its packets are not as tshark exports them"
        else:
            self._good += segment is not None and bool(segment.payload)
            return segment
        if not self._good:
            raise _refusal(self._name, self._port, problem)
        return None

    def warnings(self) -> list[str]:
        """What could not be read, one line each."""
        counts = ((self._without_payload, "have no payload"), (self._unreadable, "could not be read"))
        return [
            f"{number:,} of the JSON's packets {what}; export again: {_command(self._port)}"
            for number, what in counts
            if number
        ]

    def _segment(self, item: Any) -> Segment | None:  # noqa: ANN401
        """The packet's segment, or None if it is not of TCP or of another port.

        Raises:
            _NoPayloadError: The payload was not exported.
            LookupError, ValueError, TypeError, ArithmeticError, AttributeError: It is not what tshark prints.
        """
        layers: dict[str, Any] = item["_source"]["layers"]
        source_port = _field(layers, "tcp", "tcp.srcport")
        if source_port is None:
            if not layers:
                raise LookupError
            return None
        ports = int(source_port), int(_needed(layers, "tcp", "tcp.dstport"))
        if self._port is not None and self._port not in ports:
            return None
        source, destination = _addresses(layers)
        # Relative numbers begin at 0 in each direction, which serves as well, as long as both are relative.
        seq, ack = _field(layers, "tcp", "tcp.seq_raw"), _field(layers, "tcp", "tcp.ack_raw")
        if seq is None or ack is None:
            seq, ack = _needed(layers, "tcp", "tcp.seq"), _field(layers, "tcp", "tcp.ack") or "0"
        flags = int(_needed(layers, "tcp", "tcp.flags"), 0)
        payload, missing = _payload(layers)
        return Segment(
            _time_ns(_needed(layers, "frame", "frame.time_epoch")),
            Endpoint(source, ports[0]),
            Endpoint(destination, ports[1]),
            flags & 0xFF,
            int(seq) & 0xFFFFFFFF,
            int(ack) & 0xFFFFFFFF,
            payload,
            missing,
        )


def _field(layers: dict[str, Any], layer: str, name: str) -> str | None:
    """A field's value; the last one if there are several, which is that of the innermost layer."""
    holder = layers.get(layer)
    if isinstance(holder, list):
        holder = holder[-1]
    value = holder.get(name) if isinstance(holder, dict) else layers.get(name)  # the latter with tshark's -e
    if isinstance(value, list):
        value = value[-1]
    if value is not None and not isinstance(value, str):
        raise TypeError(name)
    return value


def _needed(layers: dict[str, Any], layer: str, name: str) -> str:
    value = _field(layers, layer, name)
    if value is None:
        raise LookupError(name)
    return value


def _addresses(layers: dict[str, Any]) -> tuple[str, str]:
    for name in reversed(layers):  # the innermost, if there is a tunnel
        protocol = name.partition(".")[0]
        if protocol in ("ip", "ipv6"):
            source = _field(layers, protocol, f"{protocol}.src")
            if source is not None:
                return source, _needed(layers, protocol, f"{protocol}.dst")
    raise LookupError("ip.src")


def _payload(layers: dict[str, Any]) -> tuple[bytes, int]:
    """The segment's payload, and how many bytes of it are not in the capture."""
    digits = _field(layers, "tcp", "tcp.payload")
    if digits is None:
        digits = _field(layers, "data", "data.data")
    payload = b"" if digits is None else bytes.fromhex(digits.replace(":", ""))
    length = _field(layers, "tcp", "tcp.len")
    missing = 0 if length is None else max(int(length) - len(payload), 0)
    if missing and digits is None and _field(layers, "frame", "frame.cap_len") == _field(layers, "frame", "frame.len"):
        raise _NoPayloadError
    return payload, missing


def _time_ns(text: str) -> int:
    """A time as tshark prints it: seconds since 1970, or, newer ones, ISO 8601."""
    iso = _ISO_TIME.fullmatch(text)
    if iso is None:
        return int(Decimal(text).scaleb(9))
    day, clock, fraction, zone = iso.groups(default="")
    seconds = int(datetime.fromisoformat(f"{day}T{clock}{zone}").timestamp())
    return seconds * 1_000_000_000 + int(fraction.ljust(9, "0"))


def _command(port: int | None) -> str:
    return f"tshark -r FILE -Y 'tcp.port=={1774 if port is None else port}' -T json > NEW.json"


def _refusal(name: str, port: int | None, problem: str) -> CaptureError:
    return CaptureError(f"{name} {problem}; export it from the capture with: {_command(port)}")
