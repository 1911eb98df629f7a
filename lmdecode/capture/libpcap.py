"""A household's capture, screened by libpcap before Python sees it.

To walk over the headers of a million packets takes Python half a second, and libpcap, which compiles its filter, a
tenth. Where it is installed (it is with tcpdump and Wireshark) it reads large pcap files in a thread, beside Python
rather than before it, and passes on what may be ours as a pcap of its own through a pipe, which is then read as any
other. So nothing here knows what libpcap's structures look like, and without it everything works as well, only slower.

What may be ours is what the sieve lets through: all but plain, unfragmented IPv4 packets with other ports.
"""

from __future__ import annotations

import ctypes
import os
import stat
from functools import cache
from io import BufferedReader, FileIO
from pathlib import Path
from threading import Lock, Thread
from typing import Final, Literal

from lmdecode.capture.pipes import widen
from lmdecode.capture.sieve import PLACES

__all__ = ["Screened", "screened"]

# Libpcap cuts packets that are longer than the file says any is, and rejects those that end before what it looks at.
_MIN_SNAP_LENGTH: Final = 65535
_VERSIONS: Final = (b"\x02\0\x04\0", b"\0\x02\0\x04")  # 2.4; the fields of older ones come in another order
_CLASSIC: Final = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_HEADER: Final = 24
_NANOSECONDS: Final = 1  # PCAP_TSTAMP_PRECISION_NANO
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

    @property
    def position(self) -> int:
        """How far libpcap has come in the capture, in bytes."""
        return self._screening.position


def screened(path: Path, port: int) -> BufferedReader | None:
    """What of a capture may be of a port; None if it is not one that libpcap would read sooner, or if it is not there.

    Args:
        path: The capture.
        port: The protocol's.

    Returns:
        A pcap with a `Screened` as its `raw`.
    """
    expression = _filter(path, port)
    library = _library() if expression else None
    if library is None:
        return None
    error = ctypes.create_string_buffer(_ERROR_SIZE)
    capture = library.pcap_open_offline_with_tstamp_precision(os.fsencode(path), _NANOSECONDS, error)
    if not capture:
        return None
    program = _Program()
    if library.pcap_compile(capture, ctypes.byref(program), expression.encode("ascii"), 1, _NO_NETMASK) or (
        library.pcap_setfilter(capture, ctypes.byref(program))
    ):
        library.pcap_close(capture)
        return None
    reading, writing = os.pipe()
    widen(writing, _PIPE_SIZE)
    return BufferedReader(Screened(path, reading, _Screening(library, capture, writing)), _PIPE_SIZE)


class _Screening:
    """The thread that writes what passes the filter to a pipe. Python runs meanwhile, for ctypes lets go of it."""

    def __init__(self, library: ctypes.CDLL, capture: int, pipe: int) -> None:
        self._library = library
        self._capture = capture
        self._pipe = pipe
        self._open = Lock()
        self._end = 0
        self._over = self.failed = False
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    @property
    def position(self) -> int:
        with self._open:
            return self._end if self._over else self._tell()

    def _run(self) -> None:
        library, capture = self._library, self._capture
        dumper = library.pcap_dump_fopen(capture, library.fdopen(self._pipe, b"wb"))
        result = library.pcap_loop(capture, -1, ctypes.cast(library.pcap_dump, ctypes.c_void_p), dumper)
        self.failed = result < 0
        with self._open:
            self._end = self._tell()
            self._over = True
            library.pcap_close(capture)
        library.pcap_dump_close(dumper)  # last, because now the reader sees the end

    def _tell(self) -> int:
        position: int = self._library.ftell(self._library.pcap_file(self._capture))
        return position


def _filter(path: Path, port: int) -> str:
    """The filter for a file's link type; empty if it is not for this way."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return ""
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError:
        return ""
    if header[:4] not in _CLASSIC or header[4:8] not in _VERSIONS or len(header) < _HEADER:
        return ""
    order: Literal["little", "big"] = "little" if header[0] in {0xD4, 0x4D} else "big"
    place = PLACES.get(int.from_bytes(header[20:24], order))
    if place is None or int.from_bytes(header[16:20], order) < _MIN_SNAP_LENGTH:
        return ""
    kind, ip = place
    ports = ip + 20
    return (
        f"less {ports + 3} or link[{kind}:2] != 0x0800 or link[{ip}] != 0x45 or link[{ip + 6}:2] & 0x3fff != 0 "
        f"or link[{ports}:2] = {port} or link[{ports + 2}:2] = {port}"
    )


@cache
def _library() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.pcap_open_offline_with_tstamp_precision.restype = ctypes.c_void_p
            library.pcap_dump_fopen.restype = library.fdopen.restype = library.pcap_file.restype = ctypes.c_void_p
            library.ftell.restype = ctypes.c_long
        except (OSError, AttributeError):
            continue
        handle, text = ctypes.c_void_p, ctypes.c_char_p
        library.fdopen.argtypes = (ctypes.c_int, text)
        library.pcap_open_offline_with_tstamp_precision.argtypes = (text, ctypes.c_uint, text)
        library.pcap_compile.argtypes = (handle, ctypes.POINTER(_Program), text, ctypes.c_int, ctypes.c_uint)
        library.pcap_setfilter.argtypes = (handle, ctypes.POINTER(_Program))
        library.pcap_dump_fopen.argtypes = (handle, handle)
        library.pcap_loop.argtypes = (handle, ctypes.c_int, handle, handle)
        for of_one in ("pcap_dump_close", "pcap_close", "pcap_file", "ftell"):
            getattr(library, of_one).argtypes = (handle,)
        return library
    return None
