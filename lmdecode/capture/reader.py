"""The way from a capture file to Records, or to what a sink makes of them.

A file is opened and recognised (`formats`), its packets become TCP segments (`net.link`), the segments become streams
(`net.reassembly`, one for each direction of a connection, held together by `connections`), and a dialect's conversation
makes Records of the streams. Everything is an iterator, so memory does not grow with the capture, and what comes
through a pipe is decoded as it comes.

One detour is for speed, and changes nothing about what comes out: `net.libpcap` screens large files in which few
packets are ours.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from io import BufferedReader
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from lmdecode._parts import is_off
from lmdecode.capture.connections import Connections
from lmdecode.capture.formats import Format, open_capture
from lmdecode.capture.formats._pieces import Stop
from lmdecode.capture.formats.pcap import read_pcap, walk_pcap
from lmdecode.capture.net.link import SegmentReader
from lmdecode.capture.net.packet import ACK, SYN, Found, Packet, Segment
from lmdecode.capture.source import MEMORY, CaptureError, CaptureStatistics, OpenCapture, Source
from lmdecode.codec.dialect import RECORDS, FieldsAs, Sink
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers, dialects

if TYPE_CHECKING:
    from lmdecode.capture.net.libpcap import Screened
    from lmdecode.capture.net.tls import Visit

T = TypeVar("T")

_WORTH_SCREENING: Final = 8 << 20  # bytes; below, to start libpcap costs more than it saves
_WORTH_LOOKING: Final = 32 << 20  # bytes, which are searched for a name in some hundredths of a second


def decode_capture(
    path: Path | OpenCapture,
    speakers: Speakers,
    *,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    capture: str | None = None,
    connections: Connections[Record] | None = None,
    memory: int = MEMORY,
) -> Generator[Record, None, None]:
    """Decode a capture of any format, whatever its name.

    Reads as the Records are taken, so memory does not grow with the capture, and nothing happens before the first is
    asked for. No Records come out if nothing is on the ports.

    Args and errors are those of `decode_capture_into`.
    """
    return decode_capture_into(
        path,
        RECORDS,
        speakers,
        statistics=statistics,
        progress=progress,
        capture=capture,
        connections=connections,
        memory=memory,
    )


def decode_capture_into(
    path: Path | OpenCapture,
    sink: Sink[T],
    speakers: Speakers,
    *,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    capture: str | None = None,
    connections: Connections[T] | None = None,
    memory: int = MEMORY,
) -> Generator[T, None, None]:
    """Decode a capture into what a sink makes of the messages.

    Args:
        path: The file, or one that is open already.
        sink: Decides what is made of each message.
        speakers: The dialects, with the owner's keys, and the TCP ports that are looked at.
        statistics: What is read and decoded is counted in it; whole when the last Record is out. The connections that
            it counts already come before those of this capture, so that pieces of a capture can be numbered on.
        progress: Called now and then with the position in the file, in bytes.
        capture: The capture's name, for the Records; where there are several.
        connections: Those of the file before, if this one is the next piece of the same capture. They go on here, and
            are left open; when no more is to come, whoever gave them closes them. Made with the same sink.
        memory: Bytes of memory that this may take, about.

    Raises:
        CaptureError: The file cannot be decoded, or no further.
    """
    lists = decode_lists_into(
        path,
        sink,
        speakers,
        statistics=statistics,
        progress=progress,
        capture=capture,
        connections=connections,
        memory=memory,
    )
    for made in lists:
        yield from made


def decode_lists_into(
    path: Path | OpenCapture,
    sink: Sink[T],
    speakers: Speakers,
    *,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    capture: str | None = None,
    connections: Connections[T] | None = None,
    memory: int = MEMORY,
) -> Generator[list[T], None, None]:
    """Decode a capture as `decode_capture_into` does, but give as much at a time as came at once.

    Each generator that passes on what is made of every single message takes a hundredth of the time.
    """
    if statistics is None:
        statistics = CaptureStatistics()
    opened = kind, file = _open(path, speakers.ports, memory)
    if kind is not None and kind.records is not None:
        with closing(file):
            for record in kind.records(file, statistics, progress, speakers, capture):
                yield [sink.record(record)]
        if connections is not None:
            connections.count = statistics.connections
        return
    last = connections is None
    connections = connections or Connections(
        sink, speakers, statistics.tallies, capture=capture, first=statistics.connections, memory=memory // 4
    )
    with closing(_segments(path, opened, speakers.ports, statistics, progress)) as batches:
        for segments in batches:
            predecoded = _predecode(speakers, segments, fields_as=sink.fields_as)
            statistics.port_packets += len(segments)
            before = statistics.bluetooth
            made: list[T] = []
            try:
                connections.receive_all(segments, predecoded, made)
            except Exception:  # of a dialect: what came before is as good as it was
                yield made
                raise
            connections.count_radio(statistics)
            statistics.port_packets -= statistics.bluetooth - before  # those of machines are counted again
            statistics.connections = connections.count
            yield made
    if last:
        yield from ([each] for each in connections.close())
        statistics.warnings += connections.warnings()
        statistics.notes += connections.notes()


def _predecode(speakers: Speakers, segments: Sequence[Segment], *, fields_as: FieldsAs) -> Sequence[Any]:
    """Return for each segment what its dialect predecodes of its payload."""
    if not segments:
        return ()
    _, sources, destinations, _, _, _, payloads, _ = zip(*segments, strict=True)
    alone = speakers.alone({end.port for end in {*sources, *destinations}})
    if alone is not None:  # as in nearly all captures, and in a quarter of the time
        return alone.predecode(payloads, fields_as=fields_as)
    return speakers.predecode(
        [(segment.payload, segment.source.port, segment.destination.port) for segment in segments], fields_as=fields_as
    )


def decode_packets(
    path: Path,
    speakers: Speakers,
    *,
    statistics: CaptureStatistics | None = None,
    progress: Callable[[int], None] | None = None,
    capture: str | None = None,
) -> Iterator[tuple[Packet | None, list[Record]]]:
    """Every packet of a capture, unchanged, each with the Records that it completes.

    Args and errors are those of `decode_capture`. The last pair has no packet: its Records were held back to the end.

    Raises:
        CaptureError: The file cannot be decoded, has no packets (a JSON export), or cannot be read any further.
    """
    if statistics is None:
        statistics = CaptureStatistics()
    connections = Connections(RECORDS, speakers, statistics.tallies, capture=capture, first=statistics.connections)
    kind, file = open_capture(path)
    with closing(file):
        if kind.packets is None:
            raise CaptureError(
                f"{path} has no packets as they were on the wire; give the pcap or pcapng it was made from"
            )
        reader = SegmentReader(speakers.ports, radio=True)
        for packet in chain.from_iterable(kind.packets(file, statistics, progress, None)):
            segments = reader.read(packet)
            if not segments:
                yield packet, []
                continue
            before = statistics.bluetooth
            statistics.port_packets += len(segments)
            records = [record for segment in segments for record in connections.receive(segment)]
            connections.count_radio(statistics)
            statistics.port_packets -= statistics.bluetooth - before
            statistics.connections = connections.count
            yield packet, records
        reader.report(statistics)
        statistics.warnings += connections.warnings()
    yield None, list(connections.close())
    statistics.notes += connections.notes()


def read_segments(
    path: Path,
    ports: frozenset[int] | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
    *,
    radio: bool = False,
) -> Iterator[list[Segment]]:
    """The TCP segments of a capture from or to some ports, all if None; as many at a time as came at once.

    With `radio`, Bluetooth packets as well, each in the place of a segment; see `net.bluetooth`.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    return _segments(path, _open(path, ports), ports, statistics, progress, radio=radio)


