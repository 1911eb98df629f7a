"""A household's capture, screened by libpcap before Python sees it.

To walk over the headers of a million packets takes Python half a second, and libpcap, which compiles its filter, a
tenth. Where it is installed (it is with tcpdump and Wireshark) it reads large pcap files in a thread, beside Python
rather than before it, and passes on what may be ours as a pcap of its own through a pipe, which is then read as any
other. So nothing here knows what libpcap's structures look like, and without it everything works as well, only slower.

What may be ours is what the sieve lets through: all but plain, unfragmented IPv4 packets with other ports. Only packets
that were cut before their ports, which libpcap's filters cannot see, are not let through: where any packet is cut, our
own reader looks at the file too.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
from functools import cache
from io import BufferedReader, FileIO
from pathlib import Path
from threading import Thread
from typing import Final, Literal

from lmdecode.capture.net.prefilter import PLACES, PLAIN_IPV4, make_sieve
from lmdecode.capture.source import widen

_MIN_SNAP_LENGTH: Final = 65535  # of a file whose packets are whole; libpcap rejects those that end before their ports
# What libpcap is told instead: the most that it, and our own reader, take for a packet's length. It cuts what is longer
# than a file says any packet is, and a network card's large packets are longer than many files say.
_SNAP_LENGTH: Final = 1 << 18
_SAMPLE: Final = 1 << 20  # bytes that show what packets a file has, and whether they were cut to some length
# Bytes that are read, and handed over, at once. With 4 KB, as libc has it, there are 100,000 calls for half a gigabyte,
# and the reader is woken for a few packets.
_AT_ONCE: Final = 1 << 17
_FULLY: Final = 0  # C's _IOFBF
_FEW: Final = 4  # of so many packets one may pass
_VERSIONS: Final = (b"\x02\0\x04\0", b"\0\x02\0\x04")  # 2.4; the fields of older ones come in another order
_CLASSIC: Final = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_HEADER: Final = 24
_RECORD_HEADER: Final = 16
_BEFORE_PACKET: Final = "8xII"  # of the record's header the captured and the original length
_NANOSECONDS: Final = (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_NO_NETMASK: Final = 0xFFFFFFFF
_ERROR_SIZE: Final = 256
_PIPE_SIZE: Final = 1 << 20
_LIBRARIES: Final = ("libpcap.so.1", "libpcap.so.0.8", "libpcap.so", "libpcap.A.dylib", "libpcap.dylib")


class _Program(ctypes.Structure):
    """Libpcap's `bpf_program`."""

    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class Screened(FileIO):
    """The pcap that libpcap passes on."""

    def __init__(self, path: Path, descriptor: int, screening: _Screening) -> None:
        super().__init__(descriptor)
        self.name = str(path)
        self._screening = screening

    def failed(self) -> bool:
        """Whether the capture could not be read to its end, after all that came of it was read."""
        self._screening.thread.join()
        return self._screening.failed

    def close(self) -> None:
        """Read no more of it."""
        if not self.closed:
            self._screening.file.close()
        super().close()

    @property
    def position(self) -> int:
        """How far libpcap has come in the capture, in bytes."""
        return self._screening.file.tell()


def screened(path: Path, ports: frozenset[int]) -> BufferedReader | None:
    """What of a capture may be of a port; None if it is not one that libpcap would read sooner, or if it is not there.

    Args:
        path: The capture.
        ports: The TCP ports that are wanted.

    Returns:
        A pcap with a `Screened` as its `raw`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        file = FileIO(path)
    except OSError:
        return None
    library = capture = screening = None
    pipe: tuple[int, ...] = ()
    try:
        start = file.read(_SAMPLE)
        expression = _filter(start, ports)
        library = _library() if expression and _is_worth_it(start, ports) else None
        if library is None:
            return None
        buffers = ctypes.create_string_buffer(_AT_ONCE), ctypes.create_string_buffer(_AT_ONCE)
        capture = _opened(library, file, start[:_HEADER], buffers[0])
        if capture is None or not _filters(library, capture, expression):
            return None
        pipe = reading, writing = os.pipe()
        widen(writing, _PIPE_SIZE)
        screening = _Screening(library, capture, file, writing, buffers)
        return BufferedReader(Screened(path, reading, screening), _PIPE_SIZE)
    except (OSError, RuntimeError):  # no more files, or no more threads
        return None
    finally:
        if screening is None:
            if library is not None and capture is not None:
                library.pcap_close(capture)
            for descriptor in pipe:
                os.close(descriptor)
            file.close()


def _opened(library: ctypes.CDLL, file: FileIO, header: bytes, buffer: ctypes.Array[ctypes.c_char]) -> int | None:
    """The capture as libpcap has it open, or None: one whose header allows packets of any length.

    The header comes through a pipe, and the packets, in the pipe's place, from the file itself.
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
    # In the file's own precision, so that the fractions of seconds, however damaged, stay as they are.
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
    """Give libpcap a filter; whether it takes it."""
    program = _Program()
    if library.pcap_compile(capture, ctypes.byref(program), expression.encode("ascii"), 1, _NO_NETMASK):
        return False
    try:
        return not library.pcap_setfilter(capture, ctypes.byref(program))
    finally:
        library.pcap_freecode(ctypes.byref(program))  # libpcap has a copy


