"""Decodes captures into the Records that the user asked for, and reports on each capture afterwards.

The command line, the Python interface and every command that looks at captures read them here, so a count, a verdict
and an error text exist once.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from lmdecode.app.errors import UsageError
from lmdecode.app.files import is_live
from lmdecode.capture.connections import Connections
from lmdecode.capture.net.packet import Packet
from lmdecode.capture.reader import (
    decode_capture_into,
    decode_lists_into,
    decode_packets,
    read_segments,
    survey,
    visits_to_the_maker,
)
from lmdecode.capture.source import MEMORY, CaptureError, CaptureStatistics, OpenCapture
from lmdecode.codec.dialect import RECORDS, Sink, Tallies, Tally
from lmdecode.codec.printable import encodable
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.project import page
from lmdecode.render.counts import count_text

if TYPE_CHECKING:
    from lmdecode.capture.net.tls import Visit

T = TypeVar("T")

_MOST_HOSTS: Final = 4  # that are named

Progress: TypeAlias = Callable[[Path], AbstractContextManager[Callable[[int], None] | None]]
"""Opens a progress bar for a file; gives a function to call with the position in bytes, or None without a bar."""


def no_progress(_path: Path) -> AbstractContextManager[None]:
    """Opens no progress bar."""
    return nullcontext()


@dataclass(slots=True)
class Outcome:
    """What came of one capture; whole when its last record is out."""

    path: Path | OpenCapture
    capture: str | None = None
    """The capture's name in the Records; None if it is the only one."""
    statistics: CaptureStatistics = field(default_factory=CaptureStatistics)
    memory: int = MEMORY
    """Bytes of memory that its decode may take."""
    error: CaptureError | None = None
    """Why it could not be read at all, or no further; one of the complaints says the same."""
    shown: int = 0
    """Records that were what the user asked for, where that is not everything."""
    machines: dict[tuple[tuple[str | None, int], str | None], tuple[str, ...]] = field(default_factory=dict)
    """All names of each connection's machine, where the user chose some messages."""
    first_ns: int | None = None
    """The time of the first record, where the user chose some messages; nanoseconds since 1970."""
    last_ns: int = 0
    """The time of the last record, likewise."""
    complaints: list[str] = field(default_factory=list)
    """What is wrong with the capture; one line each."""
    notes: list[str] = field(default_factory=list)
    """What is good to know; one line each."""

    @property
    def tally(self) -> Tally:
        """What was decoded, in all protocols together."""
        return self.statistics.tallies.total()

    @property
    def name(self) -> str:
        """What the capture is called in messages."""
        return str(self.path if isinstance(self.path, Path) else self.path.name)


def outcomes_of(paths: Sequence[Path | OpenCapture]) -> list[Outcome]:
    """Return an empty outcome for each capture. Where there are several, their Records will have their names."""
    outcomes = [Outcome(path) for path in paths]
    if len(outcomes) > 1:
        for outcome in outcomes:
            outcome.capture = encodable(outcome.name)
    return outcomes


def read(
    outcome: Outcome,
    speakers: Speakers,
    *,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Record]:
    """Read all records of a capture. What is wrong with the capture does not raise, but is in the outcome."""
    return read_into(RECORDS, outcome, speakers, progress=progress)


def read_into(
    sink: Sink[T],
    outcome: Outcome,
    speakers: Speakers,
    *,
    progress: Callable[[int], None] | None = None,
) -> Iterator[T]:
    """Read what a sink makes of all messages of a capture; as `read`."""
    return chain.from_iterable(read_lists_into(sink, outcome, speakers, progress=progress))


def read_lists_into(
    sink: Sink[T],
    outcome: Outcome,
    speakers: Speakers,
    *,
    progress: Callable[[int], None] | None = None,
) -> Iterator[list[T]]:
    """As `read_into`, but gives as much at a time as came at once."""
    made = decode_lists_into(
        outcome.path,
        sink,
        speakers,
        statistics=outcome.statistics,
        progress=progress,
        capture=outcome.capture,
        memory=outcome.memory,
    )
    return _with_ports(outcome, speakers.ports, _noted(outcome, made))


