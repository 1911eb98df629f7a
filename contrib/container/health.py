#!/usr/bin/env python3
"""Whether lmdecode in this container is connected: the bridge keeps one connection to its broker while all is well.

The exit code is 0 if a process has an established TCP connection, otherwise 1. Nothing is asked of the broker, nor of
the machine, which takes one connection at a time and needs it for the bridge.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_ESTABLISHED = "01"
_OPEN = "socket:["


def main(processes: list[str]) -> int:
    """Returns the exit code.

    Args:
        processes: The numbers of the processes to look at; none for all of the container.
    """
    of_container = (each.name for each in _PROC.iterdir() if each.name.isdecimal())
    for process in processes or of_container:
        with contextlib.suppress(OSError):  # it has ended, or belongs to another user
            if {*_sockets(_PROC / process / "fd")} & {*_established(_PROC / process / "net")}:
                return 0
    print("lmdecode is not connected to its broker")
    return 1


def _sockets(folder: Path) -> Iterator[str]:
    """Yields the numbers of the sockets that a process has open."""
    for each in folder.iterdir():
        target = str(each.readlink())
        if target.startswith(_OPEN):
            yield target[len(_OPEN) : -1]


def _established(folder: Path) -> Iterator[str]:
    """Yields the numbers of the TCP sockets that are connected."""
    for path in (folder / "tcp", folder / "tcp6"):
        for line in path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else ():
            columns = line.split()
            if columns[3] == _ESTABLISHED:
                yield columns[9]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
