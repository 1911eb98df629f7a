"""A command in this process on a pseudo-terminal, as somebody at a terminal runs it."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from lmdecode.cli._common.terminal import guard_terminals
from lmdecode.cli.app import make_app

COLUMNS = 100


class Terminal:
    """Runs commands and returns what they write to the terminal, escape sequences and all."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
            patch.delenv(name, raising=False)
        patch.setenv("TERM", "xterm-256color")

    def run(self, *arguments: object) -> tuple[str, int]:
        """What the command line writes, and its exit code. An exception that gets out is the test's failure."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        modes = termios.tcgetattr(theirs)
        modes[1] &= ~termios.OPOST  # lines end as they were written
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        pieces: list[bytes] = []
        reader = threading.Thread(target=_collect, args=(ours, pieces), daemon=True)
        reader.start()
        with self._patch.context() as patch, open(os.devnull, encoding="utf-8") as nothing:  # noqa: PTH123 -- no Path
            patch.setattr(sys, "stdin", nothing)
            for name in ("stdout", "stderr"):
                patch.setattr(sys, name, _stream(theirs))
            guard_terminals()
            code = _code([str(each) for each in arguments])
            for stream in (sys.stdout, sys.stderr):
                stream.close()
        os.close(theirs)
        reader.join(10)
        os.close(ours)
        return b"".join(pieces).decode("utf-8", "surrogateescape"), code


def _stream(terminal: int) -> Any:
    return io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(os.dup(terminal), "wb")), "utf-8", errors="replace", line_buffering=True
    )


def _code(arguments: Sequence[str]) -> int:
    try:
        make_app(arguments)(list(arguments), prog_name="lmdecode")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _collect(terminal: int, pieces: list[bytes]) -> None:
    try:
        while data := os.read(terminal, 65536):
            pieces.append(data)
    except OSError:  # how Linux says that the other side is closed
        return
