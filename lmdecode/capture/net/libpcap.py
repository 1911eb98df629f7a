"""A large capture of a household, filtered by libpcap before Python sees it.

To walk over the record headers of a million packets takes Python half a second, even with the prefilter, and libpcap,
which compiles its filter, a tenth of that. Where libpcap is installed (tcpdump and Wireshark bring it) it reads large
pcap files in a thread, beside Python rather than before it, and what passes its filter comes through a pipe as a pcap
file that the ordinary reader takes. Without it all works as well, only slower.

Why in this way:

- libpcap's own loop calls its own `pcap_dump`, so not one packet crosses from C to Python by ctypes, and nothing here
  depends on how libpcap's structures look. ctypes lets go of the interpreter's lock for the whole run.
- The file is opened by us and put in the place of a pipe that had only the header (`_opened`). So libpcap reads a
  header with a larger snap length than the file's own: it cuts packets that are longer than the header says any is, and
  network cards hand over such packets.
- Streams get buffers of our own. glibc takes the size from `setvbuf` only with a buffer, and with its 4 KB half a
  gigabyte took 118,000 calls.
- Files of which much would pass are left to the ordinary reader: to take a packet out of one file and put it into a
  pipe costs more than to skip it. The first megabyte shows which kind of file it is.

The filter is the prefilter's rule in libpcap's language, and must pass at least as much. One thing it cannot express:
a filter that looks beyond the captured bytes rejects the packet, so packets that were cut before their ports are lost
here without a count. Files that cut their packets (a snap length below 65,535, or any cut packet in the first megabyte)
are therefore left to the ordinary reader, and if a cut packet comes later, that reader goes over the file again for its
warnings. Only if all packets that are cut are cut before their ports, after a first megabyte of whole ones, no warning
counts them; nothing of them could be decoded.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from contextlib import ExitStack, suppress
from functools import cache
from io import BufferedReader, FileIO
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final, Literal

from lmdecode.capture.net.packet import HEADER_OFFSETS, PLAIN_IPV4, PLAIN_PROTOCOLS, TUNNEL_PORTS, make_prefilter

if TYPE_CHECKING:
    from pathlib import Path

_MIN_SNAP_LENGTH: Final = 65535  # bytes; in files with less, packets may be cut
_SNAP_LENGTH: Final = 1 << 18  # bytes; the most that libpcap and the ordinary reader take for a packet's length
_SAMPLE: Final = 1 << 20  # bytes at the beginning of a file that show what packets it has
_AT_ONCE: Final = 1 << 17  # bytes that are read, and handed over, at once; with less the reader wakes for a few packets
_FULLY: Final = 0  # C's _IOFBF
_FEW: Final = 4  # one in so many packets may pass
_VERSIONS: Final = (b"\x02\0\x04\0", b"\0\x02\0\x04")  # 2.4; older versions have their fields in another order
_CLASSIC: Final = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_HEADER: Final = 24
_RECORD_HEADER: Final = 16
_BEFORE_PACKET: Final = "8xII"  # a record's header, of which the captured and the original length are wanted
_NANOSECONDS: Final = (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_NO_NETMASK: Final = 0xFFFFFFFF
_ERROR_SIZE: Final = 256
_PIPE_SIZE: Final = 1 << 20
_LIBRARIES: Final = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so", "libpcap.A.dylib", "libpcap.dylib")


class _Program(ctypes.Structure):
    """Libpcap's `bpf_program`."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class Screened(FileIO):
    """The pcap file that libpcap writes into a pipe: what passes the filter."""

    def __init__(self, path: Path, descriptor: int, screening: _Screening) -> None:
        super().__init__(descriptor)
        self.name = str(path)
        self.screening = screening

    def failed(self) -> bool:
        """Return True if libpcap could not read the capture to its end. Waits for libpcap to stop."""
        self.screening.thread.join()
        return self.screening.failed

    def close(self) -> None:
        """Stop reading, and have libpcap stop."""
        if not self.closed:
            self.screening.file.close()
            self.screening.stop()
        super().close()  # a libpcap that waits in a full pipe wakes up by it

    @property
    def position(self) -> int:
        """Where libpcap is in the capture, in bytes."""
        return self.screening.file.tell()


