"""A part of the output, which is written to a file of its own, mostly by a worker process, and taken over as it grows.

How many connections come before those of a capture is not known when it is decoded beside others, so they are numbered
from a mark: a number that nothing else in the output is, and that is replaced here. To wait for the whole file and to
copy it then would leave a core idle.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from concurrent.futures import Future, wait
from io import FileIO
from pathlib import Path
from typing import Final

from lmdecode.app.decode import Outcome

_ROOM: Final = 1_000_000_000  # numbers of connections that fit behind a mark
_FEW: Final = 16  # so many are replaced one after the other in less time than by a regular expression
_BLOCK: Final = 1 << 18  # bytes, which stay in the processor's cache while they are renumbered
_SOON: Final = 0.005  # seconds


def new_mark() -> int:
    """A number that stands for 0.

    It has 18 digits with those behind it, so that it fits 64 bits. The chance that data has it is one in 10**8 a
    number.
    """
    return (10**8 + secrets.randbelow(9 * 10**8)) * _ROOM


class GrowingPart:
    """A file that is being written.

    Args:
        path: The file, which is there.
        future: Done when it is whole.
        mark: What stands for the number of its first connection in text.
        first: That number.
    """

    def __init__(self, path: Path, future: Future[Outcome | None], mark: int, first: int) -> None:
        self._path = path
        self._future = future
        self._mark = mark
        self._first = first
        self._prefix = b"%d" % (mark // _ROOM)
        self._pattern = re.compile(self._prefix + b"[0-9]{9}")
        self._known: dict[bytes, bytes] = {}

    def lines(self) -> Iterator[bytes]:
        """Some whole lines at a time, as they are written, with their connections numbered on.

        Raises:
            BrokenProcessPool: The worker was killed.
            OSError: The file is gone.
        """
        with self._path.open("rb", buffering=0) as file:
            is_whole = False
            while not is_whole:
                is_whole = self._future.done()  # and so is what is read after that
                for lines in _whole_lines(file):
                    yield self._renumbered(lines)
                if not is_whole:
                    wait([self._future], timeout=_SOON)
        self._future.result()

    def whole(self) -> tuple[Path, int]:
        """The file when it is whole, and the number of its first connection, which is 0 in it.

        Raises:
            BrokenProcessPool: The worker was killed.
        """
        self._future.result()
        return self._path, self._first

    def _renumbered(self, lines: bytes) -> bytes:
        for marked, number in self._known.items():
            lines = lines.replace(marked, number)
        # To look whether there are others takes half as long again, and most captures have one connection.
        while not self._knows_all() and (place := lines.find(self._prefix)) >= 0:
            found = self._pattern.search(lines, place)
            if found is None:
                break
            if len(self._known) == _FEW:
                return self._pattern.sub(self._number, lines)
            number = self._known[found[0]] = self._number(found)
            lines = lines.replace(found[0], number)
        return lines

    def _knows_all(self) -> bool:
        if not self._future.done() or self._future.exception():
            return False
        outcome = self._future.result()
        return outcome is not None and len(self._known) == outcome.statistics.connections

    def _number(self, found: re.Match[bytes]) -> bytes:
        return b"%d" % (int(found[0]) - self._mark + self._first)


def _whole_lines(file: FileIO) -> Iterator[bytes]:
    """All lines that are whole in a file by now, and were not read yet, some at a time."""
    size = _BLOCK
    while block := file.read(size):
        end = block.rfind(b"\n") + 1
        file.seek(end - len(block), os.SEEK_CUR)
        if end:
            size = _BLOCK
            yield block[:end]
        elif len(block) == size:
            size *= 2  # a line that is longer
        else:
            return
