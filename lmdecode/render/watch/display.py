"""The displays of `watch`: a screen, lines of JSON, or notes on stderr alone."""

from __future__ import annotations

import contextlib
import sys
from typing import IO, TYPE_CHECKING, Final, Protocol

from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from rich.live import Live

    from lmdecode.codec.record import Record
    from lmdecode.render.watch.scene import Scene


_NOTES: Final = 50  # that are kept until a screen ends


class Display(Protocol):
    """Shows what a watch sees."""

    @property
    def draws(self) -> bool:
        """Whether it draws scenes."""

    def start(self) -> None:
        """Begins."""

    def stop(self) -> None:
        """Ends, or makes way for a while."""

    def note(self, text: str) -> None:
        """Says something that is not in the messages."""

    def write(self, record: Record) -> None:
        """Shows a message."""

    def draw(self, scene: Scene) -> None:
        """Shows what is known now."""


class Silent:
    """Says on stderr how the connection is, and nothing else."""

    draws: Final = False

    def start(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing."""

    def note(self, text: str) -> None:
        """Says it on stderr."""
        _say(text)

    def write(self, record: Record) -> None:
        """Does nothing."""

    def draw(self, scene: Scene) -> None:
        """Does nothing."""


class Lines(Silent):
    """Writes a line of JSON for each message.

    Args:
        file: The file to write to.
    """

    def __init__(self, file: IO[bytes]) -> None:
        from lmdecode.render.records.jsonl import json_bytes

        self._file = file
        self._line = json_bytes

    def write(self, record: Record) -> None:
        """Writes its line."""
        self._file.write(self._line(record))
        self._file.flush()


class Screen:
    """A screen of its own on the terminal, which shows its earlier content again when it ends."""

    draws: Final = True

    def __init__(self) -> None:
        from lmdecode.render.terminal import TerminalConsole

        self._console = TerminalConsole(least_width=1)
        self._live: Live | None = None
        self._notes: list[str] = []

    @staticmethod
    def is_possible() -> bool:
        """Whether standard output is a terminal that can show a screen."""
        from lmdecode.render.terminal import TerminalConsole

        return sys.stdout.isatty() and not TerminalConsole().is_dumb_terminal

    def start(self) -> None:
        """Takes the terminal."""
        from rich.live import Live

        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)
        self._live.start()

    def stop(self) -> None:
        """Gives the terminal back, then says what was kept meanwhile."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()
        for text in self._notes:
            _say(text)
        self._notes.clear()

    def note(self, text: str) -> None:
        """Keeps it until the screen ends."""
        if self._live is None:
            _say(text)
        elif text not in self._notes:
            self._notes.append(text)
            del self._notes[:-_NOTES]

    def write(self, record: Record) -> None:
        """Does nothing: the next scene shows it."""

    def draw(self, scene: Scene) -> None:
        """Shows it."""
        from lmdecode.render.watch.chosen import ChosenScreen
        from lmdecode.render.watch.screen import WatchScreen

        if self._live is not None:
            self._live.update(ChosenScreen(scene) if scene.chosen else WatchScreen(scene), refresh=True)


def _say(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(f"lmdecode: {printable(text)}\n")
        sys.stderr.flush()
