"""Recorded HTTP as captures: how a file is gone through, what is counted, and what is said if nothing comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BufferedReader, RawIOBase
from typing import BinaryIO, Final, TypeAlias, cast

from lmdecode.capture.http.exchange import Exchange
from lmdecode.capture.http.inflation import allowed_for, bodies_within
from lmdecode.capture.http.recording import Recording
from lmdecode.capture.source import CaptureError, CaptureStatistics
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers, cloud_hosts

_PROGRESS_STEP: Final = 1 << 20  # bytes

Take: TypeAlias = Callable[[Recording], Iterator[Record]]
"""Gives something that was recorded to a recording, and yields the Records that come of it at once."""


class _Counted(RawIOBase):
    """A file that says how far it was read, and ends where it cannot be read any further."""

    def __init__(
        self, file: BufferedReader, statistics: CaptureStatistics, progress: Callable[[int], None] | None
    ) -> None:
        self._file = file
        self._statistics = statistics
        self._progress = progress
        self._reported = 0
        self.failure = ""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""
        try:
            data = self._file.read1(size)
        except OSError as error:
            self.failure = error.strerror or "input/output error"
            return b""
        position = self._statistics.bytes_read = self._statistics.bytes_read + len(data)
        if self._progress is not None and position - self._reported >= _PROGRESS_STEP:
            self._reported = position
            self._progress(position)
        return data


def read_recorded(  # noqa: PLR0917 -- in the order of a format's reader
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
    speakers: Speakers,
    capture: str | None,
    things: Callable[[BinaryIO, Recording], Iterator[Exchange | Take]],
) -> Iterator[Record]:
    """Read the messages of recorded HTTP. Requests are counted as packets.

    Args:
        file: At its beginning.
        statistics: Counts, warnings and notes are added to it.
        progress: Called now and then with the position in the file, in bytes.
        speakers: The dialects that are read.
        capture: The capture's name, for the Records.
        things: Yields what was recorded. After the last that can be read it raises an LmdecodeError that says what
            cannot.

    Raises:
        CaptureError: There is no message in it.
    """
    name = "-" if file.name == 0 else file.name  # standard input
    source = _Counted(file, statistics, progress)
    statistics.bytes_read = 0
    statistics.noun = "request"
    recording = Recording(speakers, statistics, capture)
    recording.allowed[0] = allowed_for(0, free=True)
    found = things(cast("BinaryIO", source), recording)
    known = 0
    wrong = ""
    while True:
        try:
            with bodies_within(recording.allowed):
                thing = next(found, None)
        except LmdecodeError as error:
            wrong = str(error)
            break
        if thing is None:
            break
        recording.allowed[0] += allowed_for(statistics.bytes_read - known)
        known = statistics.bytes_read
        yield from recording.take(thing) if isinstance(thing, Exchange) else thing(recording)
    yield from recording.ended()
    if source.failure:
        statistics.warnings.append(f"the file cannot be read further ({source.failure}); all before it was decoded")
    elif wrong:
        statistics.warnings.append(wrong)
    if not statistics.port_packets and (statistics.packets or not statistics.warnings):
        requests = (
            "its request is not" if statistics.packets == 1 else f"none of its {statistics.packets:,} requests is"
        )
        hosts = ", ".join(sorted(cloud_hosts(), key=lambda host: (not host.startswith("lion"), host)))
        raise CaptureError(
            f"{name}: {requests} to La Marzocco's cloud ({hosts}) or to a machine at home; record again while the "
            "app, or your program, talks to it"
        )
    if not statistics.port_packets:
        raise CaptureError(f"{name}: {statistics.warnings.pop()}")