def read_packets(
    outcome: Outcome, speakers: Speakers, *, progress: Callable[[int], None] | None = None
) -> Iterator[tuple[Packet | None, list[Record]]]:
    """Read all packets of a capture, each with the records that it completes. For what is wrong with it see `read`."""
    if not isinstance(outcome.path, Path):
        raise TypeError("packets are read from files only")
    packets = decode_packets(
        outcome.path, speakers, statistics=outcome.statistics, progress=progress, capture=outcome.capture
    )
    return _with_ports(outcome, speakers.ports, _noted(outcome, packets))


def merged(outcomes: Iterable[Outcome], speakers: Speakers) -> Iterator[Record]:
    """Read the records of all captures in the order of time; see `by_time`."""
    return by_time([read(outcome, speakers) for outcome in outcomes])


def by_time(captures: Sequence[Iterable[Record]]) -> Iterator[Record]:
    """Return the records of all captures in the order of time.

    Each capture is read only as far as it has to be, so memory does not grow with them.

    >>> first = [Record(10, 0, "app", "a", "b"), Record(30, 0, "machine", "b", "a")]
    >>> [record.time_ns for record in by_time([first, [Record(20, 0, "app", "c", "b")]])]
    [10, 20, 30]
    """
    return heapq.merge(*captures, key=lambda record: record.time_ns)


def in_order(paths: Sequence[Path]) -> list[Path]:
    """Return the pieces of a capture in the order of their first packets.

    `tcpdump -C`, `-G` and `-W` and Wireshark's ring buffer leave pieces whose names often have another order: `x`,
    `x1`, `x10`, `x2`.

    Raises:
        UsageError: One is a pipe, which cannot be looked into beforehand.
    """
    if any(map(is_live, paths)):
        raise UsageError("--join needs files, not pipes: what is in a pipe is one capture already")
    if len(paths) < 2:
        return [*paths]
    times: dict[Path, int] = {}
    before = 0
    for path in paths:  # one without any packets stays behind the one that it was given after
        found = _first_ns(path)
        before = times[path] = before if found is None else found
    return sorted(paths, key=times.__getitem__)


def joined(outcomes: Sequence[Outcome], speakers: Speakers, *, progress: Progress = no_progress) -> Iterator[Record]:
    """Read the records of several files that are pieces of one capture.

    A connection that goes on in the next piece goes on: its streams, its number, its unanswered requests. What is
    decoded is counted in the first outcome.
    """
    return joined_into(RECORDS, outcomes, speakers, progress=progress)


