"""Lines of CSV of clean messages, made of columns, without a Record of each.

Strategy
--------
The lines of a connection's messages of one window differ in a few cells only, and these are the same few in all of
them. So the sink keeps of a clean message what `columnar` keeps of it for Arrow: its time, its plaintext, what is wrong
with its values, its wait. Some hundred messages then become lines at once:

- What stands between the cells in which they differ is made once for a window of a connection, from a Record of it, in
  the way in which Records become lines.
- Their fields are taken out of the bytes of all messages of a window one under the other: see `column_texts`.
- The pieces are joined, in the order of the messages; and lines of Records, which other messages become, stand between
  them.

What comes out is what Records become, byte for byte; a test compares the two for arbitrary captures. Nothing here needs
pyarrow: where values are to be texts, Python's own ways to go through many of them are as fast.
"""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Final, NamedTuple, TypeAlias, cast

from lmdecode.codec.dialect import Place
from lmdecode.codec.record import Kind, Role, Sender, iso_time
from lmdecode.codec.v1.message import HEADER, Header
from lmdecode.render.clean_rows import CleanRows, head_of
from lmdecode.render.column_texts import ColumnTexts, Ends
from lmdecode.render.csv_line import CsvLines

_SECOND: Final = 1_000_000_000  # ns
_OWN: Final = ("time", "data", "plaintext", "elapsed", "problems", "machine")
"""The columns in which messages of a window differ, in the order of all columns."""


class _Prepared(NamedTuple):
    """What the clean messages of a window in a connection have in common."""

    pieces: Sequence[str]
    """Their lines up to the fields: what is before each of the cells in `_OWN`, and behind the last."""
    ends: Ends
    """What makes the rest of their lines."""


_Row: TypeAlias = tuple[int, _Prepared, str, tuple[str, ...], float | None, str | None]
"""A clean message: its time, what else it says, its plaintext, its problems, its wait in seconds, its machine."""


class CleanLines(CleanRows):
    """The sink that makes rows of clean messages, and lines of others: a `CleanSink`.

    Args:
        lines: Makes lines of Records.
    """

    def __init__(self, lines: CsvLines) -> None:
        self._lines = lines
        self._cell = lines.cell
        self._no_fields = lines.end({})
        self._texts = ColumnTexts(lines)
        self.record = lines.line

    def prepare_window(self, place: Place, sender: Sender, window: Header, role: Role) -> _Prepared:
        """Returns what the messages of a window have in common."""
        record = head_of(place, sender, window, role)
        between: list[list[object]] = [[]]
        for name, value in zip(self._lines.columns, self._lines.head(record), strict=True):
            if name in _OWN:
                between.append([])
            else:
                between[-1].append(value)
        pieces = [f",{self._lines.cells(values)}," if values else "," for values in between]
        pieces[0], pieces[-1] = pieces[0][1:], pieces[-1][:-1]
        return _Prepared(pieces, self._texts.ends(window.address, window.length, window.kind is Kind.WRITE))

    def lines(self, made: Sequence[_Row | str]) -> Iterable[str]:
        """Returns the lines of some messages, in their order.

        Args:
            made: What the sink made of them.
        """
        rows = [each for each in made if not isinstance(each, str)]
        if not rows:
            return cast("Sequence[str]", made)
        lines = self._clean(rows)
        if len(rows) == len(made):
            return lines
        return [each if isinstance(each, str) else next(lines) for each in made]

    def _clean(self, rows: Sequence[_Row]) -> Iterator[str]:
        """The lines of clean messages."""
        moments, prepared, texts, problems, elapsed, machines = zip(*rows, strict=True)
        cell = self._cell
        times: Iterable[str] = _times(moments)
        if min(moments) < 0:
            times = map(cell, times)  # to a spreadsheet what begins with - is a formula
        data = [text[HEADER:-2].lower() for text in texts]
        waits = ["" if each is None else repr(each) for each in elapsed]
        wrong: Iterable[str] = repeat("")
        if any(problems):
            wrong = [cell(" | ".join(each)) if each else "" for each in problems]
        names = {each: cell(each) for each in {*machines}}
        whose = map(names.__getitem__, machines)
        pieces = zip(*[each.pieces for each in prepared], strict=True)
        own = (times, data, texts, waits, wrong, whose, self._ends(prepared, data))
        return map("".join, zip(*chain.from_iterable(zip(pieces, own, strict=True)), strict=False))

    def _ends(self, prepared: Sequence[_Prepared], data: Sequence[str]) -> list[str]:
        """What the lines have behind their heads."""
        windows: dict[Ends, list[int]] = {}
        for place, digits in enumerate(data):
            if digits:
                windows.setdefault(prepared[place].ends, []).append(place)
        found = [self._no_fields] * len(data)
        for ends, places in windows.items():
            for place, end in zip(places, ends(unhexlify("".join([data[place] for place in places]))), strict=True):
                found[place] = end
        return found


def _times(moments: Iterable[int]) -> list[str]:
    """What `iso_time` says of some moments, in half of its time: most begin in the same second as the one before."""
    texts: list[str] = []
    begin = end = 0
    second = ""
    for moment in moments:
        if not begin <= moment < end:
            begin = moment - moment % _SECOND
            end = begin + _SECOND
            second = iso_time(begin)[: -len("000000Z")]
        digits = str(moment)
        plainly = digits[-3:] == "000" and moment >= _SECOND
        texts.append(f"{second}{digits[-9:-3]}Z" if plainly else iso_time(moment))
    return texts
