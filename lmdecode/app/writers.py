"""Which writer serves which format.

A format is one entry in `WRITERS`. What does not write records one after another, such as a capture with comments in
it, does not belong here but beside it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final, Protocol, cast

from lmdecode.app.errors import CommandError
from lmdecode.app.files import whole_file
from lmdecode.codec.v1._fast import RECORDS, Maker

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.render.records.parquet import ParquetWriter


class Format(StrEnum):
    """How records are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    PCAPNG = "pcapng"
    """The capture itself with comments: no records one after another, so it has no entry in `WRITERS`."""
    EXPORTED_PDU = "exported-pdu"


BINARY: Final = frozenset({Format.PARQUET, Format.PCAPNG, Format.EXPORTED_PDU})
"""Those that are not text, and so not for a terminal."""
JOINABLE: Final = frozenset({Format.JSONL, Format.CSV, Format.PARQUET})
"""Those of which parts, one a capture, can be joined; a table's headings follow from the rows before them."""

_LINES: Final = 256


@dataclass(frozen=True, slots=True)
class Style:
    """How the user wants it."""

    fields: tuple[str, ...] = ()
    """The fields to show; empty for all."""
    captions: bool = False
    """Whether a table names the capture that its rows are from."""
    header: bool = True
    """Whether CSV starts with the names of its columns."""


class Part(Protocol):
    """What another writer of the format writes to a file of its own, in another process or in this one."""

    def lines(self) -> Iterator[bytes]:
        """Some whole lines at a time, as they are written, for a format that is text; connections count on."""

    def whole(self) -> tuple[Path, int]:
        """The file when it is whole, and the number of its first connection, which is 0 in it."""


class Writer(Protocol):
    """Writes records one after another."""

    make: Maker[Any]
    """Makes what `write_all` writes soonest: records, or lines."""

    def begin(self, path: Path) -> object:
        """The records of a capture follow."""

    def write(self, record: Record) -> object:
        """Write one."""

    def write_all(self, made: Iterable[Any]) -> object:
        """Write many, one after the other, as `make` made them."""

    def flush(self) -> object:
        """Let whoever reads along see all that was written."""

    def append(self, part: Part) -> object:
        """Add what another writer of the format has written to a file, or is still writing."""

    def close(self) -> object:
        """Write what has to come after the last one. The file stays open."""

    def abandon(self) -> object:
        """Write nothing more: something went wrong."""


class _OneByOne:
    """What the formats have in common."""

    make: Maker[Any] = RECORDS
    write: Callable[[Record], object]

    def write_all(self, made: Iterable[Any]) -> None:
        write = self.write
        for record in made:
            write(record)


