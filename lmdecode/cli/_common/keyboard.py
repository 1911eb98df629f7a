"""Single keys from the terminal while a command runs. Without a suitable terminal no keys are read."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self


class Keyboard:
    """Passes on each key until the block ends; then the terminal is as it was before.

    Args:
        on_key: Called with each character.
    """

    def __init__(self, on_key: Callable[[str], None]) -> None:
        self._on_key = on_key
        self._before: list[Any] | None = None
        self.there = False
        """Whether keys can be read."""

    def __enter__(self) -> Self:
        self.resume()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def resume(self) -> None:
        """Starts to read keys, one by one and without an echo, if standard input is a terminal and belongs to us."""
        try:
            import termios
            import tty
        except ImportError:  # Windows: Ctrl-C ends it
            return
        with contextlib.suppress(OSError, ValueError, termios.error):
            descriptor = sys.stdin.fileno()
            if not os.isatty(descriptor) or os.tcgetpgrp(descriptor) != os.getpgrp():
                return
            self._before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor)
            asyncio.get_running_loop().add_reader(descriptor, self._read, descriptor)
            self.there = True

    def pause(self) -> None:
        """Gives the terminal back."""
        if self._before is None:
            return
        import termios

        before, self._before = self._before, None
        with contextlib.suppress(OSError, ValueError, termios.error):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    def _read(self, descriptor: int) -> None:
        try:
            pressed = os.read(descriptor, 64)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal is gone
            asyncio.get_running_loop().remove_reader(descriptor)
            return
        if not pressed.startswith(b"\x1b"):  # arrows and the like
            for key in pressed.decode("ascii", "ignore"):
                self._on_key(key)
