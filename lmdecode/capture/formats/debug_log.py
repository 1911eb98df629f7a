"""Debug logs of programs that talk to machines: text in which some lines are about messages.

Which lines those are, and what they say, is the business of the dialects: each may bring a `LogConversation`.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator, Sequence
from io import BufferedReader
from typing import Final

from lmdecode.capture.formats import Format
from lmdecode.capture.formats.tshark_json import is_packets
from lmdecode.capture.source import LONGEST_OF_LOG, CaptureError, CaptureStatistics, TextInput, text_of
from lmdecode.codec.dialect import LogConversation, Place
from lmdecode.codec.log_text import NO_ZONE
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers, dialects

ON_DEBUG: Final = (
    "log on level debug: in Home Assistant's configuration.yaml, logger: logs: pylamarzocco: debug "
    "(before December 2024: lmcloud, before September 2023: lmdirect)"
)
"""What makes a log that has messages in it."""
_PROGRESS_STEP: Final = 1 << 20
_PAUSE: Final = 0.5  # seconds; a program writes what belongs together within milliseconds
_INVISIBLE: Final = re.compile(
    rb"\xe2\x80\x8b|\xc2\xad"
)  # where a page may break a word, and which it may break anywhere
_ENCODING: Final = re.compile(
    rb"^Content-Transfer-Encoding:[ \t]{0,8}(?:(quoted-printable)|[\w-]{1,40})[ \t]{0,8}$", re.IGNORECASE | re.MULTILINE
)
_MOST_HELD: Final = 2000  # Records, until it is known what the log's clock shows
_PART: Final = 1 << 10  # bytes that are passed over together
_KEPT: Final = 3  # lines of a block that is passed over, in which the first line of the next may begin


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
    streams = _Streams(logs, statistics)
    for number, line, mentioned in _lines(source, logs, statistics, progress):
        taken: list[tuple[LogConversation, Sequence[Record]]] = []
        for log in mentioned:
            records = log.close() if line is None else log.receive(line, number)
            if records is not None:
                taken.append((log, records))
        if taken:
            statistics.port_packets += line is not None
            yield from streams.take(taken, is_pause=line is None)
    left = [(log, log.close()) for log in logs]
    if any(records for _, records in left):  # of lines that were counted, or of one that nobody could count yet
        statistics.port_packets = max(1, statistics.port_packets)
    yield from streams.take(left, is_pause=True)
    statistics.bytes_read = source.position
    if source.failure:
        statistics.warnings.append(f"the log cannot be read further ({source.failure}); all before it was decoded")
    for log in logs:
        statistics.warnings += [each for each in log.warnings() if each not in statistics.warnings]
        notes = [streams.note() if each == NO_ZONE else each for each in log.notes()]
        statistics.notes += [each for each in notes if each not in statistics.notes]
    if not statistics.port_packets:
        raise CaptureError(f"{file.name} {_nothing(logs)}")


class _Streams:
    """Gives each dialect in a log a number of its own, in the order in which they turn up, as connections have.

    It also sets right the times of a log without a zone. The message that shows what the log's clock is may come after
    others, so the first ones are held back, until it comes, or there is a pause, or it has not come for long. What was
    given out once has its times as they were, and so has all that follows: a log has one clock.

    Args:
        logs: Those of the dialects. v1's messages show no clock, and are not held back where they are alone.
        statistics: Connections are counted in it.
    """

    def __init__(self, logs: Sequence[LogConversation], statistics: CaptureStatistics) -> None:
        self._logs = logs
        self._statistics = statistics
        self._numbers: dict[int, int] = {}
        self._held: list[Record] | None = []
        self._machines: set[str] = set()
        self._ahead_ns = 0

    def take(
        self, taken: Sequence[tuple[LogConversation, Sequence[Record]]], *, is_pause: bool = False
    ) -> Sequence[Record]:
        """Return the Records of all dialects that a line completed, in the order of their times."""
        records = self._in_order(taken)
        self._machines.update(each.machine for each in records if each.machine and each.generation == "lion")
        if self._held is None:
            return self._given_out(records)
        self._held += records
        ahead_ns = self._known()
        if ahead_ns is None and not is_pause and 0 < len(self._held) < _MOST_HELD and not _is_old(self._held):
            return []
        if not self._held:
            return []
        held, self._held = self._held, None
        self._ahead_ns = ahead_ns or 0
        return self._given_out(held)

    def _given_out(self, records: list[Record]) -> list[Record]:
        """Return Records as they go out: with their times, and the machine, which Bluetooth in a log never names."""
        if len(self._machines) == 1:
            (machine,) = self._machines
            records = [
                each._replace(machine=machine) if each.machine is None and each.generation == "bluetooth" else each
                for each in records
            ]
        return [_set_back(each, self._ahead_ns) for each in records] if self._ahead_ns else records

    def note(self) -> str:
        """Return what to say of times without a zone."""
        known = self._known()
        if known is None:
            return NO_ZONE
        shown = f"the machine's own times show that its clock is UTC{_clock(known) if known else ''}"
        if known != self._ahead_ns:
            return f"{NO_ZONE}, though {shown}, which came too late in the log"
        return f"the log's times have no zone; {shown}{', and they were set to UTC' if known else ''}"

    def _known(self) -> int | None:
        """By how much the log's clock is ahead of UTC, if a dialect that can know it does."""
        found = [getattr(log, "clock_ahead_ns", None) for log in self._logs]
        return next((each for each in found if isinstance(each, int)), None)

    def _in_order(self, taken: Sequence[tuple[LogConversation, Sequence[Record]]]) -> list[Record]:
        found = [(record, id(log)) for log, records in taken for record in records]
        if len(taken) > 1:
            found.sort(key=lambda each: each[0].time_ns)
        return [self._numbered(record, log) for record, log in found]

    def _numbered(self, record: Record, log: int) -> Record:
        number = self._numbers.get(log)
        if number is None:
            number = self._numbers[log] = self._statistics.connections
            self._statistics.connections += 1
        return record if record.stream == number else _in_stream(record, number)


