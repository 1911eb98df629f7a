"""Records written one after another: a module for each format, found by listing.

A format is one file in this folder. Its name, with `-` for `_`, is what `--format` takes, and its `FORMAT` says how a
file of it is written. Nothing else has to be changed for a new one.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, cast

from lmdecode.codec.dialect import RECORDS, Sink
from lmdecode.codec.errors import MissingPackageError
from lmdecode.codec.record import Record


class Style(NamedTuple):
    """How the user wants the output."""

    fields: tuple[str, ...] = ()
    """The fields to show; empty for all."""
    several: bool = False
    """Whether records of several captures follow each other, so that it has to be seen which is from which."""
    captions: bool = False
    """Whether a table names the capture that its rows are from."""
    header: bool = True
    """Whether CSV starts with the names of its columns."""


class Writer(Protocol):
    """Writes records one after another."""

    sink: Sink[Any]
    """Makes what `write_all` writes soonest: records, or lines."""

    def begin(self, capture: str) -> object:
        """The records of a capture follow."""

    def write(self, record: Record) -> object:
        """Write one record."""

    def write_all(self, made: Iterable[Any]) -> object:
        """Write many, one after the other, as `sink` made them."""

    def flush(self) -> object:
        """Let whoever reads along see all that was written."""

    def append(self, part: Path) -> object:
        """Add what another writer of the format has written to a file."""

    def close(self) -> object:
        """Write what has to come after the last one. The file stays open."""

    def abandon(self) -> object:
        """Write nothing more: something went wrong."""


class OutputFormat(NamedTuple):
    """How records are written in one format."""

    open: Callable[[Any, Style], Writer]
    """Makes the writer over a file of text or, if `binary`, of bytes."""
    binary: bool = False
    """Whether it is bytes, and so not for a terminal."""
    joinable: bool = False
    """Whether parts, one a capture, can be appended to each other; a table's headings follow from the rows before."""
    of_packets: bool = False
    """Whether it is made of the capture's packets rather than of records: see `pcapng`."""


class OneByOne:
    """What the writers of most formats have in common."""

    sink: Sink[Any] = RECORDS
    write: Callable[[Record], object]

    def begin(self, capture: str) -> None:
        """Write nothing between captures."""

    def write_all(self, made: Iterable[Any]) -> None:
        """Write records one by one."""
        write = self.write
        for record in made:
            write(record)

    def append(self, part: Path) -> None:  # noqa: ARG002
        """Raise AssertionError: only formats that are `joinable` are appended to."""
        raise AssertionError("only what is joinable is joined")

    def abandon(self) -> None:
        """Leave the file as it is."""


class TextWriter(OneByOne):
    """What the writers of text have in common.

    Args:
        file: Takes the text.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()

    def append(self, part: Path) -> None:
        """Copy the bytes of a part."""
        from shutil import copyfileobj

        self.flush()
        with part.open("rb") as file:
            copyfileobj(file, cast("IO[bytes]", getattr(self._file, "buffer", None)), 1 << 20)

    def close(self) -> None:
        """Flush the file."""
        self.flush()


@cache
def format_names() -> tuple[str, ...]:
    """Return the names of all formats: the modules of this package.

    >>> format_names()
    ('csv', 'csv-safe', 'exported-pdu', 'jsonl', 'parquet', 'pcapng', 'table')
    """
    return tuple(sorted(each.name.replace("_", "-") for each in pkgutil.iter_modules(__path__)))


def format_named(name: str) -> OutputFormat:
    """Return a format.

    Raises:
        MissingPackageError: It needs a package that is not installed.
    """
    try:
        found: OutputFormat = import_module(f"{__name__}.{name.replace('-', '_')}").FORMAT
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in {"", "lmdecode"}:
            raise
        from lmdecode.extras import install_command

        raise MissingPackageError(
            f"{name.capitalize()} needs {package}, which is not installed: {install_command(name)}"
        ) from None
    return found
