"""Files that one recording was cut into: what `--join` makes of the files that are there.

A recorder cuts a recording by size or time, and a connection that is open then goes on in the next file. Decoded apart,
its first messages in each file lack what they answer, and it counts as several. So the pieces of a recording are one
unit, in the order of their first packets: numbers do not tell it, for they begin again when a ring of files is full.

Which files are pieces of one recording the names say, in the ways in which recorders make them:

    tcpdump -w x.pcap -C 10         x.pcap  x.pcap1  x.pcap2 …      with -W: x.pcap00  x.pcap01 …
    tcpdump -w x-%F_%H%M%S.pcap -G  a date with its year, at any place, with or without a time; or seconds since 1970
    both                            x-2026-11-21_025439.pcap  x-2026-11-21_025439.pcap1 …
    Wireshark, dumpcap              x_00001_20261121025439.pcapng

in one folder, compressed or not. Another number in a name says nothing: machine1.pcap and machine2.pcap are two
recordings. Of files that could belong together, some do not:

- pcap and pcapng, or pcap of another link type: a recorder has one of each.
- One that begins with the same packet as another: a copy of it.
- One that begins more than two hours after the last write to the one before it. By then a connection that nobody uses
  has shown a sign of life (Linux sends the first keep-alive after two hours), so none goes on. The recorder was off, or
  the network was. Two short recordings are better than a long one: only the last grows, and each may have a worker. The
  time of the write is all that is looked at for that, since the last packet is known only when all is read; where it
  says nothing, as of files that were copied later, the two stay together, which is never wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from lmdecode.app.dataset.places import is_url, opened
from lmdecode.app.dataset.unit import File, Unit
from lmdecode.capture.formats import open_capture
from lmdecode.capture.source import CaptureError, CaptureStatistics, OpenCapture

GAP_NS: Final = 7_200_000_000_000
"""The time after the last write to a piece in which the next one must begin."""

_START: Final = 1 << 16  # bytes of a file elsewhere that are asked for to see its first packet
_COMPRESSED: Final = re.compile(r"\.(?:gz|xz|bz2|zst)$")
_RING: Final = re.compile(r"_(?:\d{5}_\d{14}|\d{14}_\d{5})(?=\.\w+$|$)")
_DATED: Final = re.compile(
    r"(?<!\d)(?:((?:19|20)\d\d)([-_.]?)(\d\d)\2(\d\d)(?:[-_.T ]?\d\d(?:[-_.:]?\d\d){0,2})?|[12]\d{9})(?!\d)"
)
"""A date with its year first, perhaps with a time; or seconds since 1970."""
_NUMBERED: Final = re.compile(r"\d{0,6}$")
_PARTS: Final = re.compile(r"(\d+)")


class _Start(NamedTuple):
    """How a file begins."""

    kind: object
    """Its format, and for pcap its link type."""
    first_ns: int | None
    """When its first packet was; None if there is none."""


class _Piece(NamedTuple):
    file: File
    start: _Start
    first_ns: int
    """When its first packet was, or that of the file before it by name, if it has none."""


def units(files: Iterable[File], *, join: bool = False) -> Iterator[Unit]:
    """Yields what is decoded as one capture at a time.

    Args:
        files: The files.
        join: Whether files that one recording was cut into are one unit. It is looked into files with such names; one
            that cannot be read is a unit of its own.
    """
    if not join:
        yield from (Unit((file,)) for file in files)
        return
    groups: dict[object, list[File]] = {}
    for file in files:
        groups.setdefault(recording_of(file.name), []).append(file)
    for group in groups.values():
        if len(group) == 1:
            yield Unit((group[0],))
        else:
            yield from _recordings(group)


def recording_of(name: str) -> str:
    """Returns what the names of a recording's pieces have in common, which other names do not have.

    >>> recording_of("a/x.pcap"), recording_of("a/x.pcap12.gz"), recording_of("a/x1.pcap")
    ('a/x.pcap', 'a/x.pcap', 'a/x1.pcap')
    >>> recording_of("day-20261121-025439.pcap2"), recording_of("x_00001_20261121025439.pcapng")
    ('day-#.pcap', 'x_#.pcapng')
    """
    folder, slash, last = name.rpartition("/")
    last = _COMPRESSED.sub("", last)
    changed = _RING.sub("_#", last)
    if changed == last:
        changed = _DATED.sub(_hidden_date, last)
        changed = _NUMBERED.sub("", changed)
    return f"{folder}{slash}{changed}"


def _hidden_date(match: re.Match[str]) -> str:
    """Returns "#" for a date, and what stands there if it is none."""
    if match[1] is not None:
        try:
            date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:
            return match[0]
    return "#"


def _recordings(files: Sequence[File]) -> Iterator[Unit]:
    """Yields the units of files whose names belong together."""
    pieces: list[_Piece] = []
    before = 0
    for file in sorted(files, key=lambda file: _natural(file.name)):
        start = _start(file)
        if start is None:
            yield Unit((file,))
            continue
        before = before if start.first_ns is None else start.first_ns
        pieces.append(_Piece(file, start, before))
    pieces.sort(key=lambda piece: piece.first_ns)
    run: list[_Piece] = []
    for piece in pieces:
        if run and piece.start.first_ns is not None and piece.start.first_ns == run[-1].first_ns:
            yield Unit((piece.file,))
            continue
        if run and not _goes_on(run[-1], piece):
            yield Unit(tuple(each.file for each in run))
            run = []
        run.append(piece)
    if run:
        yield Unit(tuple(each.file for each in run))


def _goes_on(before: _Piece, piece: _Piece) -> bool:
    """Returns whether a recording goes on in another file."""
    if before.start.kind != piece.start.kind and None not in {before.start.first_ns, piece.start.first_ns}:
        return False
    written_ns = before.file.modified_ns
    return written_ns is None or written_ns < before.first_ns or piece.first_ns - written_ns <= GAP_NS


def _start(file: File) -> _Start | None:
    """Returns how a file begins; None if it has no packets in it, or cannot be read."""
    with ExitStack() as stack:
        try:
            where = OpenCapture(stack.enter_context(opened(file.url, _START))) if is_url(file.url) else Path(file.url)
            kind, source = open_capture(where)
            stack.enter_context(source)
            if kind.packets is None:
                return None
            packets = next(kind.packets(source, CaptureStatistics(), None, None), None)
        except (CaptureError, OSError):
            return None
        if not packets:
            return _Start(kind.name, None)
        return _Start((kind.name, packets[0].link_type if kind.name == "pcap" else None), packets[0].time_ns)


def begins(files: Iterable[File]) -> list[int]:
    """Returns when the first packet of each piece of a recording was, in ns; no earlier than that of the one before it.

    Args:
        files: The pieces in their order. One that has no packets, or cannot be read, begins as the one before it.
    """
    found: list[int] = []
    for file in files:
        start = _start(file)
        before = found[-1] if found else -(1 << 65)
        found.append(before if start is None or start.first_ns is None else max(before, start.first_ns))
    return found


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Returns what sorts names with numbers as people do.

    >>> sorted(["x10", "x9", "x"], key=_natural)
    ['x', 'x9', 'x10']
    """
    return tuple((int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in _PARTS.split(name))
