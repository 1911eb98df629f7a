"""Packets out of pcap and pcapng files, read by scapy's raw readers.

Those stop at the first thing that they do not understand and say why only in a log, so the file is handed to them
through a `_Source`, which knows how far they came and whether a read fell short.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import Any, Final

from lmdecode.capture.errors import CaptureError
from lmdecode.capture.packet import Packet
from lmdecode.capture.statistics import CaptureStatistics

__all__ = ["read_pcap", "read_pcapng"]

_MAX_PACKET: Final = 1 << 18  # libpcap's own limit for a snap length, in bytes
_MAX_BLOCK: Final = 1 << 26  # no sane block is larger: a damaged length must not eat the memory
_LINK_TYPE_MASK: Final = 0xFFFF  # above it a pcap header says how long the frame check sequence is
_TIME_OFFSET: Final = 14  # pcapng's option if_tsoffset: seconds to be added to every time
_PROGRESS_STEP: Final = 1 << 20


class _Damaged(Exception):  # noqa: N818 - a signal between two functions here; nobody else ever sees it
    """A length in the file is impossible."""


class _Source:
    """The file as scapy's readers see it."""

    def __init__(self, file: BufferedReader) -> None:
        self.name = str(file.name)  # scapy asks for it
        self._file = file
        self.position = 0
        self.short: tuple[int, int] | None = None
        """How many bytes the first read that fell short got, and wanted."""
        self.failure = ""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= _MAX_BLOCK:
            raise _Damaged
        try:
            data = self._file.read(size)
        except OSError as error:  # scapy takes it for the file's end and would say nothing
            self.failure = error.strerror or "input/output error"
            data = b""
        got = len(data)
        self.position += got
        if got < size and self.short is None:
            self.short = got, size
        return data

    def close(self) -> None:
        self._file.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep scapy from writing to the terminal: what it would say is in the statistics' warnings."""
    log = logging.getLogger("scapy.runtime")

    def refuse(_: logging.LogRecord) -> bool:
        return False

    # A filter of its own, and not the level, for two captures may be open at a time.
    log.addFilter(refuse)
    try:
        yield
    finally:
        log.removeFilter(refuse)


def read_pcap(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Packet]:
    """The packets of a pcap file: micro- or nanoseconds, either byte order.

    Raises:
        CaptureError: The file's header is not whole.
    """
    from scapy.error import Scapy_Exception  # noqa: PLC0415 - costs 0.1 s that JSON need not pay
    from scapy.utils import RawPcapReader  # noqa: PLC0415

    source = _Source(file)
    with _quiet():
        try:
            reader: Any = _untyped(RawPcapReader)(source)
        except Scapy_Exception:
            raise _cut_in_header(file, source) from None
        link_type = reader.linktype & _LINK_TYPE_MASK
        scale = 1 if reader.nano else 1000
        read = reader._read_packet  # noqa: SLF001 - the public ways cut every packet to 65,535 bytes
        position, reported = source.position, 0
        while True:
            try:
                data, (seconds, fraction, original_length, captured_length) = read(_MAX_PACKET)
            except (EOFError, _Damaged):
                break
            if len(data) < captured_length:
                if captured_length > _MAX_PACKET:
                    source.short = None  # that the file ends before such a length does says nothing
                break
            position = source.position
            statistics.packets += 1
            statistics.bytes_read = position
            if progress is not None and position - reported >= _PROGRESS_STEP:
                reported = position
                progress(position)
            yield Packet(seconds * 1_000_000_000 + fraction * scale, link_type, data, original_length)
    _note_end(source, position, statistics)
    if progress is not None:
        progress(source.position)