def screened(path: Path, ports: frozenset[int]) -> BufferedReader | None:
    """Start to filter a capture by libpcap.

    Args:
        path: The capture.
        ports: The TCP ports.

    Returns:
        A pcap file whose `raw` is a `Screened`, with the packets that may be of the ports. None if the file is not a
        pcap that libpcap would read sooner than the ordinary reader, or if libpcap is not installed.
    """
    with suppress(OSError, RuntimeError), ExitStack() as failing:  # the system has no more files, or no more threads
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        file = failing.enter_context(FileIO(path))
        start = file.read(_SAMPLE)
        expression = _filter(start, ports)
        library = find_library() if expression and _is_worth_it(start, ports) else None
        if library is None:
            return None
        buffers = ctypes.create_string_buffer(_AT_ONCE), ctypes.create_string_buffer(_AT_ONCE)
        capture = _opened(library, file, start[:_HEADER], buffers[0])
        if capture is None:
            return None
        failing.callback(library.pcap_close, capture)
        if not _filters(library, capture, expression):
            return None
        reading, writing = os.pipe()
        failing.callback(os.close, reading)
        dumper = _dumper(library, capture, writing, buffers[1])
        failing.callback(library.pcap_dump_close, dumper)
        screening = _Screening(library, capture, dumper, file, buffers)
        failing.pop_all()
        return BufferedReader(Screened(path, reading, screening), _PIPE_SIZE)
    return None


def _set_pipe_size(pipe: int) -> None:
    """Let more wait in a pipe, where that can be had, so that neither side waits for the other at every turn."""
    if sys.platform == "linux":
        import fcntl  # noqa: PLC0415 -- it is not everywhere

        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)


def _opened(library: ctypes.CDLL, file: FileIO, header: bytes, buffer: ctypes.Array[ctypes.c_char]) -> int | None:
    """Have libpcap open a capture, under a header that allows packets of any length; None if it refuses.

    libpcap reads the header from a pipe. The file, positioned behind its own header, then takes the pipe's place.
    """
    order: Literal["little", "big"] = "little" if header[0] in {0xD4, 0x4D} else "big"
    reading, writing = os.pipe()
    os.write(writing, header[:16] + _SNAP_LENGTH.to_bytes(4, order) + header[20:])
    os.close(writing)
    stream = library.fdopen(reading, b"rb")
    if not stream:
        os.close(reading)
        return None
    library.setvbuf(stream, buffer, _FULLY, len(buffer))
    error = ctypes.create_string_buffer(_ERROR_SIZE)
    # In the file's own precision, so that libpcap copies fractions of seconds, even damaged ones, as they are.
    nanoseconds = header[:4] in _NANOSECONDS
    capture: int | None = library.pcap_fopen_offline_with_tstamp_precision(stream, nanoseconds, error)
    if not capture:
        library.fclose(stream)
        return None
    try:
        file.seek(_HEADER)
        os.dup2(file.fileno(), reading, inheritable=False)
    except OSError:
        library.pcap_close(capture)
        raise
    return capture


def _filters(library: ctypes.CDLL, capture: int, expression: str) -> bool:
    """Set libpcap's filter. Returns False if it does not take it."""
    program = _Program()
    if library.pcap_compile(capture, ctypes.byref(program), expression.encode("ascii"), 1, _NO_NETMASK):
        return False
    try:
        return not library.pcap_setfilter(capture, ctypes.byref(program))
    finally:
        library.pcap_freecode(ctypes.byref(program))  # libpcap has a copy


def _dumper(library: ctypes.CDLL, capture: int, pipe: int, buffer: ctypes.Array[ctypes.c_char]) -> int:
    """Have libpcap write into a pipe, which is its own from now on.

    Raises:
        OSError: It refuses. The pipe is closed.
    """
    _set_pipe_size(pipe)
    stream = library.fdopen(pipe, b"wb")
    if not stream:
        os.close(pipe)
        raise OSError("no stream")
    library.setvbuf(stream, buffer, _FULLY, len(buffer))
    dumper: int | None = library.pcap_dump_fopen(capture, stream)  # the buffer takes the header that it writes
    if not dumper:
        library.fclose(stream)
        raise OSError("no dump")
    return dumper


class _Screening:
    """The thread in which libpcap writes what passes the filter to a pipe."""

    def __init__(
        self,
        library: ctypes.CDLL,
        capture: int,
        dumper: int,
        file: FileIO,
        buffers: tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]],
    ) -> None:
        self._library = library
        self._capture = capture
        self._dumper = dumper
        self._buffers = buffers  # they must live as long as the streams
        self._is_over = False
        self._ending = Lock()
        self.file = file
        """The capture. Its position is libpcap's."""
        self.failed = False
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        """Have libpcap read no further than to the next packet."""
        with self._ending:
            if not self._is_over:
                self._library.pcap_breakloop(self._capture)

    def _run(self) -> None:
        # All that could be done before is: after each call, a thread may wait for the interpreter's lock for 5 ms.
        library, capture, dumper = self._library, self._capture, self._dumper
        result = library.pcap_loop(capture, -1, ctypes.cast(library.pcap_dump, ctypes.c_void_p), dumper)
        self.failed = result < 0
        with self._ending:
            self._is_over = True
        library.pcap_close(capture)
        library.pcap_dump_close(dumper)  # last: now the reader sees the end, and `failed` is set