def _open(
    path: Path | OpenCapture, ports: frozenset[int] | None, memory: int = MEMORY
) -> tuple[Format | None, BufferedReader]:
    """Open a capture. Returns its format, or None if it is what libpcap takes out of it, and the file.

    Raises:
        CaptureError: It cannot be opened, or is no capture.
    """
    if ports is not None and isinstance(path, Path) and _is_large(path) and not is_off("libpcap"):
        from lmdecode.capture.net.libpcap import screened  # noqa: PLC0415 -- small captures do without

        found = screened(path, ports)
        if found is not None:
            return None, found
    return open_capture(path, memory)


def _is_large(path: Path) -> bool:
    try:
        return path.stat().st_size >= _WORTH_SCREENING
    except (OSError, ValueError):
        return False


def _segments(
    path: Path | OpenCapture,
    opened: tuple[Format | None, BufferedReader],
    ports: frozenset[int] | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    *,
    radio: bool = True,
) -> Generator[list[Segment], None, None]:
    kind, file = opened
    if kind is None:
        yield from _read_screened(cast("Path", path), file, ports, statistics, progress, radio=radio)
        return
    with closing(file):
        if kind.segments is not None:
            yield from kind.segments(file, statistics, progress, ports)
        if kind.packets is None:  # a format that has messages has no segments
            return
        reader = SegmentReader(ports, radio=radio)
        looked_for = _looked_for(ports)
        found: Iterator[Sequence[Found]] = (
            kind.packets(file, statistics, progress, looked_for)
            if kind.found is None
            else kind.found(file, statistics, progress, looked_for, None if is_off("prefilter") else reader.ends)
        )
        for packets in found:
            segments = reader.read_all(packets)
            if segments:
                yield segments
        reader.report(statistics)


