"""From a capture file to Records: the one way through this package."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from lmdecode.capture.connections import Connections
from lmdecode.capture.errors import CaptureError
from lmdecode.capture.formats import Format, open_capture
from lmdecode.capture.links import SegmentReader
from lmdecode.capture.packet import Packet, Segment
from lmdecode.capture.pcap import read_pcap
from lmdecode.capture.pcapng import read_pcapng
from lmdecode.capture.statistics import CaptureStatistics
from lmdecode.capture.tshark_json import read_tshark_json
from lmdecode.codec.conversation import Tally
from lmdecode.codec.decoding import FrameDecoder
from lmdecode.codec.record import Record

__all__ = ["DEFAULT_PORT", "decode_capture", "decode_packets", "read_segments"]

DEFAULT_PORT: Final = 1774


def decode_capture(
    path: Path,
    decoder: FrameDecoder,
    *,
    port: int = DEFAULT_PORT,
    tally: Tally | None = None,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Decode a capture: pcap, pcapng or tshark's JSON export, whatever its name.

    Reads as the Records are taken, so memory does not grow with the capture, and nothing happens before the first is
    asked for. No Records come out if nothing is on the port.

    Args:
        path: The file.
        decoder: With the machine's key.
        port: The machine's TCP port.
        tally: What is decoded is counted in it.
        statistics: What is read is counted in it; whole when the last Record is out. The connections that it counts
            already come before those of this capture, so that several captures can be numbered on.
        progress: Called now and then with the position in the file, in bytes.

    Raises:
        CaptureError: The file cannot be decoded, or no further.
    """
    if statistics is None:
        statistics = CaptureStatistics()
    connections = Connections(decoder, port, Tally() if tally is None else tally, first=statistics.connections)
    for segment in read_segments(path, port, statistics, progress):
        statistics.port_packets += 1
        records = connections.receive(segment)
        statistics.connections = connections.count
        if records:
            yield from records
    yield from connections.close()


def decode_packets(
    path: Path,
    decoder: FrameDecoder,
    *,
    port: int = DEFAULT_PORT,
    tally: Tally | None = None,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[Packet | None, list[Record]]]:
    """Every packet of a pcap or pcapng capture, unchanged, each with the Records that it completes.

    Args and errors are those of `decode_capture`. The last pair has no packet: its Records were held back to the end.

    Raises:
        CaptureError: The file cannot be decoded, has no packets (a JSON export), or cannot be read any further.
    """
    if statistics is None:
        statistics = CaptureStatistics()
    connections = Connections(decoder, port, Tally() if tally is None else tally, first=statistics.connections)
    kind, file = open_capture(path)
    with closing(file):
        if kind not in (Format.PCAP, Format.PCAPNG):
            raise CaptureError(
                f"{path} has no packets as they were on the wire; give the pcap or pcapng it was made from"
            )
        reader = SegmentReader(port)
        read_packets = read_pcap if kind is Format.PCAP else read_pcapng
        for packet in read_packets(file, statistics, progress):
            segment = reader.read(packet)
            if segment is None:
                yield packet, []
                continue
            statistics.port_packets += 1
            records = connections.receive(segment)
            statistics.connections = connections.count
            yield packet, records
        statistics.warnings += reader.warnings()
    yield None, list(connections.close())


def read_segments(
    path: Path,
    port: int | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Segment]:
    """The TCP segments of a capture that are from or to a port; all if it is None.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    kind, file = open_capture(path)
    with closing(file):
        if kind in (Format.JSON, Format.JSON_UTF16):
            yield from read_tshark_json(file, kind, port, statistics, progress)
            return
        read_packets = read_pcap if kind is Format.PCAP else read_pcapng
        reader = SegmentReader(port)
        read = reader.read
        for packet in read_packets(file, statistics, progress, port):
            segment = read(packet)
            if segment is not None:
                yield segment
        statistics.warnings += reader.warnings()
