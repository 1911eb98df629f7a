"""From a capture file to Records, or whatever else a `Maker` makes of messages: the one way through this package."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar, cast

from lmdecode.capture.connections import Connections
from lmdecode.capture.diagnostics import CaptureError, CaptureStatistics
from lmdecode.capture.formats import Format, open_capture
from lmdecode.capture.formats.pcap import read_pcap
from lmdecode.capture.formats.pcapng import read_pcapng
from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import ACK, SYN, Packet, Segment
from lmdecode.capture.prefetch import Foreseen, read_ahead, worth_reading_ahead
from lmdecode.capture.source import OpenCapture
from lmdecode.codec.record import Record
from lmdecode.codec.v1._fast import RECORDS, Maker
from lmdecode.codec.v1.conversation import Tally
from lmdecode.codec.v1.decoder import Decoder

if TYPE_CHECKING:
    from lmdecode.capture.net.libpcap import Screened

T = TypeVar("T")

DEFAULT_PORT: Final = 1774
_WORTH_SCREENING: Final = 8 << 20  # bytes; below, to start libpcap costs more than it saves


def decode_capture(
    path: Path | OpenCapture,
    decoder: Decoder,
    *,
    port: int = DEFAULT_PORT,
    tally: Tally | None = None,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
    connections: Connections[Record] | None = None,
) -> Generator[Record, None, None]:
    """Decode a capture: pcap, pcapng, tshark's JSON exports or lmdirect's debug log, whatever its name.

    Reads as the Records are taken, so memory does not grow with the capture, and nothing happens before the first is
    asked for. No Records come out if nothing is on the port.

    Args and errors are those of `make_of_capture`.
    """
    return make_of_capture(
        path,
        RECORDS,
        decoder,
        port=port,
        tally=tally,
        statistics=statistics,
        progress=progress,
        ahead=ahead,
        connections=connections,
    )


def make_of_capture(
    path: Path | OpenCapture,
    make: Maker[T],
    decoder: Decoder,
    *,
    port: int = DEFAULT_PORT,
    tally: Tally | None = None,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
    connections: Connections[T] | None = None,
) -> Generator[T, None, None]:
    """Decode a capture into something else than Records, without making these first.

    Args:
        path: The file, or one that is open already.
        make: Makes of each message what comes out.
        decoder: With the machine's key.
        port: The machine's TCP port.
        tally: What is decoded is counted in it.
        statistics: What is read is counted in it; whole when the last Record is out. The connections that it counts
            already come before those of this capture, so that several captures can be numbered on.
        progress: Called now and then with the position in the file, in bytes.
        ahead: Whether a second process may read a large capture ahead, where that saves time. What comes out is the
            same.
        connections: Those of the file before, if this one is the next piece of the same capture. They go on here, and
            are left open; when no more is to come, whoever gave them closes them. Made with the same maker.

    Raises:
        CaptureError: The file cannot be decoded, or no further.
    """
    if statistics is None:
        statistics = CaptureStatistics()
    tally = Tally() if tally is None else tally
    opened = kind, file = _open(path, port)
    if kind is Format.LOG:
        from lmdecode.capture.formats.lmdirect_log import read_log_lines  # noqa: PLC0415 -- few captures need it

        with closing(file):
            yield from map(
                make.record,
                read_log_lines(file, statistics, tally, show_secrets=decoder.show_secrets, progress=progress),
            )
        if connections is not None:
            connections.count = statistics.connections
        return
    last = connections is None
    connections = connections or Connections(make, decoder, port, tally, first=statistics.connections)
    segments_of = partial(_segments, path, opened, port)
    # What libpcap screens is read beside this thread already.
    if ahead and kind is not None and isinstance(path, Path) and worth_reading_ahead(path):
        batches = _closing(file, read_ahead(path, segments_of, decoder, statistics, progress))
    else:
        batches = _foreseen(decoder, segments_of(statistics, progress), as_json=make.as_json)
    with closing(batches):
        for segments, foreseen in batches:
            statistics.port_packets += len(segments)
            made = connections.receive_all(segments, foreseen)
            statistics.connections = connections.count
            yield from made
    if last:
        yield from connections.close()


def _closing(file: BufferedReader, batches: Generator[Foreseen, None, None]) -> Generator[Foreseen, None, None]:
    """The same, and a file is closed after them: the other process reads it."""
    with closing(file), closing(batches):
        yield from batches


def _foreseen(decoder: Decoder, batches: Iterator[list[Segment]], *, as_json: bool) -> Generator[Foreseen, None, None]:
    """Segments, after the decoder took a look at them."""
    for segments in batches:
        yield segments, decoder.foresee([segment.payload for segment in segments], as_json=as_json)


def decode_packets(
    path: Path,
    decoder: Decoder,
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
    connections = Connections(RECORDS, decoder, port, Tally() if tally is None else tally, first=statistics.connections)
    kind, file = open_capture(path)
    with closing(file):
        if kind not in (Format.PCAP, Format.PCAPNG):
            raise CaptureError(
                f"{path} has no packets as they were on the wire; give the pcap or pcapng it was made from"
            )
        reader = SegmentReader(port)
        read_packets = read_pcap if kind is Format.PCAP else read_pcapng
        for packet in chain.from_iterable(read_packets(file, statistics, progress)):
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
) -> Iterator[list[Segment]]:
    """The TCP segments of a capture that are from or to a port, all if it is None; as many at a time as came at once.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    return _segments(path, _open(path, port), port, statistics, progress)


