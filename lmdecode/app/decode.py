"""Captures into the records that the user asked for, and what is to be said about each capture afterwards."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

from lmdecode.app.files import is_live
from lmdecode.capture import CaptureError, CaptureStatistics, busiest_ports, decode_packets, make_of_capture
from lmdecode.capture.net.packet import Packet
from lmdecode.codec.record import Record
from lmdecode.codec.v1._fast import RECORDS, Maker
from lmdecode.codec.v1.conversation import Tally
from lmdecode.codec.v1.decoder import Decoder
from lmdecode.config.keys import decoder_for, find_keys

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for, as plain texts and numbers, so that a worker process can be given it."""

    keys: tuple[str, ...] = field(repr=False)
    config: Path | None
    show_secrets: bool = False
    port: int = 1774
    where: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def decoder(self) -> tuple[Decoder, str]:
        """A decoder with the user's keys, and where they are from."""
        machines, origin = find_keys(self.keys, self.config)
        return decoder_for(machines, show_secrets=self.show_secrets), origin

    def chosen(self, records: Iterable[Record]) -> Iterator[Record]:
        """Of some records those, and of them that, which the user wants to see."""
        if self.where:
            from lmdecode.analysis.filters import parse_all

            records = filter(parse_all(self.where), records)
        if self.fields:
            from lmdecode.analysis.columns import Selection

            records = filter(None, map(Selection(self.fields).apply, records))
        return iter(records)


@dataclass(slots=True)
class Outcome:
    """What came of one capture; whole when its last record is out."""

    path: Path
    statistics: CaptureStatistics = field(default_factory=CaptureStatistics)
    tally: Tally = field(default_factory=Tally)
    unread: bool = False
    """Whether it could not be read at all, or no further."""
    shown: int = 0
    """Records that were written, where the user chose some."""
    complaints: list[str] = field(default_factory=list)
    """What is wrong with it, for the user; one line each."""
    notes: list[str] = field(default_factory=list)
    """What is good to know; one line each."""


def read(
    outcome: Outcome,
    decoder: Decoder,
    port: int,
    *,
    first_stream: int = 0,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
) -> Iterator[Record]:
    """All records of a capture. What is wrong with the capture does not raise, but is in the outcome."""
    return read_into(RECORDS, outcome, decoder, port, first_stream=first_stream, progress=progress, ahead=ahead)


def read_into(
    make: Maker[T],
    outcome: Outcome,
    decoder: Decoder,
    port: int,
    *,
    first_stream: int = 0,
    progress: Callable[[int], None] | None = None,
    ahead: bool = False,
) -> Iterator[T]:
    """What a maker makes of all messages of a capture; as `read`."""
    made = make_of_capture(
        outcome.path,
        make,
        decoder,
        port=port,
        tally=outcome.tally,
        statistics=outcome.statistics,
        progress=progress,
        ahead=ahead,
    )
    return _with_port(outcome, port, told(outcome, first_stream, made))


