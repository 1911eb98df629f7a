#!/usr/bin/env python3
"""Whether the container's program is connected: the bridge keeps one connection to its broker as long as all is well.

The exit code is 0 if the first process of the container has an established TCP connection, otherwise 1. Nothing is
asked of the broker or of the machine, which takes one connection at a time and needs it for the bridge.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

_ESTABLISHED = "01"


def main(process: str = "1") -> int:
    """Returns the exit code.

    Args:
        process: The number of the process.
    """
    mine = {*_sockets(Path("/proc", process, "fd"))}
    connected = {*_established(Path("/proc", process, "net"))}
    if mine & connected:
        return 0
    print("lmdecode is not connected to its broker")
    return 1


def _sockets(folder: Path) -> Iterator[str]:
    """Yields the numbers of the sockets that a process has open."""
    for each in folder.iterdir():
        target = str(each.readlink())
        if target.startswith("socket:["):
            yield target[len("socket:[") : -1]


def _established(folder: Path) -> Iterator[str]:
    """Yields the numbers of the TCP sockets that are connected."""
    for name in ("tcp", "tcp6"):
        path = folder / name
        for line in path.read_text(encoding="ascii").splitlines()[1:] if path.exists() else ():
            columns = line.split()
            if columns[3] == _ESTABLISHED:
                yield columns[9]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
