"""Where `watch` shows what it sees: a screen, lines of JSON, or nowhere but on stderr."""

from __future__ import annotations

import contextlib
import sys
from typing import IO, TYPE_CHECKING, Final, Protocol

import typer

if TYPE_CHECKING:
    from rich.live import Live

    from lmdecode.codec.record import Record
    from lmdecode.render.watch.scene import Scene


class Display(Protocol):
    """Something that shows what is seen."""

    @property
    def draws(self) -> bool:
        """Whether it draws scenes."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, or make way for a while."""

    def note(self, text: str) -> None:
        """Tell something that is not in the messages."""

    def write(self, record: Record) -> None:
        """Show a message."""

    def draw(self, scene: Scene) -> None:
        """Show what is known now."""


class Silent:
    """Tells on stderr what becomes of the connection, and nothing else."""

    draws: Final = False

    def start(self) -> None:
        """Nothing is to be done."""

    def stop(self) -> None:
        """Nothing is to be done."""

    def note(self, text: str) -> None:
        """Tell it on stderr."""
        with contextlib.suppress(OSError):
            typer.echo(f"lmdecode: {text}", err=True)

    def write(self, record: Record) -> None:
        """Not shown."""

    def draw(self, scene: Scene) -> None:
        """Not shown."""


class Lines(Silent):
    """Writes a line of JSON for each message.

    Args:
        file: To where.
    """

    def __init__(self, file: IO[bytes]) -> None:
        from lmdecode.render.records.jsonl import json_bytes

        self._file = file
        self._line = json_bytes

    def write(self, record: Record) -> None:
        """Write its line."""
        self._file.write(self._line(record))
        self._file.flush()


class Screen:
    """A screen of its own on the terminal. What was there before is there again when it ends."""

    draws: Final = True

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(highlight=False, emoji=False, markup=False)
        self._live: Live | None = None
        self._notes: list[str] = []

    @staticmethod
    def is_possible() -> bool:
        """Whether standard output is a terminal that can show one."""
        from rich.console import Console

        console = Console()
        return sys.stdout.isatty() and not console.is_dumb_terminal

    def start(self) -> None:
        """Take the terminal."""
        from rich.live import Live

        self._live = Live(console=self._console, screen=True, auto_refresh=False, redirect_stderr=False)
        self._live.start()

    def stop(self) -> None:
        """Give it back, and then tell what there was to be told."""
        if self._live is not None:
            live, self._live = self._live, None
            live.stop()
        for text in self._notes:
            typer.echo(f"lmdecode: {text}", err=True)
        self._notes.clear()

    def note(self, text: str) -> None:
        """Told when the screen ends."""
        if self._live is None:
            typer.echo(f"lmdecode: {text}", err=True)
        elif text not in self._notes:
            self._notes.append(text)

    def write(self, record: Record) -> None:
        """Shown with the next scene."""

    def draw(self, scene: Scene) -> None:
        """Show it."""
        from lmdecode.render.watch.screen import WatchScreen

        if self._live is not None:
            self._live.update(WatchScreen(scene), refresh=True)