def read_packets(
    outcome: Outcome,
    decoder: Decoder,
    port: int,
    *,
    first_stream: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Iterator[tuple[Packet | None, list[Record]]]:
    """All packets of a capture, each with the records that it completes. For what is wrong with it see `read`."""
    path, statistics, tally = outcome.path, outcome.statistics, outcome.tally
    packets = decode_packets(path, decoder, port=port, tally=tally, statistics=statistics, progress=progress)
    return _with_port(outcome, port, told(outcome, first_stream, packets))


def _with_port(outcome: Outcome, port: int, things: Iterator[T]) -> Iterator[T]:
    """What comes out of a capture, and in the outcome that it has nothing on the port."""
    yield from things
    if not outcome.statistics.port_packets and not outcome.unread:
        outcome.complaints.insert(0, nothing_on(port, outcome.path))


def told(outcome: Outcome, first_stream: int, things: Iterator[T]) -> Iterator[T]:
    """What comes out of a capture, and in the outcome what is wrong with the capture."""
    path, statistics = outcome.path, outcome.statistics
    statistics.connections = first_stream
    try:
        yield from things
    except CaptureError as error:
        outcome.unread = True
        outcome.complaints.append(str(error))
    outcome.complaints += [f"{path}: {warning}" for warning in statistics.warnings]
    outcome.notes += [f"{path}: {note}" for note in statistics.notes]
    statistics.connections -= first_stream


def merged(outcomes: Iterable[Outcome], decoder: Decoder, port: int) -> Iterator[Record]:
    """The records of all captures in the order of time; see `by_time`."""
    return by_time([read(outcome, decoder, port) for outcome in outcomes])


def counted(outcomes: Iterable[Outcome]) -> Tally:
    """The counts of several captures together."""
    total = Tally()
    for outcome in outcomes:
        for column in fields(Tally):
            get = attrgetter(column.name)
            setattr(total, column.name, get(total) + get(outcome.tally))
    return total


def nothing_decoded(outcomes: Iterable[Outcome], port: int, key_origin: str) -> str | None:
    """Why there is nothing that would be worth a file, if there is nothing; "" if that is in the complaints already."""
    outcomes = list(outcomes)
    tally = counted(outcomes)
    if tally.frames and not tally.valid_frames:
        return f"0 of {tally.frames} frames have a valid check byte: wrong key? (it is from {key_origin})"
    if tally.messages or not any(outcome.complaints or outcome.statistics.connections for outcome in outcomes):
        return None
    if any(outcome.statistics.connections for outcome in outcomes) and (tally.bytes_skipped or tally.bytes_missing):
        return (
            f"no whole frame in what was said on TCP port {port}: capture with tcpdump -s 0, "
            "from before the app connects; a machine with a version 3 gateway does not speak this protocol"
        )
    return "" if any(outcome.complaints for outcome in outcomes) else None


def summary(outcomes: Iterable[Outcome], *, chosen: bool) -> str:
    """The last line, which sums up all that was read.

    Args:
        outcomes: What came of the captures.
        chosen: Whether the user saw a choice of it only, so that it is to be said how much that was.
    """
    outcomes = list(outcomes)
    tally = counted(outcomes)
    parts = [
        _count(sum(outcome.statistics.port_packets for outcome in outcomes), "packet"),
        _count(sum(outcome.statistics.connections for outcome in outcomes), "connection"),
        _count(tally.frames, "frame"),
        _count(tally.messages, "message"),
        _count(tally.problems, "problem"),
        f"{_count(tally.bytes_skipped, 'byte')} skipped",
    ]
    if tally.bytes_missing:
        parts.append(f"{_count(tally.bytes_missing, 'byte')} missing")
    if chosen:
        parts.append(f"{sum(outcome.shown for outcome in outcomes):,} shown")
    return ", ".join(parts)


def nothing_on(port: int, path: Path) -> str:
    """Why nothing came of a capture: what is on other ports, and what to do."""
    if is_live(path):  # what came through a pipe cannot be looked at again
        return f"{path}: nothing on TCP port {port}: name another port with --port, or save the capture and decode it"
    ports = busiest_ports(path)
    if not ports:
        return f"{path}: no TCP traffic at all: was it captured where app and machine talk?"
    likely = [traffic.port for traffic in ports if traffic.frames]
    listed = ", ".join(f"{traffic.port} ({_count(traffic.packets, 'packet')})" for traffic in ports)
    advice = f"try --port {likely[0]}, whose data look like frames" if likely else "name another with --port"
    return f"{path}: nothing on TCP port {port}; busiest are {listed}: {advice}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def by_time(captures: Sequence[Iterable[Record]]) -> Iterator[Record]:
    """The records of all captures in the order of time, their connections numbered in that order too.

    Each capture is read only as far as it has to be, so memory does not grow with them.

    >>> first = [Record(10, 0, "app", "a", "b"), Record(30, 0, "machine", "b", "a")]
    >>> [(record.time_ns, record.stream) for record in by_time([first, [Record(20, 0, "app", "c", "b")]])]
    [(10, 0), (20, 1), (30, 0)]
    """
    numbers: dict[tuple[int, int], int] = {}

    def numbered(index: int, records: Iterable[Record]) -> Iterator[tuple[int, Record]]:
        for record in records:
            yield index, record

    streams = [numbered(index, records) for index, records in enumerate(captures)]
    for index, record in heapq.merge(*streams, key=lambda pair: pair[1].time_ns):
        stream = numbers.setdefault((index, record.stream), len(numbers))
        yield record if record.stream == stream else record._replace(stream=stream)
