"""Decoding of captures into Records, for programs."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import partial
from io import TextIOBase
from itertools import chain
from pathlib import Path
from typing import IO, Literal, TypeAlias, TypeVar

from lmdecode.analysis.filters import parse_all
from lmdecode.analysis.machines import MachineNames
from lmdecode.api.arguments import Keys, PathLike, access_with, as_keyword
from lmdecode.app.decode import Outcome, counted, merged, nothing_decoded, outcomes_of, read_lists_into, summary
from lmdecode.capture.source import CaptureError, OpenCapture
from lmdecode.codec.dialect import RECORDS, Sink
from lmdecode.codec.record import Record
from lmdecode.codec.speakers import Speakers
from lmdecode.config.known import KnownMachines, known_machines

Capture: TypeAlias = PathLike | IO[bytes]
T = TypeVar("T")


class CaptureWarning(UserWarning):
    """A problem of a capture as a whole: no traffic on the port, no frame that the key decrypts, or a file cut off.

    Such a warning is also in `Decoding.statistics`. Turn it into an error with
    `warnings.simplefilter("error", lmdecode.CaptureWarning)`.
    """


@dataclass(frozen=True, slots=True)
class Statistics:
    """The counts of everything that was decoded, over all captures."""

    packets: int = 0
    """Packets that were looked at; in a large file those that libpcap let through."""
    port_packets: int = 0
    """TCP packets on the ports that are looked at."""
    connections: int = 0
    frames: int = 0
    """Whole frames, `@` to `%`."""
    valid_frames: int = 0
    """Those that decrypt to a message with a right check byte. None of many: the key is another machine's."""
    messages: int = 0
    """Frames that could be read as a message, its check byte right or wrong."""
    problems: int = 0
    """Records that have any."""
    bytes_skipped: int = 0
    """Bytes that belong to no frame."""
    bytes_missing: int = 0
    """Bytes that are not in the capture."""
    warnings: tuple[str, ...] = ()
    """What is wrong with a capture as a whole, one line each."""
    notes: tuple[str, ...] = ()
    """What is not wrong, but good to know; one line each."""

    summary: str = ""
    """The counts in words, as the last line of `lmdecode decode`."""

    def __str__(self) -> str:
        return "\n".join([self.summary, *self.warnings])


def decode(
    *captures: Capture,
    key: Keys | None = None,
    config: PathLike | None = None,
    port: int | None = None,
    where: str | Iterable[str] = (),
    zone: tzinfo | None = None,
    order: Literal["files", "time"] = "files",
    show_secrets: bool = False,
) -> Decoding:
    """Decode captures: what app and machine said, message by message.

    Reading starts when the first Record is asked for, and memory use does not grow with the captures.

    Args:
        captures: Paths, or files that are open for reading bytes (`sys.stdin` and "-" work too), compressed or not:
            pcap, pcapng, an export by tshark (-T json, ek, jsonraw), flows of mitmproxy, an HTTP archive, a Bluetooth
            log (btsnoop, PacketLogger), a debug log of Home Assistant or lmdirect.
        key: The machine's key, which only v1 needs (32 characters, `hex:…`, `base64:…`, 32 bytes or a `Key`); a list of
            keys; or keys by machine name, `{"kitchen": "…", "office": "…"}`. Each connection uses the key that fits.
        config: The `config.json` with the key. Without `key` and `config`, the key is looked up in LMDECODE_KEY, in
            `config.json` in the current folder, and in the user's `config.json`, in this order.
        port: The machine's TCP port; None means the ports of all known protocols, and those in the configuration.
        where: Yield only Records that meet this condition, or all of several: "kind=write", "coffee_temp>95",
            "machine=kitchen". The conditions are those of `lmdecode decode --where`.
        zone: The zone of times in `where` that have none, as "time=02:55..02:57": `datetime.UTC` or a `ZoneInfo`; None
            means this computer's. The Records' own times are UTC in any case.
        order: "files": one capture after the other; "time": all messages by their time.
        show_secrets: Whether the machine's cloud account is left readable, if it is in the captures.

    Returns:
        The Records, which can be iterated as often as the captures can be read.

    Raises:
        KeyFormatError: `key` is not a valid key.
        MissingKeyError: There is no key, and a capture has messages of v1, which need one; raised while the Records are
            iterated. The other generations need none.
        ConfigError: The configuration cannot be used.
        FilterError: A condition cannot be understood.
        CaptureError: A capture cannot be read, or not to its end; raised while the Records are iterated.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3av-settings.pcap", key="12345678901234567890123456789012")
    >>> [record.fields["coffee_temp"] for record in records if "coffee_temp" in record.fields][:3]
    [93.8, 91.2, 90.3]
    >>> records.statistics.frames, records.statistics.problems
    (94, 0)
    """
    if not captures:
        raise CaptureError("no capture is given: decode('morning.pcap')")
    conditions = [where] if isinstance(where, str) else list(where)
    parse_all(conditions, zone)  # a wrong one is to be told now
    access = access_with(key, config, show_secrets=show_secrets)
    path = None if config is None else Path(config)
    known = KnownMachines() if key is not None and path is None else known_machines(path)
    speakers = Speakers.open(access, port, () if port else known.ports)
    names = partial(MachineNames, access.keys, known)
    return Decoding(
        [_opened(each) for each in captures], speakers, where=conditions, zone=zone, order=order, names=names
    )