def _looked_for(ports: frozenset[int] | None) -> frozenset[int] | None:
    """Return the ports by which the readers of formats may reject packets; None if they are to let all through."""
    return None if is_off("prefilter") else ports


def _read_screened(
    path: Path,
    file: BufferedReader,
    ports: frozenset[int] | None,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    *,
    radio: bool,
) -> Iterator[list[Segment]]:
    """The segments of a capture of which libpcap took out what may be ours.

    Where libpcap can read no further, our own reader reads it all again: it says what is wrong, and goes on with what
    libpcap cannot read, another capture that was put behind the first.
    """
    reader = SegmentReader(ports, radio=radio)
    screen = cast("Screened", file.raw)
    is_cut = True  # if nothing is let through, it may all be cut before the ports
    is_odd = False
    done = 0
    ends: list[Stop] = []

    def passed() -> Iterator[list[Found]]:
        told = progress and (lambda _: progress(screen.position))
        known = None if is_off("prefilter") else reader.ends
        ends.append((yield from walk_pcap(Source(file), 0, statistics, told, None, known)))

    with closing(file):
        for number, packets in enumerate(passed()):
            # The header of another capture is the record of a packet without bytes to libpcap.
            made = [packet for packet in packets if isinstance(packet, Packet)]  # all others are whole
            is_odd = any(not packet.original_length for packet in made)
            if is_odd:
                break
            is_cut = (is_cut and number > 0) or any(len(packet.data) < packet.original_length for packet in made)
            segments = reader.read_all(packets)
            done += len(segments)
            if segments:
                yield segments
        while not is_odd and file.read1():  # libpcap stops only when it has written all, and is waited for
            pass
        failed = is_odd or ends[0].is_more or screen.failed()
    if failed or is_cut:
        reader = SegmentReader(ports, radio=radio)
        _, file = open_capture(path)
        with closing(file):
            for every in read_pcap(file, statistics, None, _looked_for(ports)):
                segments = reader.read_all(every)
                new = segments[done:]
                done -= len(segments) - len(new)
                if new:
                    yield new
    reader.report(statistics)


class PortTraffic(NamedTuple):
    """The TCP packets to and from one port."""

    port: int
    packets: int
    frames: int
    """Payloads that look like a dialect's."""


def busiest_ports(path: Path, limit: int = 5, statistics: CaptureStatistics | None = None) -> list[PortTraffic]:
    """The ports with the most traffic in a capture, those whose payloads look like a dialect first.

    Of a packet's two ports the server's is counted: the one that a SYN goes to, or else the lower one.

    Args:
        path: The capture.
        limit: At most so many ports are returned.
        statistics: What is read is counted in it, also what could not be looked into.

    Raises:
        CaptureError: The file cannot be read, or no further.
    """
    return survey(path, limit, statistics).busiest


class Survey(NamedTuple):
    """What a capture has of TCP, whatever it is."""

    busiest: list[PortTraffic]
    """As `busiest_ports` returns them."""
    visits: list[Visit]
    """TLS with the maker's hosts, by host."""


def survey(path: Path, limit: int = 5, statistics: CaptureStatistics | None = None) -> Survey:
    """Look at all TCP packets of a capture. Args and errors are those of `busiest_ports`."""
    from lmdecode.capture.net.tls import Visits  # noqa: PLC0415 -- for captures in which nothing is ours

    packets: dict[int, int] = {}
    frames: dict[int, int] = {}
    sniffs = [each.sniff for each in dialects().values()]
    visits = Visits()
    for segment in chain.from_iterable(read_segments(path, None, statistics or CaptureStatistics())):
        visits.take(segment)
        ports = segment.source.port, segment.destination.port
        port = ports[1] if segment.flags & (SYN | ACK) == SYN else min(ports)
        packets[port] = packets.get(port, 0) + 1
        payload = segment.payload
        if payload and any(sniff(payload) for sniff in sniffs):
            frames[port] = frames.get(port, 0) + 1
    traffic = [PortTraffic(port, count, frames.get(port, 0)) for port, count in packets.items()]
    traffic.sort(key=lambda each: (-each.frames, -each.packets, each.port))
    return Survey(traffic[:limit], visits.all())


def visits_to_the_maker(path: Path) -> list[Visit]:
    """Return the TLS connections with the maker's hosts in a capture that has other traffic too.

    A look at all packets takes time, so it is done only where the name of such a host stands in the bytes of a file,
    and not for a file that is large or compressed.
    """
    try:
        if not 0 < path.stat().st_size <= _WORTH_LOOKING:
            return []
        from lmdecode.capture.net.tls import MAKER  # noqa: PLC0415 -- only where it is looked for

        content = path.read_bytes()
        return survey(path).visits if any(end in content for end in MAKER) else []
    except (OSError, ValueError, CaptureError):
        return []