def read_pcapng(
    file: BufferedReader,
    statistics: CaptureStatistics,
    progress: Callable[[int], None] | None = None,
) -> Iterator[Packet]:
    """The packets of a pcapng file, of all its interfaces and sections.

    Raises:
        CaptureError: The file's first block is not whole.
    """
    from scapy.error import Scapy_Exception  # noqa: PLC0415 - as above
    from scapy.utils import RawPcapNgReader  # noqa: PLC0415

    source = _Source(file)
    with _quiet():
        try:
            reader: Any = _untyped(RawPcapNgReader)(source)
        except (Scapy_Exception, _Damaged):
            raise _cut_in_header(file, source) from None
        _amend(reader)
        read = reader._read_block  # noqa: SLF001 - block by block tells where a broken one began
        position, reported, previous_ns = source.position, 0, 0
        while True:
            try:
                block = read(_MAX_PACKET)
            except (EOFError, _Damaged, Scapy_Exception, struct.error):
                break
            position = source.position
            if block is None:
                continue
            data, about = block
            if about.tshigh is None:  # a simple packet block has no time; the one before it is the best guess
                time_ns = previous_ns
            else:
                resolution, offset = about.tsresol
                ticks = about.tshigh << 32 | about.tslow
                previous_ns = time_ns = ticks * 1_000_000_000 // resolution + offset * 1_000_000_000
            statistics.packets += 1
            statistics.bytes_read = position
            if progress is not None and position - reported >= _PROGRESS_STEP:
                reported = position
                progress(position)
            yield Packet(time_ns, about.linktype, data, about.wirelen)
    _note_end(source, position, statistics)
    if progress is not None:
        progress(source.position)


def _untyped(reader: Any) -> Any:  # noqa: ANN401
    """A class of scapy's without its type hints, which do not say that it takes any object with a `read`."""
    return reader


def _amend(reader: Any) -> None:  # noqa: ANN401 - a RawPcapNgReader
    """Teach scapy's reader what it leaves out: if_tsoffset, and that each section numbers its interfaces anew."""
    read_section: Callable[[], None] = reader._read_block_shb  # noqa: SLF001
    read_interface: Callable[[bytes, int], None] = reader._read_block_idb  # noqa: SLF001

    def section() -> None:
        reader.interfaces.clear()
        read_section()

    def interface(block: bytes, size: int) -> None:
        read_interface(block, size)
        options: dict[str, Any] = reader.interfaces[-1][2]
        offset = reader._read_options(block[8:]).get(_TIME_OFFSET, b"")  # noqa: SLF001
        seconds = struct.unpack(f"{reader.endian}q", offset)[0] if len(offset) == 8 else 0
        options["tsresol"] = options["tsresol"], seconds  # handed on with each packet as it is

    reader._read_block_shb = section  # noqa: SLF001
    reader.blocktypes[1] = interface
    # Secrets of TLS and names of processes: not needed here, and not worth scapy giving up on the file for them.
    reader.blocktypes.pop(10, None)
    reader.blocktypes.pop(0x80000001, None)


def _cut_in_header(file: BufferedReader, source: _Source) -> CaptureError:
    if source.failure:
        return CaptureError(f"{file.name} cannot be read ({source.failure}); copy it to another disk and try again")
    return CaptureError(
        f"{file.name} is cut off or damaged in its header, before any packet; copy it again from where it was recorded"
    )


def _note_end(source: _Source, position: int, statistics: CaptureStatistics) -> None:
    """Say in the warnings what is wrong with what stands after the last packet, if anything does."""
    number = statistics.packets + 1
    if source.failure:
        statistics.warnings.append(
            f"the file cannot be read beyond byte {source.position:,} ({source.failure}), "
            f"in packet {number:,}; all before it was decoded"
        )
    elif source.short is None:
        statistics.warnings.append(
            f"the file is damaged at byte {position:,}, after packet {statistics.packets:,}: "
            "what follows could not be read; all before it was decoded"
        )
    elif source.position > position:
        got, wanted = source.short
        there = "none is there" if not got else f"{got:,} of {wanted:,} bytes are there"
        statistics.warnings.append(
            f"the file is cut off in the middle of packet {number:,} ({there}); all before it was decoded"
        )