class Decoding:
    """The Records of captures, made by `decode`: iterate over it, or make a `list` of it.

    Each iteration reads the captures again, so changes of the files are seen. A file that was passed open can be read
    only once.

    >>> import lmdecode
    >>> records = lmdecode.decode("captures/gs3mp-standby.pcapng", config="captures/config.json")
    >>> first = next(iter(records))
    >>> first.sender, first.plaintext
    ('app', 'R40000023DB')
    >>> [record.problems for record in records if record.problems]
    []
    """

    def __init__(
        self,
        captures: list[Path | OpenCapture],
        speakers: Speakers,
        *,
        where: list[str],
        zone: tzinfo | None,
        order: Literal["files", "time"],
        names: Callable[[], MachineNames] = MachineNames,
    ) -> None:
        self._captures = captures
        self._names = names
        self._speakers = speakers
        self._where = where
        self._zone = zone
        self._order = order
        self._used = False
        self._statistics: Statistics | None = None

    def __repr__(self) -> str:
        return f"<Decoding of {', '.join(_name(each) for each in self._captures)}>"

    def __iter__(self) -> Iterator[Record]:
        self._begin()
        passes = parse_all(self._where, self._zone, machines=self._names().of)
        records = chain.from_iterable(self._pass(RECORDS))
        return records if passes is None else filter(passes, records)

    def _begin(self) -> None:
        if self._used and any(isinstance(each, OpenCapture) or str(each) == "-" for each in self._captures):
            raise CaptureError("an open file can be read once only: keep its records, list(decode(file))")
        self._used = True

    def decode_into(self, sink: Sink[T]) -> Iterator[T]:
        """Returns what a sink makes of the messages: the same as of each Record, without making most of them.

        Args:
            sink: As `lmdecode.render.columnar` has one, for tables.
        """
        if self._where:
            return map(sink.record, self)
        self._begin()
        return chain.from_iterable(self._pass(sink))

    @property
    def statistics(self) -> Statistics:
        """The counts of the last complete iteration. Without one, the captures are read now.

        Raises:
            CaptureError: A capture cannot be read, or was passed open and has been read in part.
        """
        if self._statistics is None:
            for _ in self:
                pass
        return self._statistics or Statistics()

    def _pass(self, sink: Sink[T]) -> Iterator[list[T]]:
        outcomes = outcomes_of(self._captures)
        if self._order == "time":
            yield from self._checked(outcomes, ([sink.record(each)] for each in merged(outcomes, self._speakers)))
        else:
            for outcome in outcomes:
                yield from self._checked([outcome], read_lists_into(sink, outcome, self._speakers))
        nothing = nothing_decoded(outcomes, self._speakers)
        found = [complaint for outcome in outcomes for complaint in outcome.complaints]
        found = list(map(as_keyword, [*found, nothing] if nothing else found))
        self._statistics = _sum(outcomes, found)
        for warning in found:
            warnings.warn(warning, CaptureWarning, stacklevel=2)

    def _checked(self, outcomes: list[Outcome], made: Iterator[list[T]]) -> Iterator[list[T]]:
        """Pass on what was made, and raise if a capture could not be read, or no further."""
        yield from made
        for outcome in outcomes:
            if outcome.error is not None:
                raise outcome.error


def _opened(capture: Capture) -> Path | OpenCapture:
    if isinstance(capture, str) or hasattr(capture, "__fspath__"):
        return Path(capture)
    if isinstance(capture, TextIOBase) and capture is sys.stdin:
        return OpenCapture(sys.stdin.buffer)
    return OpenCapture(capture)


def _name(capture: Path | OpenCapture) -> str:
    return str(capture if isinstance(capture, Path) else capture.name)


def _sum(outcomes: list[Outcome], found: list[str]) -> Statistics:
    tally = counted(outcomes)
    return Statistics(
        packets=sum(outcome.statistics.packets for outcome in outcomes),
        port_packets=sum(outcome.statistics.port_packets for outcome in outcomes),
        connections=sum(outcome.statistics.connections for outcome in outcomes),
        frames=tally.frames,
        valid_frames=tally.valid_frames,
        messages=tally.messages,
        problems=tally.problems,
        bytes_skipped=tally.bytes_skipped,
        bytes_missing=tally.bytes_missing,
        warnings=tuple(found),
        notes=tuple(note for outcome in outcomes for note in outcome.notes),
        summary=summary(outcomes),
    )
