"""The output of records: a file that appears once it is complete, or stdout."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lmdecode.app.asked import Asked, Choice, Opened
from lmdecode.app.decode import Outcome, read, read_into
from lmdecode.app.errors import UsageError
from lmdecode.app.files import whole_file
from lmdecode.render.records import OutputFormat, Style, Writer


def decode_onto(
    writer: Writer,
    outcome: Outcome,
    asked: Asked,
    opened: Opened,
    *,
    live: bool = False,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write what the user wants to see of a capture. What is wrong with it does not raise, but is in the outcome.

    Args:
        writer: Writes it.
        outcome: Names the capture, and takes what comes of it.
        asked: What the user wants to see.
        opened: What it is read with.
        live: Whether somebody waits for each record.
        progress: Called now and then with the position in the file, in bytes.
    """
    speakers = opened.speakers
    if not (live or asked.chooses):
        writer.write_all(read_into(writer.sink, outcome, speakers, progress=progress))
        return
    for record in Choice(asked, opened, outcome).of(read(outcome, speakers, progress=progress)):
        writer.write(record)
        if live:
            writer.flush()


@contextlib.contextmanager
def open_writer(
    name: str, chosen: OutputFormat, output: Path | None, style: Style, *, private: bool = False
) -> Iterator[Writer]:
    """Open the writer of a format, over a file that appears when all went well, or over stdout.

    Args:
        name: The format's.
        chosen: The format.
        output: The file; None for stdout.
        style: How it is written.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written.
    """
    with open_output(name, chosen, output, private=private) as opened, finished(chosen.open(opened, style)) as writer:
        yield writer


@contextlib.contextmanager
def finished(writer: Writer) -> Iterator[Writer]:
    """Close a writer at the end, or abandon it at an error."""
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abandon()
        raise


def open_output(
    name: str, chosen: OutputFormat, output: Path | None, *, private: bool = False
) -> contextlib.AbstractContextManager[IO[str] | IO[bytes]]:
    """Open where a format is written to: a file that appears when all went well, or stdout.

    Args:
        name: The format's.
        chosen: The format.
        output: The file; None for stdout.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written.
        UsageError: Stdout is a terminal and the format is not for one.
    """
    if output is None and chosen.binary and sys.stdout.isatty():
        raise UsageError(f"{name} cannot be shown in a terminal: name a file, --output FILE.{name}")
    if output is not None:
        return whole_file(output, binary=chosen.binary, private=private)
    if not chosen.binary and not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # what programs read is the same everywhere
    return contextlib.nullcontext(sys.stdout.buffer if chosen.binary else sys.stdout)
