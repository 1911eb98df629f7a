"""The messages of a report: each distinct one once, and for each message its time and which one it is.

Machines say the same again and again, so a day of them fits in a page. If they take more than a page should have,
reports that nobody asked for are thinned out evenly, then answers and questions, and only then what was written and
what has problems.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Final, NamedTuple

from lmdecode.codec.printable import printable
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.v1.window import registers_in
from lmdecode.render.sentence import PARTS_OF, json_text, short_subject, summary, verb_and_object

_Head = tuple[int | str, int, str] | tuple[int | str, int, str, str]
"""The connection, 1 for the app, and what it did; if that is cut short, the whole of it too."""
_Text = tuple[int, str, str, tuple[str, ...]]
"""The number of a head, the values, the plaintext, and the problems."""

_ROW_SIZE: Final = 10  # bytes of a message that was said before
_LEAST: Final = 1000  # messages that are shown, whatever they take
_SHOWN: Final = 400  # characters of a text
_SUBJECT: Final = 26  # characters of what a message is about, in the list
_NAMES: Final = 12  # of registers in a question


class _Row(NamedTuple):
    time_ns: int
    text: int
    rank: int
    """0: always kept; 1: a question or an answer; 2: a report."""


class MessageLog:
    """Takes records and keeps as many as a page can hold.

    Args:
        budget: The bytes that the messages may take in the page, approximately.
    """

    def __init__(self, budget: int = 4_200_000) -> None:
        self.total = 0
        """How many messages were added."""
        self._budget = budget
        self._size = 0
        self._number = 0
        self._heads: dict[_Head, int] = {}
        self._texts: dict[_Text, int] = {}
        self._seen: dict[tuple[object, ...], int] = {}
        self._rows: list[_Row] = []
        self._every = [1, 1, 1]
        self._counts = [0, 0, 0]

    def add(self, record: Record) -> None:
        """Takes a record."""
        self.total += 1
        rank = _rank(record)
        self._counts[rank] += 1
        if self._counts[rank] % self._every[rank]:
            return
        self._rows.append(_Row(record.time_ns, self._text(record), rank))
        self._size += _ROW_SIZE
        while self._size > self._budget and len(self._rows) > _LEAST:
            self._thin()

    def _text(self, record: Record) -> int:
        # What a clean message says follows from this; to word it takes much longer than to look it up.
        same: tuple[object, ...] = (record.connection, record.sender, record.role, record.ok, record.plaintext)
        same += record.problems, record.raw
        if record.generation != "v1":  # of two pushes that say the same, only the first says something new
            same += record.subject, tuple(record.fields), tuple(record.extra)
        index = self._seen.get(same)
        if index is None:
            head, values, plaintext, problems = _worded(record)
            text = (self._heads.setdefault(head, len(self._heads)), values, plaintext, problems)
            if text not in self._texts:
                self._texts[text] = self._number
                self._number += 1
                self._size += _size(text)
            index = self._seen[same] = self._texts[text]
        return index

    def _thin(self) -> None:
        """Drops every second message of the least telling rank that has many messages."""
        counts = [sum(row.rank == rank for row in self._rows) for rank in range(3)]
        rank = next(rank for rank in (2, 1, 0) if counts[rank] > len(self._rows) // 4)
        self._every[rank] *= 2
        kept: list[_Row] = []
        number = 0
        for row in self._rows:
            number += row.rank == rank
            if row.rank != rank or number % 2 == 0:
                kept.append(row)
        self._rows = kept
        used = {row.text for row in kept}
        self._texts = {text: index for text, index in self._texts.items() if index in used}
        self._seen.clear()
        self._size = _ROW_SIZE * len(kept) + sum(map(_size, self._texts))

    @property
    def note(self) -> str:
        """What was left out, for the reader; "" if nothing was."""
        if len(self._rows) == self.total:
            return ""
        names = ((2, "report"), (1, "question and answer"), (0, "write and damaged message"))
        parts = [f"every {_ordinal(self._every[rank])} {name}" for rank, name in names if self._every[rank] > 1]
        return (
            f"{len(self._rows):,} of {self.total:,} messages: {', '.join(parts)} is here, and all others. "
            "lmdecode decode shows them all."
        )

    def as_data(self) -> Mapping[str, object]:
        """Returns the log for the page: times in milliseconds, the first since 1970, each other since the last."""
        rows = sorted(self._rows, key=lambda row: row.time_ns)
        used = {index: number for number, index in enumerate(dict.fromkeys(row.text for row in rows))}
        texts = {index: text for text, index in self._texts.items()}
        times = [row.time_ns // 1_000_000 for row in rows]
        return {
            "times": [time - before for time, before in zip(times, [0, *times], strict=False)],
            "texts": [used[row.text] for row in rows],
            "heads": list(self._heads),
            "distinct": [(*texts[index][:3], *texts[index][3]) for index in used],
            "note": self.note,
        }


def _size(text: _Text) -> int:
    """Returns the bytes that a text takes in the page."""
    _, values, plaintext, problems = text
    return 12 + sum(len(each.encode()) + 3 for each in (values, plaintext, *problems))


_VIA: Final[Mapping[str, str]] = {"bluetooth": "BLE", "cloud1": "cloud", "lion": "cloud"}


def connection_label(connection: tuple[str | None, int], generation: str = "v1") -> int | str:
    """Return what a connection is called on the page: its number, with its capture where there are several.

    >>> connection_label((None, 3)), connection_label(("coffee/morning.pcap", 3))
    (3, 'morning.pcap 3')
    >>> connection_label((None, 3), "lion"), connection_label((None, 0), "bluetooth")
    ('cloud 3', 'BLE 0')
    """
    capture, stream = connection
    via = _VIA.get(generation)
    number = stream if via is None else f"{via} {stream}"
    return number if capture is None else f"{printable(PurePath(capture).name)} {number}"


def _rank(record: Record) -> int:
    if record.problems or record.raw is not None or record.kind is Kind.WRITE:
        return 0
    return 2 if record.role == "report" else 1


def _worded(record: Record) -> tuple[_Head, str, str, tuple[str, ...]]:
    """Returns who did what, the values, the plaintext, and the problems."""
    verb, what = verb_and_object(record)
    who = connection_label(record.connection, record.generation), int(record.sender == "app")
    said = f"{verb} {what}".strip()
    short = said if record.subject is None else short_subject(said, _SUBJECT)
    return (
        (*who, said) if said == short else (*who, short, said),
        _cut(_values(record)),
        _cut(printable(record.plaintext or (record.raw.hex() if record.raw is not None else ""))),
        tuple(_cut(printable(problem)) for problem in record.problems),
    )


def _values(record: Record) -> str:
    if record.fields or record.extra:
        named = [f"{name} {text}" for name, text in summary(record.fields)]
        return ", ".join(named + [f"{printable(name)} {_json(value)}" for name, value in record.extra.items()])
    if record.role == "request" and record.kind is Kind.READ and record.address is not None and record.length:
        names = [row.name for row in registers_in(record.address, record.length) if row.name]
        parts = {part for name in names for part in PARTS_OF[name]}
        names = [name for name in names if name not in parts]
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        return f"? {', '.join(names[:_NAMES])}{more}" if names else "?"
    return ""


def _json(value: object) -> str:
    return printable(json_text(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"


def _ordinal(number: int) -> str:
    """Returns the ordinal of a power of two.

    >>> _ordinal(2), _ordinal(4), _ordinal(32)
    ('2nd', '4th', '32nd')
    """
    return f"{number}{'nd' if number % 10 == 2 and number % 100 != 12 else 'th'}"
