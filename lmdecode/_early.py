"""What begins before the command line is read: libpcap goes over a large capture while Python loads the rest.

To load what decodes a capture takes Python a tenth of a second, in which libpcap goes over half a gigabyte on another
core. So where a command line most likely is about one large pcap file, libpcap is begun first, for the ports that are
the usual ones. Whether it really is about that the command finds out later, as ever: it asks for a file to be filtered,
and takes over what was begun if it is just that. Otherwise, and at the end, it is stopped. So a wrong guess costs some
milliseconds of another core, and changes nothing about what comes out.
"""

from __future__ import annotations

import os
import stat
import sys

from lmdecode._parts import is_off

_LARGE = 8 << 20  # bytes; smaller captures are not filtered by libpcap
_PORTS = frozenset((1774, 8081))  # of all dialects that have ports
_MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d")
_OTHERWISE = ("--port", "--join", "--order", "--jobs", "-j", "--help", "-h")
"""How options begin with which it is about other ports, or about several captures, or none."""
_LIBPCAP = "lmdecode.capture.net.libpcap"


def begin_early(arguments: list[str]) -> None:
    """Begins what a command line will most likely want. Whatever goes wrong with it, goes wrong again later.

    Args:
        arguments: The command line, without the program.
    """
    if arguments[:1] != ["decode"] or sys.stdin is None or is_off("early") or is_off("libpcap"):
        return
    if any(each.startswith(_OTHERWISE) for each in arguments):
        return
    large = [each for each in arguments[1:] if not each.startswith("-") and _is_large_pcap(each)]
    if len(large) == 1:
        from lmdecode.capture.net.libpcap import begin  # noqa: PLC0415 -- for large captures only

        begin(large[0], _PORTS)


def forget_early() -> None:
    """Stops what was begun and not asked for."""
    if _LIBPCAP in sys.modules:
        sys.modules[_LIBPCAP].forget()


def _is_large_pcap(name: str) -> bool:
    try:
        status = os.stat(name)  # noqa: PTH116 -- pathlib is not loaded yet
        if not stat.S_ISREG(status.st_mode) or status.st_size < _LARGE:
            return False
        with open(name, "rb", buffering=0) as file:  # noqa: PTH123 -- as above
            return file.read(4) in _MAGICS
    except (OSError, ValueError):
        return False