def _open(path: Path | OpenCapture, port: int | None) -> tuple[Format | None, BufferedReader]:
    """The capture and what it is; None if it is what libpcap takes out of it.

    Raises:
        CaptureError: It cannot be opened, or is no capture.
    """
    if port is not None and isinstance(path, Path) and _is_large(path):
        from lmdecode.capture.net.libpcap import screened  # noqa: PLC0415 -- small captures do without

        found = screened(path, port)
        if found is not None:
            return None, found
    return open_capture(path)


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size >= _WORTH_SCREENING
    except (OSError, ValueError):
        return False


def _segments(
    path: Path | OpenCapture,
    opened: tuple[Format | None, BufferedReader],
    port: int | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
) -> Iterator[list[Segment]]:
    kind, file = opened
    if kind is None and isinstance(path, Path):
        yield from _read_screened(path, file, port, statistics, progress)
        return
    with closing(file):
        if kind is Format.LOG:  # it tells of messages, and has no segments
            return
        if kind in (Format.JSON, Format.JSON_UTF16):
            from lmdecode.capture.formats.tshark_json import read_tshark_json  # noqa: PLC0415 -- few captures need it

            yield from read_tshark_json(file, port, statistics, progress)
            return
        read_packets = read_pcap if kind is Format.PCAP else read_pcapng
        reader = SegmentReader(port)
        for packets in read_packets(file, statistics, progress, port):
            segments = reader.read_all(packets)
            if segments:
                yield segments
        statistics.warnings += reader.warnings()


def _read_screened(
    path: Path,
    file: BufferedReader,
    port: int | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
) -> Iterator[list[Segment]]:
    """The segments of a capture of which libpcap took out what may be ours."""
    reader = SegmentReader(port)
    screen = cast("Screened", file.raw)
    is_cut = True  # if nothing is let through, it may all be cut before the ports
    with closing(file):
        for number, packets in enumerate(
            read_pcap(file, statistics, progress and (lambda _: progress(screen.position)))
        ):
            is_cut = (is_cut and number > 0) or any(len(packet.data) < packet.original_length for packet in packets)
            segments = reader.read_all(packets)
            if segments:
                yield segments
        failed = screen.failed()
    if failed or is_cut:  # what exactly is wrong our own reader says
        reader = SegmentReader(port)
        _, file = open_capture(path)
        with closing(file):
            for packets in read_pcap(file, statistics, None, port):
                reader.read_all(packets)
    statistics.warnings += reader.warnings()


class PortTraffic(NamedTuple):
    """The TCP packets to and from one port."""

    port: int
    packets: int
    frames: int
    """Payloads that look like a frame of the protocol: from `@` to `%`."""


def busiest_ports(path: Path, limit: int = 5) -> list[PortTraffic]:
    """The ports with the most traffic in a capture, those with what looks like frames first.

    Of a packet's two ports the server's is counted: the one that a SYN goes to, or else the lower one.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    packets: dict[int, int] = {}
    frames: dict[int, int] = {}
    for segment in chain.from_iterable(read_segments(path, None, CaptureStatistics())):
        ports = segment.source.port, segment.destination.port
        port = ports[1] if segment.flags & (SYN | ACK) == SYN else min(ports)
        packets[port] = packets.get(port, 0) + 1
        payload = segment.payload
        if payload[:1] == b"@" and payload[-1:] == b"%":
            frames[port] = frames.get(port, 0) + 1
    traffic = [PortTraffic(port, count, frames.get(port, 0)) for port, count in packets.items()]
    traffic.sort(key=lambda each: (-each.frames, -each.packets, each.port))
    return traffic[:limit]
