"""Several files that are pieces of one capture, as `tcpdump -C`, `-G` and `-W` and Wireshark's ring buffer leave them.

A connection that goes on in the next piece goes on: its streams, its numbers, its unanswered requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lmdecode.app.decode import Outcome, nothing_on, told
from lmdecode.capture import CaptureError, CaptureStatistics, decode_capture
from lmdecode.capture.connections import Connections
from lmdecode.capture.reader import read_segments
from lmdecode.codec.record import Record
from lmdecode.codec.v1._fast import RECORDS
from lmdecode.codec.v1.decoder import Decoder


def in_order(paths: Sequence[Path]) -> list[Path]:
    """The pieces in the order of their first packets, since names often have another: `x`, `x1`, `x10`, `x2`."""
    times: dict[Path, int] = {}
    before = 0
    for path in paths:  # one without any stays behind the one that it was given after
        found = _first_ns(path)
        before = times[path] = before if found is None else found
    return sorted(paths, key=times.__getitem__)


def joined(outcomes: Sequence[Outcome], decoder: Decoder, port: int) -> Iterator[Record]:
    """The records of all pieces as of one capture. What is decoded is counted in the first outcome."""
    tally = outcomes[0].tally
    connections = Connections(RECORDS, decoder, port, tally)
    latest, before = 0, None
    for outcome in outcomes:
        begin = _first_ns(outcome.path)
        if begin is not None and begin < latest:
            outcome.notes.append(
                f"{outcome.path} begins before {before} ends: are they pieces of one capture? "
                "Captures of different places or interfaces go together with --order time"
            )
        records = decode_capture(
            outcome.path, decoder, port=port, tally=tally, statistics=outcome.statistics, connections=connections
        )
        for record in told(outcome, connections.count, records):
            latest = max(latest, record.time_ns)
            yield record
        before = outcome.path
    yield from connections.close()
    if not any(outcome.statistics.port_packets or outcome.complaints for outcome in outcomes):
        outcomes[0].complaints.append(nothing_on(port, outcomes[0].path))


def _first_ns(path: Path) -> int | None:
    """When a capture's first TCP packet was; None if it has none, or cannot be read, which is told when it is."""
    try:
        return next((segments[0].time_ns for segments in read_segments(path, None, CaptureStatistics())), None)
    except CaptureError:
        return None
