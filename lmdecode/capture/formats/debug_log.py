"""Debug logs of programs that talk to machines: text in which some lines are about messages.

Which lines those are, and what they say, is the business of the dialects: each may bring a `LogConversation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader
from itertools import chain
from typing import Final

from lmdecode.capture.formats import Format
from lmdecode.capture.formats.tshark_json import is_packets
from lmdecode.capture.source import CaptureError, CaptureStatistics, TextInput, text_of
from lmdecode.codec.dialect import Place, Speakers, dialects
from lmdecode.codec.record import Record

_PROGRESS_STEP: Final = 1 << 20


def read_log(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    speakers: Speakers,
    capture: str | None = None,
) -> Iterator[Record]:
    """Read the messages of a log. All lines are counted as packets, those about messages as packets on the port.

    Args:
        file: Positioned at its beginning; UTF-8, or UTF-16 with a byte order mark.
        statistics: Counts, warnings and notes are added to it.
        progress: Called now and then with the position in the file, in bytes.
        speakers: The dialects that are read.
        capture: The capture's name, for the Records.

    Raises:
        CaptureError: There is no message in it.
    """
    source = TextInput(file)
    logs = speakers.logs(Place(statistics.connections, capture=capture), statistics.tallies)
    reported = 0
    for line in chain.from_iterable(source.lines()):
        statistics.packets += 1
        statistics.bytes_read = source.position
        if progress is not None and source.position - reported >= _PROGRESS_STEP:
            reported = source.position
            progress(reported)
        for log in logs:
            records = log.receive(line)
            if records is not None:
                statistics.connections += not statistics.port_packets
                statistics.port_packets += 1
                yield from records
                break
    for log in logs:
        yield from log.close()
    statistics.bytes_read = source.position
    if source.failure:
        statistics.warnings.append(f"the log cannot be read further ({source.failure}); all before it was decoded")
    for log in logs:
        statistics.warnings += log.warnings()
        statistics.notes += log.notes()
    if not statistics.port_packets:
        raise CaptureError(f"{file.name} {logs[0].nothing if logs else 'is a log of another dialect'}")


def _is_log(start: bytes) -> bool:
    """Return True if a line is about a message. The data of a packet in tshark's JSON can look like such a line."""
    text = text_of(start)
    return not is_packets(text) and any(each.sniff_log(text) for each in dialects().values())


FORMAT: Final = Format(
    "the debug log of lmdirect",
    written_by="Home Assistant, lmdirect",
    lacks="what the log leaves out",
    recognises=_is_log,
    records=read_log,
)