def _is_old(records: Sequence[Record]) -> bool:
    """Return True for messages of v1 alone."""
    return records[-1].generation == "v1" and records[0].generation == "v1"


def _set_back(record: Record, ahead_ns: int) -> Record:
    asked = record.request
    return record._replace(
        time_ns=record.time_ns - ahead_ns,
        request=None if asked is None else asked._replace(time_ns=asked.time_ns - ahead_ns),
    )


def _clock(ahead_ns: int) -> str:
    """A difference to UTC.

    >>> _clock(-12_600_000_000_000)
    '-03:30'
    """
    minutes = abs(ahead_ns) // 60_000_000_000
    return f"{'-' if ahead_ns < 0 else '+'}{minutes // 60:02}:{minutes % 60:02}"


def _in_stream(record: Record, number: int) -> Record:
    asked = record.request
    return record._replace(stream=number, request=None if asked is None else asked._replace(stream=number))


def _lines(
    source: TextInput,
    logs: Sequence[LogConversation],
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None,
) -> Iterator[tuple[int, bytes | None, Sequence[LogConversation]]]:
    """The lines that may be about messages, with their numbers, and to whom; None if nothing more came for a moment.

    Most lines of most logs are about something else, so they are passed over many at a time.
    """
    reported = 0
    for text in _unquoted(source.texts(_PAUSE)):
        statistics.bytes_read = source.position
        if progress is not None and source.position - reported >= _PROGRESS_STEP:
            reported = source.position
            progress(reported)
        if not text:
            yield 0, None, logs
        visible = _INVISIBLE.sub(b"", text) if b"\xe2\x80\x8b" in text or b"\xc2\xad" in text else text
        mentioned = _mentioned(logs, visible)
        for part in _parts(visible) if mentioned else (visible,):
            count = part.count(b"\n")
            some = _mentioned(mentioned, part)
            if some:
                lines = part.removesuffix(b"\n").split(b"\n")
            else:
                lines = part.removesuffix(b"\n").rsplit(b"\n", _KEPT)[-_KEPT:]
            first = statistics.packets + 1 + max(0, count - len(lines))
            last = len(lines) - _KEPT
            for number, line in enumerate(lines):
                yield first + number, line, logs if number >= last else some
            is_last = (
                not part.endswith(b"\n") and len(part) <= LONGEST_OF_LOG
            )  # else a piece of a line, whose end will come
            statistics.packets += count + is_last


def _unquoted(texts: Iterator[bytes]) -> Iterator[bytes]:
    """The same, but with what a mail has as quoted-printable as it was: `=3D` is `=`, one at an end joins lines."""
    is_quoted = False
    kept = b""
    for text in texts:
        if not is_quoted and b"rintable" not in text:
            yield text
            continue
        whole: list[bytes] = []
        text, kept = kept + text, b""  # noqa: PLW2901 -- that with what came before it
        begin = 0
        for header in _ENCODING.finditer(text):
            whole.append(binascii.a2b_qp(text[begin : header.start()]) if is_quoted else text[begin : header.start()])
            begin = header.start()
            is_quoted = header[1] is not None
        rest = text[begin:]
        if is_quoted and rest.endswith(b"=\n"):
            rest, kept = rest[: (cut := rest.rfind(b"\n", 0, -1) + 1)], rest[cut:]
        whole.append(binascii.a2b_qp(rest) if is_quoted else rest)
        yield b"".join(whole)
    if kept:
        yield binascii.a2b_qp(kept)


def _mentioned(logs: Sequence[LogConversation], text: bytes) -> Sequence[LogConversation]:
    return [log for log in logs if log.may_mention(text)]


def _nothing(logs: Sequence[LogConversation]) -> str:
    if len(logs) == 1:
        return logs[0].nothing
    return f"is a log without a message of a machine in it; {ON_DEBUG}"


def _parts(text: bytes) -> Iterator[bytes]:
    """The lines of a text, a few at a time."""
    begin = 0
    while begin < len(text):
        end = text.find(b"\n", begin + _PART) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _is_log(start: bytes) -> bool:
    """Return True if a line is about a message. The data of a packet in tshark's JSON can look like such a line."""
    text = text_of(start)
    return not is_packets(text) and any(each.sniff_log(text) for each in dialects().values())


FORMAT: Final = Format(
    "debug logs of lmdirect, lmcloud and pylamarzocco",
    written_by="Home Assistant, scripts with one of these libraries",
    lacks="what the log leaves out",
    recognises=_is_log,
    records=read_log,
    goes_on_looking=True,
)
