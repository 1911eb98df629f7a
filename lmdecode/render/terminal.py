"""The console that tables and panels are printed on."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from io import StringIO
from typing import IO, NoReturn

from rich.console import Console, RenderableType
from rich.text import Text

LEAST_WIDTH = 72
"""Columns. A narrower terminal folds the lines itself: rich would leave out whole columns."""


class TerminalConsole(Console):
    """A console without rich's guesses at what text means, and that leaves a closed pipe to the command."""

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file=file or sys.stdout, highlight=False, emoji=False, markup=False)
        self.width = max(self.width, LEAST_WIDTH)

    def print_paragraph(self, text: Text) -> None:
        """Prints a text in lines of whole words, without spaces at their ends."""
        for line in text.wrap(self, self.width):
            line.rstrip()
            self.print(line, soft_wrap=True)

    def on_broken_pipe(self) -> NoReturn:
        """Raises instead of ending the program."""
        raise BrokenPipeError


def print_parts(parts: Iterable[RenderableType], file: IO[str]) -> None:
    """Prints tables and texts: with colours on a terminal, elsewhere as `text_of` has them."""
    console = TerminalConsole(file)
    if not console.is_terminal:
        file.write(text_of(parts))
        return
    for part in parts:
        console.print(part)


def text_of(parts: Iterable[RenderableType]) -> str:
    """Returns tables and texts without colours, and without spaces at the ends of lines."""
    console = TerminalConsole(StringIO())
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())
