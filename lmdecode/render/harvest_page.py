"""The page of `lmdecode harvest` on a terminal: what to do, what is done, and what was said, as room allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_INDENT: Final = 3  # columns, as wide as a number or a mark
_QR_STYLE: Final = "#ffffff on #000000"  # on a light terminal the code would be inside out, which few phones read


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the checklist."""

    name: str
    done: bool
    todo: str = ""
    """What the owner does for it, if it has an instruction of its own."""


@dataclass(frozen=True, slots=True)
class HarvestPage:
    """What is shown. No line of it is cut: where there is little room, whole parts are left out.

    The newest message stays longest, because it says why nothing goes on.
    """

    steps: Sequence[Step]
    notes: Sequence[str] = ()
    """What is open to whom."""
    qr_code: str = ""
    """Leads the phone to the page with the certificate."""
    said: Sequence[str] = ()
    """The messages that still matter, the newest last."""

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Draws it."""
        size = options.size
        # One line is for the cursor: a page as high as the terminal would scroll, and could not be drawn over.
        for line in page_lines(self, options.max_width, size.height - 1, ascii_only=options.ascii_only):
            line.no_wrap, line.overflow = True, "crop"
            yield line


def page_lines(page: HarvestPage, width: int, height: int, *, ascii_only: bool = False) -> list[Text]:
    """Returns the lines of a page, at most as many as it is high.

    Args:
        page: What to show.
        width: The terminal's columns.
        height: The terminal's lines.
        ascii_only: Whether the terminal has no other characters.
    """
    todo = [(step, _wrapped(f"{number}  {step.todo}", width)) for number, step in enumerate(_instructed(page), 1)]
    marks = [(step, _wrapped(_mark(step, ascii_only=ascii_only), width, dim=not step.done)) for step in page.steps]
    said = [_wrapped(f"{'-' if ascii_only else '•'}  {text}", width) for text in page.said]
    newest, older = (said[-1], said[:-1]) if said else ([], [])
    room = height - len(newest) - (1 if newest else 0)
    # What is done is needed least.
    while todo and _count(todo) + _count(marks) > room and any(step.done for step, _ in todo):
        todo.remove(next(each for each in todo if each[0].done))
    while marks and _count(todo) + _count(marks) > room and any(step.done for step, _ in marks):
        marks.remove(next(each for each in marks if each[0].done))
    for parts in (marks, todo):
        while parts and _count(todo) + _count(marks) > room:
            parts.pop()
    room -= _count(todo) + _count(marks)
    notes: list[Text] = []
    for text in page.notes:
        if len(lines := _wrapped(text, width, indent=0)) <= room:
            notes += lines
            room -= len(lines)
    code = [] if ascii_only else [Text(line, _QR_STYLE) for line in page.qr_code.splitlines()]
    if len(code) > room or any(line.cell_len > width for line in code):
        code = []
    room -= len(code)
    shown = newest
    for lines in reversed(older):
        if len(lines) > room:
            break
        shown = [*(Text(line.plain, "dim") for line in lines), *shown]
        room -= len(lines)
    head = [*_flat(todo), *notes, *code, *_flat(marks)]
    return [*head, *([Text()] if shown and head else []), *shown][: max(height, 1)]


def _instructed(page: HarvestPage) -> list[Step]:
    return [step for step in page.steps if step.todo]


def _mark(step: Step, *, ascii_only: bool) -> Text:
    if ascii_only:
        return Text(f"{'[x]' if step.done else '[ ]'} {step.name}")
    return Text.assemble((" ✔ ", "bold green") if step.done else " ☐ ", step.name)


def _wrapped(text: str | Text, width: int, *, indent: int = _INDENT, dim: bool = False) -> list[Text]:
    """Returns a text in lines of whole words; all but the first are indented."""
    from rich.console import Console

    whole = text if isinstance(text, Text) else Text(text)
    if dim:
        whole.stylize("dim")
    width = max(width, 1)
    indent = indent if width > 4 * indent else 0
    console = Console(width=width)
    first, *more = whole.wrap(console, width) or [Text()]
    first.rstrip()
    if more and indent:
        rest = whole[len(first.plain) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        more = list(rest.wrap(console, width - indent))
    for line in more:
        line.rstrip()
    return [first, *(Text(" " * indent).append_text(line) for line in more)]


def _count(parts: Iterable[tuple[Step, list[Text]]]) -> int:
    return sum(len(lines) for _, lines in parts)


def _flat(parts: Iterable[tuple[Step, list[Text]]]) -> list[Text]:
    return [line for _, lines in parts for line in lines]
