"""The progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def progress_bar(path: Path, *, onto_terminal: bool) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on stderr, if that is a terminal that the records do not go to as well.

    Args:
        path: The file that is read; there is no bar for what has no size.
        onto_terminal: Whether the records go to a terminal.
    """
    if not sys.stderr.isatty() or onto_terminal or not path.is_file():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(path.name, total=path.stat().st_size)

    def show(position: int) -> None:
        bar.start()  # not before there is progress to show, so short files have none
        bar.update(task, completed=position)

    try:
        yield show
    finally:
        bar.stop()


@contextlib.contextmanager
def counting_bar(what: str, total: int, unit: str) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on stderr for something that is counted, if that is a terminal.

    Args:
        what: What is done.
        total: How many there are.
        unit: Of what.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=total)

        def show(count: int) -> None:
            bar.update(task, completed=count)

        yield show