def _filter(start: bytes, ports: frozenset[int]) -> str:
    """The filter for a file's link type, in libpcap's language; empty if libpcap is not to read the file."""
    header = start[:_HEADER]
    if header[:4] not in _CLASSIC or header[4:8] not in _VERSIONS or len(header) < _HEADER:
        return ""
    order: Literal["little", "big"] = "little" if header[0] in {0xD4, 0x4D} else "big"
    offsets = HEADER_OFFSETS.get(int.from_bytes(header[20:24], order))
    if offsets is None or int.from_bytes(header[16:20], order) < _MIN_SNAP_LENGTH:
        return ""
    kind, ip = offsets
    at = ip + 20
    others = " and ".join(f"link[{ip + 9}] != {protocol}" for protocol in sorted(PLAIN_PROTOCOLS))
    return (
        f"less {at + 3} or link[{kind}:2] != 0x0800 or link[{ip}] != {PLAIN_IPV4} or link[{ip + 6}:2] & 0x3fff != 0 "
        f"or ({others}) or {_either(at, ports)} or (link[{ip + 9}] = 17 and ({_either(at, TUNNEL_PORTS)}))"
    )


def _either(at: int, ports: frozenset[int]) -> str:
    """The condition that one of the two ports at a place is one of some."""
    return " or ".join(f"link[{at}:2] = {port} or link[{at + 2}:2] = {port}" for port in sorted(ports))


def _is_worth_it(start: bytes, ports: frozenset[int]) -> bool:
    """Return True if all of the first packets are whole, and few of them would pass."""
    order: Literal["<", ">"] = "<" if start[0] in {0xD4, 0x4D} else ">"
    link_type = struct.unpack_from(f"{order}I", start, 20)[0]
    prefilter = make_prefilter(link_type, order, ports, _BEFORE_PACKET)
    if prefilter is None:
        return False
    unpack, size = prefilter.look.unpack_from, prefilter.look.size
    offset, count, passed = _HEADER, 0, 0
    while offset <= len(start) - size:
        captured, original, protocol, first, place, source, destination = unpack(start, offset)
        if captured < original:
            return False
        count += 1
        is_plain = protocol == prefilter.ipv4 and first == PLAIN_IPV4 and place & prefilter.judged in prefilter.plain
        passed += not is_plain or not prefilter.ports.isdisjoint((source, destination))
        offset += _RECORD_HEADER + captured
    # Packets too short for that look may stand at the end of the file, and just those may be cut before their ports.
    lengths = struct.Struct(f"{order}{_BEFORE_PACKET}")
    while offset <= len(start) - lengths.size:
        captured, original = lengths.unpack_from(start, offset)
        if captured < original:
            return False
        offset += _RECORD_HEADER + captured
    return passed * _FEW <= count


@cache
def find_library() -> ctypes.CDLL | None:
    """Return libpcap, or None if it is not installed."""
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.pcap_fopen_offline_with_tstamp_precision.restype = ctypes.c_void_p
            library.pcap_dump_fopen.restype = library.fdopen.restype = ctypes.c_void_p
        except (OSError, AttributeError):
            continue
        handle, text = ctypes.c_void_p, ctypes.c_char_p
        library.fdopen.argtypes = (ctypes.c_int, text)
        library.pcap_fopen_offline_with_tstamp_precision.argtypes = (handle, ctypes.c_uint, text)
        library.pcap_compile.argtypes = (handle, ctypes.POINTER(_Program), text, ctypes.c_int, ctypes.c_uint)
        library.pcap_setfilter.argtypes = (handle, ctypes.POINTER(_Program))
        library.pcap_freecode.argtypes = (ctypes.POINTER(_Program),)
        library.setvbuf.argtypes = (handle, text, ctypes.c_int, ctypes.c_size_t)
        library.pcap_dump_fopen.argtypes = (handle, handle)
        library.pcap_loop.argtypes = (handle, ctypes.c_int, handle, handle)
        for of_one in ("pcap_dump_close", "pcap_close", "pcap_breakloop", "fclose"):
            getattr(library, of_one).argtypes = (handle,)
        return library
    return None
