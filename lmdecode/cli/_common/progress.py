"""The progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from lmdecode.app.export_report import ExportReport

_ROOMY: Final = 72  # columns from which on there is room for the time that is left


@contextlib.contextmanager
def progress_bar(path: Path, *, onto_terminal: bool) -> Iterator[Callable[[int], None] | None]:
    """Opens a progress bar on stderr, if that is a terminal and the records do not go to a terminal too.

    Args:
        path: The file that is read; without a size it gets no bar.
        onto_terminal: Whether the records go to a terminal.
    """
    if not sys.stderr.isatty() or onto_terminal or not path.is_file():
        yield None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    from lmdecode.render.terminal import TerminalConsole

    console = TerminalConsole(sys.stderr)
    whole = Column(no_wrap=True)  # a bar of two lines would leave one of them behind
    name = Column(no_wrap=True, overflow="ellipsis", max_width=max(console.width // 3, 12))
    bar = Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=None if console.width < _ROOMY else 40),
        DownloadColumn(table_column=whole),
        *([TimeRemainingColumn(table_column=whole.copy())] if console.width >= _ROOMY else []),
        console=console,
        transient=True,
    )
    task = bar.add_task(printable(path.name), total=_bytes_to_read(path))

    def show(position: int) -> None:
        bar.start()  # not before there is progress to show, so short files have none
        bar.update(task, completed=position)

    try:
        yield show
    finally:
        bar.stop()


def _bytes_to_read(path: Path) -> int | None:
    """Returns the size of a file's content; None if it is compressed, since what is counted is the unpacked bytes."""
    from lmdecode.capture.compression import is_compressed

    try:
        with path.open("rb") as file:
            start = file.read(16)
    except OSError:  # whoever reads it says so
        start = b""
    return None if is_compressed(start) else path.stat().st_size


def file_progress(path: Path) -> contextlib.AbstractContextManager[Callable[[int], None] | None]:
    """Returns the progress bar for a file that is read for one question, with no output meanwhile."""
    return progress_bar(path, onto_terminal=False)


@contextlib.contextmanager
def counting_bar(what: str, total: int, unit: str) -> Iterator[Callable[[int], None] | None]:
    """Opens a progress bar on stderr for something that is counted, if that is a terminal.

    Args:
        what: The word before the bar.
        total: The count at the end.
        unit: What is counted.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from lmdecode.render.terminal import TerminalConsole

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(),
        console=TerminalConsole(sys.stderr),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)

        def show(count: int) -> None:
            bar.update(task, completed=count)

        yield show


@contextlib.contextmanager
def captures_bar() -> Iterator[Callable[[ExportReport], None]]:
    """Opens a progress bar on stderr for captures of an export, if that is a terminal: how many, bytes, and the name.

    Its length is of the bytes, since captures are of very different sizes.
    """
    if not sys.stderr.isatty():
        yield lambda _report: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    from lmdecode.render.terminal import TerminalConsole

    console = TerminalConsole(sys.stderr)
    roomy = console.width >= _ROOMY
    name = Column(no_wrap=True, overflow="ellipsis", max_width=max(console.width // 3, 12))
    bar = Progress(
        TextColumn("{task.description}", markup=False, table_column=name),
        BarColumn(bar_width=10 if roomy else None),
        TextColumn("{task.fields[captures]}", markup=False, table_column=Column(no_wrap=True)),
        *([DownloadColumn(table_column=Column(no_wrap=True))] if roomy else []),
        *([TimeRemainingColumn(table_column=Column(no_wrap=True))] if roomy else []),
        console=console,
        transient=True,
    )
    task = bar.add_task("", total=None, captures="")

    def show(report: ExportReport) -> None:
        bar.start()
        bar.update(
            task,
            description=printable(report.current.rpartition("/")[2]),
            completed=report.bytes_done,
            total=report.bytes_total or None,
            captures=f"{report.done:,}/{report.total:,}",
        )

    try:
        yield show
    finally:
        bar.stop()
