"""Rows of CSV: as they are for programs, or so that a spreadsheet calculates nothing of what strangers wrote.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and a formula can fetch an address in
the internet or start a program. What a machine, its name or a damaged frame says may begin so. Programs want the text
as it is, so CSV is that; the format `csv-safe` is for people who open the file in a spreadsheet.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable
from typing import IO, Any, Final, Protocol, cast

from lmdecode.codec.printable import printable

# At the beginning, whatever blanks and quotes are before it; and behind what separates cells in another country: a
# German Excel splits `a;=1+1` in two. The wide forms are what Excel in Japan takes as well.
_FORMULA: Final = re.compile(r"(^|[,;|])([\s\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20\u2212])")


class Rows(Protocol):
    """Writes rows of cells."""

    def writerow(self, row: Iterable[Any], /) -> object:
        """Writes one row."""


def csv_rows(file: IO[str], *, safe: bool = False, end: str = "\n") -> Rows:
    """Returns what writes rows of CSV to a file.

    Args:
        file: Takes the text.
        safe: Whether cells are made safe for a spreadsheet; see `safe_cell`.
        end: What is written behind each row.
    """
    rows = csv.writer(file, lineterminator=end)
    return _SafeRows(rows) if safe else rows


def csv_texts(*, safe: bool = False) -> Callable[[Iterable[Any]], str]:
    """Returns what makes the text of a row of CSV, without an end.

    Args:
        safe: As `csv_rows` takes it.

    >>> csv_texts()(["kitchen", "a,b", 93.5, None])
    'kitchen,"a,b",93.5,'
    """
    rows = csv_rows(_Handed(), safe=safe, end="")  # type: ignore[arg-type]  # csv only ever calls `write`
    return cast("Callable[[Iterable[Any]], str]", rows.writerow)  # which returns what `write` did


class _Handed:
    """Hands back what is written."""

    def write(self, text: str) -> str:
        return text


def safe_cell(value: object) -> object:
    r"""Returns a cell that a spreadsheet takes for text, if it is one: with a ' before what would be a formula.

    Numbers stay numbers, and control characters are escaped.

    >>> safe_cell("=1+1"), safe_cell("kitchen"), safe_cell(-5), safe_cell("a;@b"), safe_cell("\t=1")
    ("'=1+1", 'kitchen', -5, "a;'@b", "\\t'=1")
    """
    if not isinstance(value, str):
        return value
    text = _FORMULA.sub(r"\1\2'", value)
    return text if text.isprintable() else printable(text)


class _SafeRows:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def writerow(self, row: Iterable[Any], /) -> object:
        return self._rows.writerow(map(safe_cell, row))