class _Screening:
    """The thread that writes what passes the filter to a pipe. Python runs meanwhile, for ctypes lets go of it."""

    def __init__(
        self,
        library: ctypes.CDLL,
        capture: int,
        file: FileIO,
        pipe: int,
        buffers: tuple[ctypes.Array[ctypes.c_char], ctypes.Array[ctypes.c_char]],
    ) -> None:
        self._library = library
        self._capture = capture
        self._pipe = pipe
        self._buffers = buffers  # glibc allocates none of a given size; these are there as long as the streams
        self.file = file
        """The capture, which is read by libpcap: its position is that of libpcap."""
        self.failed = False
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        library, capture = self._library, self._capture
        stream = library.fdopen(self._pipe, b"wb")
        library.setvbuf(stream, self._buffers[1], _FULLY, _AT_ONCE)
        dumper = library.pcap_dump_fopen(capture, stream)
        result = library.pcap_loop(capture, -1, ctypes.cast(library.pcap_dump, ctypes.c_void_p), dumper)
        self.failed = result < 0
        library.pcap_close(capture)
        library.pcap_dump_close(dumper)  # last, because now the reader sees the end


def _filter(start: bytes, ports: frozenset[int]) -> str:
    """The filter for the link type of a file that begins so; empty if it is not for this way."""
    header = start[:_HEADER]
    if header[:4] not in _CLASSIC or header[4:8] not in _VERSIONS or len(header) < _HEADER:
        return ""
    order: Literal["little", "big"] = "little" if header[0] in {0xD4, 0x4D} else "big"
    place = PLACES.get(int.from_bytes(header[20:24], order))
    if place is None or int.from_bytes(header[16:20], order) < _MIN_SNAP_LENGTH:
        return ""
    kind, ip = place
    at = ip + 20
    wanted = " or ".join(f"link[{at}:2] = {port} or link[{at + 2}:2] = {port}" for port in sorted(ports))
    return (
        f"less {at + 3} or link[{kind}:2] != 0x0800 or link[{ip}] != {PLAIN_IPV4} or link[{ip + 6}:2] & 0x3fff != 0 "
        f"or {wanted}"
    )


def _is_worth_it(start: bytes, ports: frozenset[int]) -> bool:
    """Whether the first packets were all captured whole, and few of them would pass.

    To take a packet out of the file and put it into the pipe costs more than for our own reader to pass over it.
    """
    order: Literal["<", ">"] = "<" if start[0] in {0xD4, 0x4D} else ">"
    link_type = struct.unpack_from(f"{order}I", start, 20)[0]
    sieve = make_sieve(link_type, order, ports, _BEFORE_PACKET)
    if sieve is None:
        return False
    unpack, size = sieve.look.unpack_from, sieve.look.size
    offset, count, passed = _HEADER, 0, 0
    while offset <= len(start) - size:
        captured, original, protocol, first, place, source, destination = unpack(start, offset)
        if captured < original:
            return False
        count += 1
        is_plain = protocol == sieve.ipv4 and first == PLAIN_IPV4 and not place & sieve.fragment
        passed += not is_plain or not sieve.ports.isdisjoint((source, destination))
        offset += _RECORD_HEADER + captured
    return passed * _FEW <= count


@cache
def _library() -> ctypes.CDLL | None:
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
        for of_one in ("pcap_dump_close", "pcap_close", "fclose"):
            getattr(library, of_one).argtypes = (handle,)
        return library
    return None