class _Text(_OneByOne):
    """What the formats that are text have in common."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def begin(self, path: Path) -> None:
        pass

    def flush(self) -> None:
        self._file.flush()

    def append(self, part: Part) -> None:
        self.flush()
        buffer = cast("IO[bytes]", getattr(self._file, "buffer", None))
        for lines in part.lines():
            buffer.write(lines)

    def close(self) -> None:
        self._file.flush()

    def abandon(self) -> None:
        pass


class _JsonLines(_Text):
    """Writes bytes, some hundred lines at a time: text line by line would take a fifth of all time."""

    def __init__(self, file: IO[str], _style: Style) -> None:
        from lmdecode.render.records.jsonl import Lines

        super().__init__(file)
        self._buffer = cast("IO[bytes]", getattr(file, "buffer", None))
        self.make = self._make = Lines()
        self._lines: list[str] = []

    def write(self, record: Record) -> None:
        lines = self._lines
        lines.append(self._make.record(record))
        if len(lines) >= _LINES:
            self._buffer.write("".join(lines).encode())
            lines.clear()

    def write_all(self, made: Iterable[str]) -> None:
        self.flush()
        write, lines = self._buffer.write, iter(made)
        while some := "".join(islice(lines, _LINES)):
            write(some.encode())

    def flush(self) -> None:
        self._file.flush()
        self._buffer.write("".join(self._lines).encode())
        self._lines.clear()
        self._buffer.flush()

    def close(self) -> None:
        self.flush()

    def abandon(self) -> None:
        with contextlib.suppress(OSError):  # on stdout what was decoded up to now is worth having
            self.flush()


class _Csv(_Text):
    def __init__(self, file: IO[str], style: Style) -> None:
        from lmdecode.analysis.columns import FIELD_TYPES
        from lmdecode.render.records.csv import CsvWriter

        super().__init__(file)
        self.write = CsvWriter(file, style.fields or tuple(FIELD_TYPES), header=style.header).write


class _Table(_Text):
    def __init__(self, file: IO[str], style: Style) -> None:
        from lmdecode.render.records.table import TableWriter
        from lmdecode.render.terminal import TerminalConsole

        super().__init__(file)
        self._captions = style.captions
        self.write = TableWriter(TerminalConsole(file), everything=bool(style.fields)).write

    def begin(self, path: Path) -> None:
        if self._captions:
            self._file.write(f"{path}\n")


class _Parquet(_OneByOne):
    def __init__(self, file: IO[bytes], style: Style) -> None:
        from lmdecode.analysis.columns import FIELD_TYPES

        try:
            from lmdecode.render.records.parquet import ParquetWriter
        except ImportError as error:
            if error.name is None or error.name.partition(".")[0] != "pyarrow":
                raise
            raise CommandError(
                "Parquet needs pyarrow, which is not installed: pip install 'lmdecode[parquet]'"
            ) from None
        self._parquet: ParquetWriter = ParquetWriter(file, style.fields or tuple(FIELD_TYPES))
        self.write = self._parquet.write
        self.close = self._parquet.close
        self.abandon = self._parquet.abandon

    def begin(self, path: Path) -> None:  # noqa: ARG002
        self._parquet.end_group()  # so that the file is the same in however many processes it was made

    def flush(self) -> None:
        pass  # nobody can read the file before its end is there

    def append(self, part: Part) -> None:
        path, first_stream = part.whole()
        self._parquet.append(path, first_stream=first_stream)


class _ExportedPdu(_OneByOne):
    def __init__(self, file: IO[bytes], _style: Style) -> None:
        from lmdecode.render.records.exported_pdu import ExportedPduWriter

        self.flush = file.flush
        self.write = ExportedPduWriter(cast("BinaryIO", file)).write

    def begin(self, path: Path) -> None:
        pass

    def append(self, part: Part) -> None:  # noqa: ARG002
        raise AssertionError("only what is in JOINABLE is joined")

    def close(self) -> None:
        self.flush()

    def abandon(self) -> None:
        pass


WRITERS: Final[Mapping[Format, Callable[[IO[str], Style], Writer] | Callable[[IO[bytes], Style], Writer]]] = {
    Format.TABLE: _Table,
    Format.JSONL: _JsonLines,
    Format.CSV: _Csv,
    Format.PARQUET: _Parquet,
    Format.EXPORTED_PDU: _ExportedPdu,
}
"""What makes the writer of each format, over a file of text or, for those in `BINARY`, of bytes."""


def default_format(output: Path | None) -> Format:
    """A table for people, lines for programs."""
    return Format.TABLE if output is None and sys.stdout.isatty() else Format.JSONL


@contextlib.contextmanager
def open_writer(chosen: Format, output: Path | None, style: Style, *, private: bool = False) -> Iterator[Writer]:
    """The writer of a format, over a file that appears when all went well, or over stdout.

    Args:
        chosen: The format.
        output: The file; None for stdout.
        style: How it is written.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written, or the format needs what is not there.
    """
    with open_output(chosen, output, private=private) as opened, finished(make_writer(chosen, opened, style)) as writer:
        yield writer


@contextlib.contextmanager
def finished(writer: Writer) -> Iterator[Writer]:
    """A writer that is closed at the end, or abandoned at an error."""
    try:
        yield writer
        writer.close()
    except BaseException:
        writer.abandon()
        raise


def open_output(
    chosen: Format, output: Path | None, *, private: bool = False
) -> contextlib.AbstractContextManager[IO[str] | IO[bytes]]:
    """Where a format is written to: a file that appears when all went well, or stdout.

    Args:
        chosen: The format.
        output: The file; None for stdout.
        private: Whether only the file's owner may read it.

    Raises:
        CommandError: The file cannot be written, or stdout is a terminal and the format is not for one.
    """
    binary = chosen in BINARY
    if output is None and binary and sys.stdout.isatty():
        raise CommandError(f"{chosen} is not for terminals: name a file, --output FILE.{chosen}")
    if output is not None:
        return whole_file(output, binary=binary, private=private)
    if not binary and not sys.stdout.isatty() and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # what programs read is the same everywhere
    return contextlib.nullcontext(sys.stdout.buffer if binary else sys.stdout)


def make_writer(chosen: Format, file: IO[str] | IO[bytes], style: Style) -> Writer:
    """The writer of a format over a file of the kind that it takes."""
    make = cast("Callable[[IO[str] | IO[bytes], Style], Writer]", WRITERS[chosen])
    return make(file, style)
