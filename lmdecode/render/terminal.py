"""The console that tables and panels are printed on, whose texts a terminal does not obey."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from io import StringIO
from typing import IO, Final, NoReturn

from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.text import Text
from rich.theme import Theme

from lmdecode.codec.printable import printable_lines

LEAST_WIDTH = 50
"""Columns. A narrower terminal folds the lines itself: rich would leave out whole columns."""
TABLE_WIDTH = 74
"""Columns that tables with many of their own take; where there are fewer, lists stand for them. See `ByWidth`."""


_COLOURS: Final = {"cyan": "color(31)", "yellow": "color(130)", "green": "color(28)"}
"""Cyan, yellow and green of a terminal are bright on black, and hardly to be seen on white. These are as far from black
as from white, with a contrast above 4 : 1 to both; a terminal of 16 colours shows its own."""


@cache
def _theme() -> Theme:
    styles = {f"{weight}{name}": f"{weight}{colour}" for name, colour in _COLOURS.items() for weight in ("", "bold ")}
    return Theme(styles)


class TerminalConsole(Console):
    """A console without rich's guesses at what text means, and that leaves a closed pipe to the command.

    Whatever is printed, the terminal obeys the styles and nothing in the texts: rich keeps both apart until here.

    Args:
        file: Takes the text; None for standard output.
        least_width: The least width in columns.
    """

    def __init__(self, file: IO[str] | None = None, *, least_width: int = LEAST_WIDTH) -> None:
        super().__init__(file=file or sys.stdout, highlight=False, emoji=False, markup=False, theme=_theme())
        self._least_width = least_width

    @property
    def size(self) -> ConsoleDimensions:
        """The terminal's present columns and lines: a window may change its size while it is drawn on."""
        size = super().size
        return ConsoleDimensions(max(size.width, self._least_width), size.height)

    @size.setter
    def size(self, size: tuple[int, int]) -> None:
        self.width, self.height = size

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yields what is printed, piece by piece, each printable."""
        return map(_printable, super().render(renderable, options))

    def print_paragraph(self, text: Text) -> None:
        """Prints a text in lines of whole words, without spaces at their ends."""
        for line in text.wrap(self, self.width):
            line.rstrip()
            self.print(line, soft_wrap=True)

    def on_broken_pipe(self) -> NoReturn:
        """Raises instead of ending the program."""
        raise BrokenPipeError


class ByWidth:
    """A table where there is room for its columns, and what stands for it where there is not.

    Args:
        table: The table.
        narrow: What stands for it.
        least: The columns from which on there is room.
    """

    def __init__(self, table: RenderableType, narrow: RenderableType, *, least: int = TABLE_WIDTH) -> None:
        self._table = table
        self._least = least
        self._narrow = narrow

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws one of them."""
        yield self._table if options.max_width >= self._least else self._narrow


def _printable(segment: Segment) -> Segment:
    text, style, control = segment
    return segment if control or text.isprintable() else Segment(printable_lines(text), style)


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