def joined_into(
    sink: Sink[T],
    outcomes: Sequence[Outcome],
    speakers: Speakers,
    *,
    progress: Progress = no_progress,
    capture: str | None = None,
) -> Iterator[T]:
    """Read what a sink makes of all messages of the pieces of one capture; as `joined`.

    Args:
        sink: Decides what is made of each message. Only of Records it is noted if pieces overlap.
        outcomes: Of the pieces, in their order.
        speakers: The dialects, with the owner's keys.
        progress: Opens a progress bar for a piece.
        capture: The capture's name, for the Records.
    """
    tallies = outcomes[0].statistics.tallies
    connections = Connections(sink, speakers, tallies, capture=capture, memory=outcomes[0].memory // 4)
    latest, before = 0, None
    for outcome in outcomes:
        begin = _first_ns(outcome.path) if isinstance(outcome.path, Path) else None
        if begin is not None and begin < latest:
            outcome.notes.append(
                f"{outcome.name} begins before {before} ends: are they pieces of one capture? "
                "Captures of different places or interfaces go together with --order time"
            )
        outcome.statistics.tallies = tallies
        outcome.statistics.connections = first = connections.count
        with progress(Path(outcome.name)) as reached:
            made = decode_capture_into(
                outcome.path,
                sink,
                speakers,
                statistics=outcome.statistics,
                progress=reached,
                capture=capture,
                connections=connections,
            )
            for each in _noted(outcome, made):
                if isinstance(each, Record):
                    latest = max(latest, each.time_ns)
                yield each
        outcome.statistics.connections -= first
        before = outcome.name
    yield from connections.close()
    outcomes[-1].complaints += [f"{outcomes[-1].name}: {warning}" for warning in connections.warnings()]
    outcomes[-1].notes += [f"{outcomes[-1].name}: {note}" for note in connections.notes()]
    for outcome in outcomes[1:]:
        outcome.statistics.tallies = Tallies()
    if not any(outcome.statistics.port_packets or outcome.complaints for outcome in outcomes):
        outcomes[0].complaints.append(nothing_on(speakers.ports, outcomes[0].path, outcomes[0].statistics))


def _first_ns(path: Path) -> int | None:
    """Return when a capture's first TCP packet was; None if it has none, or cannot be read."""
    try:
        return next(
            (segments[0].time_ns for segments in read_segments(path, None, CaptureStatistics(), radio=True)), None
        )
    except CaptureError:
        return None


def _with_ports(outcome: Outcome, ports: frozenset[int], things: Iterator[T]) -> Iterator[T]:
    """Pass on what comes out of a capture, and note in the outcome if nothing is on the ports."""
    yield from things
    if not outcome.statistics.port_packets and outcome.error is None:
        found = nothing_on(ports, outcome.path, outcome.statistics)
        said = [f" of {layer} could not be read" for layer in outcome.statistics.unread if layer in found]
        outcome.complaints = [each for each in outcome.complaints if not any(text in each for text in said)]
        outcome.complaints.insert(0, found)
    elif outcome.statistics.noun == "packet" and isinstance(outcome.path, Path) and not is_live(outcome.path):
        visits = visits_to_the_maker(outcome.path)
        if visits:
            outcome.notes.append(f"{outcome.name}: beside what was decoded there is {_hidden_in_tls(visits)}")


def _noted(outcome: Outcome, things: Iterator[T]) -> Iterator[T]:
    """Pass on what comes out of a capture, and note in the outcome what is wrong with the capture."""
    try:
        yield from things
    except CaptureError as error:
        outcome.error = error
        outcome.complaints.append(str(error))
    outcome.complaints += [f"{outcome.name}: {warning}" for warning in outcome.statistics.warnings]
    outcome.notes += [f"{outcome.name}: {note}" for note in outcome.statistics.notes]


def counted(outcomes: Iterable[Outcome]) -> Tally:
    """Return the counts of several captures together."""
    return _tallies(outcomes).total()


def nothing_decoded(outcomes: Iterable[Outcome], speakers: Speakers) -> str | None:
    """Return why there is nothing that would be worth a file; "" if the complaints say so already.

    Returns None if something was decoded, or if there was nothing wrong with the captures.
    """
    outcomes = list(outcomes)
    tally = counted(outcomes)
    said = speakers.verdict(_tallies(outcomes))
    if said is not None:
        return said
    if tally.messages or not any(outcome.complaints or outcome.statistics.connections for outcome in outcomes):
        return None
    return "" if any(outcome.complaints for outcome in outcomes) else None


def _tallies(outcomes: Iterable[Outcome]) -> Tallies:
    total = Tallies()
    for outcome in outcomes:
        for name, tally in outcome.statistics.tallies.items():
            total[name].add(tally)
    return total


def summary(outcomes: Iterable[Outcome], *, chosen: str = "") -> str:
    """Return the last line, which sums up all that was read.

    Args:
        outcomes: What came of the captures.
        chosen: What happened to a choice of the messages, so that the line says how many they were: "shown"; "" if
            all were wanted.
    """
    outcomes = list(outcomes)
    tally = counted(outcomes)
    nouns = {outcome.statistics.noun for outcome in outcomes if outcome.statistics.port_packets}
    noun = nouns.pop() if len(nouns) == 1 else "packet"
    parts = [
        count_text(sum(outcome.statistics.port_packets for outcome in outcomes), noun),
        count_text(sum(outcome.statistics.connections for outcome in outcomes), "connection"),
        count_text(tally.frames, "frame"),
        count_text(tally.messages, "message"),
        count_text(tally.problems, "problem"),
        f"{count_text(tally.bytes_skipped, 'byte')} skipped",
    ]
    if tally.bytes_missing:
        parts.append(f"{count_text(tally.bytes_missing, 'byte')} missing")
    if chosen:
        parts.append(f"{sum(outcome.shown for outcome in outcomes):,} {chosen}")
    return ", ".join(parts)


def nothing_on(ports: Iterable[int], path: Path | OpenCapture, statistics: CaptureStatistics) -> str:
    """Return why nothing came of a capture: what is on other ports, what could not be looked into, and what to do.

    Args:
        ports: The TCP ports on which nothing was.
        path: The capture.
        statistics: What was counted in it up to now.
    """
    from lmdecode.capture.net.encapsulation import not_looked_into

    name = str(path if isinstance(path, Path) else path.name)
    if statistics.bluetooth:
        found = f"{name}: no machine is in {count_text(statistics.bluetooth, 'Bluetooth packet')}"
        left = statistics.other_devices
        if left:
            found += f" ({'1 other device was' if left == 1 else f'{left:,} other devices were'} left alone)"
        return f"{found}: record while the app is near the machine and talks to it by Bluetooth"
    nothing = f"{name}: nothing on TCP port {' or '.join(map(str, sorted(ports)))}"
    if not isinstance(path, Path) or is_live(path):  # what came through a pipe cannot be looked at again
        advice = "name another port with --port, or save the capture and decode it"
        return f"{nothing}: {advice}{_hidden(not_looked_into(statistics.unread, counted=False))}"
    everything = CaptureStatistics()
    busiest, visits = survey(path, statistics=everything)
    hidden = _hidden(not_looked_into(everything.unread))
    if visits:
        return f"{name}: nothing but {_hidden_in_tls(visits)}{hidden}"
    if not busiest and hidden:
        return f"{name}: no TCP traffic in what can be read{hidden}"
    if not busiest:
        return f"{name}: {_nothing_at_all(path)}"
    likely = [traffic.port for traffic in busiest if traffic.frames]
    listed = ", ".join(f"{traffic.port} ({count_text(traffic.packets, 'packet')})" for traffic in busiest)
    advice = f"try --port {likely[0]}, whose data look like frames" if likely else "name another with --port"
    return f"{nothing}; busiest are {listed}: {advice}{hidden}"


def _nothing_at_all(path: Path) -> str:
    """Return what to say of a capture in which is neither TCP nor Bluetooth Low Energy."""
    from lmdecode.capture.formats import open_capture

    kind, file = open_capture(path)
    file.close()
    if kind.has_tcp:
        return "no TCP traffic at all: was it captured where app and machine talk?"
    return (
        "no packet of Bluetooth Low Energy is in it: switch the log on, switch Bluetooth off and on, and use the app "
        f"near the machine: {page('how-to/bluetooth')}"
    )


def _hidden_in_tls(visits: Sequence[Visit]) -> str:
    """Return what is in TLS with the maker's hosts, when, and what to record instead."""
    from lmdecode.analysis.times import between_text

    hosts = ", ".join(f"{each.host} ({count_text(each.connections, 'connection')})" for each in visits[:_MOST_HOSTS])
    when = between_text(min(each.first_ns for each in visits), max(each.last_ns for each in visits))
    return (
        f"TLS with La Marzocco's cloud, which cannot be read: {hosts}, {when}; record instead the debug log of Home "
        f"Assistant, your own client through mitmproxy, or a Bluetooth log: {page('which-generation')}"
    )


def _hidden(layers: str) -> str:
    """Return the end of a line that says what was not looked into, and what to do; "" if there was nothing."""
    return f"; not looked into: {layers}" if layers else ""
