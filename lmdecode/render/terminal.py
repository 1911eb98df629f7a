"""The console that tables and panels are printed on."""

from __future__ import annotations

import sys
from typing import IO, NoReturn

from rich.console import Console
from rich.text import Text

LEAST_WIDTH = 72
"""Columns. On a narrower terminal lines are folded by the terminal: rich would leave out whole columns."""


class TerminalConsole(Console):
    """A console without rich's guesses at what text means, and that leaves a closed pipe to the command."""

    def __init__(self, file: IO[str] | None = None) -> None:
        super().__init__(file=file or sys.stdout, highlight=False, emoji=False, markup=False)
        self.width = max(self.width, LEAST_WIDTH)

    def print_paragraph(self, text: Text) -> None:
        """Print a text in lines of whole words, without spaces at their ends."""
        for line in text.wrap(self, self.width):
            line.rstrip()
            self.print(line, soft_wrap=True)

    def on_broken_pipe(self) -> NoReturn:
        """Instead of ending the program."""
        raise BrokenPipeError
