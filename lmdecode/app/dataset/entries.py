"""What a dataset says of each capture: an entry for one that is in it, a failure for one that is not.

Both are small JSON files, which a person can read too. An entry is what makes a capture's files count: it is written
when they are there, and names them. Neither holds a key or what a URL has of a password.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self, TypeVar

from lmdecode import __version__
from lmdecode.app.dataset import layout
from lmdecode.app.dataset.errors import DatasetError
from lmdecode.app.dataset.unit import Earlier, File, Piece, Result, State, Unit

_MOST_STATES: Final = 20  # of copies of a capture that an entry remembers, the latest ones
_MOST_COMPLAINTS: Final = 20


@dataclass(frozen=True, slots=True)
class Seen:
    """A file as it was when it was read."""

    name: str
    size: int
    stamp: str = ""

    @classmethod
    def of(cls, file: File) -> Self:
        """Returns what is remembered of a file."""
        return cls(file.name, file.size, file.stamp)


@dataclass(frozen=True, slots=True)
class Table:
    """One of a capture's Parquet files."""

    path: str
    """In the dataset."""
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A capture that is in a dataset."""

    name: str
    files: tuple[Seen, ...]
    """Its pieces, in their order."""
    content: str
    """What identifies its content."""
    pieces: tuple[Piece, ...] = ()
    """What is in its files, in the same order."""
    tables: tuple[Table, ...] = ()
    edition: int = 1
    """How often it was read: 2 if it was read anew with other keys."""
    replaces: tuple[str, ...] = ()
    """The contents of earlier states of the same recording. Readers pass over their entries."""
    copies: tuple[tuple[Seen, ...], ...] = ()
    """Files elsewhere that had the same content, so that they need not be read again."""
    rows: int = 0
    problems: int = 0
    """Rows that have any."""
    general: int = 0
    """Rows that were made of Records."""
    unread: int = 0
    """Frames that no key decrypted; with other keys the capture is read anew."""
    keys: str = ""
    """Tells whether the keys are still those that it was read with; see `Dataset.tag`."""
    complaints: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    """The contents of its pieces whose rows other entries have, or some of them; see `overlap`."""
    latest: int | None = None
    """When its last message was, in nanoseconds since 1970; None if no row has a time."""
    added: str = ""
    """When, in UTC as ISO 8601."""
    by: str = ""
    """The version of lmdecode."""

    def to_json(self) -> bytes:
        """Returns it as its file holds it."""
        pieces = [each._asdict() for each in self.pieces]
        return _json({**asdict(self), "pieces": pieces, "complaints": self.complaints[:_MOST_COMPLAINTS]})

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Self:
        """Reads an entry.

        Args:
            data: As the file holds it.
            where: The name of the file, for the message.

        Raises:
            DatasetError: It is no entry.
        """
        with _reading(where, data) as found:
            entry = cls(
                name=str(found["name"]),
                files=_seen(found["files"]),
                content=str(found["content"]),
                pieces=tuple(
                    Piece(str(each["name"]), str(each["content"]), int(each["length"])) for each in found["pieces"]
                ),
                tables=tuple(
                    Table(str(each["path"]), int(each["rows"]), int(each["bytes"])) for each in found["tables"]
                ),
                edition=int(found["edition"]),
                replaces=tuple(map(str, found["replaces"])),
                copies=tuple(map(_seen, found["copies"])),
                rows=int(found["rows"]),
                problems=int(found["problems"]),
                general=int(found["general"]),
                unread=int(found["unread"]),
                keys=str(found["keys"]),
                complaints=tuple(map(str, found["complaints"])),
                elsewhere=tuple(map(str, found.get("elsewhere", ()))),
                latest=None if found.get("latest") is None else int(found["latest"]),
                added=str(found["added"]),
                by=str(found["by"]),
            )
            if not all(layout.is_table(each.path) and "\\" not in each.path for each in entry.tables):
                raise ValueError
        return entry

    def seen_as(self, unit: Unit) -> bool:
        """Returns whether a capture's files have the names, sizes and stamps that they had when they were read."""
        now = states(unit)
        return now == self.files or now in self.copies

    def copies_with(self, unit: Unit) -> tuple[tuple[Seen, ...], ...]:
        """Returns its copies and one more."""
        return (*self.copies, states(unit))[-_MOST_STATES:]


@dataclass(frozen=True, slots=True)
class Failure:
    """A capture that is not in a dataset, and why."""

    name: str
    files: tuple[Seen, ...]
    reason: str
    keys: str = ""
    """Tells whether the keys are still those that it was tried with; see `Dataset.tag`."""
    tried: str = ""
    """When, in UTC as ISO 8601."""
    by: str = ""
    """The version of lmdecode that tried."""
    passing: bool = False
    """Whether the reason may be gone by itself, as one of the network: then it is tried again each time."""

    def to_json(self) -> bytes:
        """Returns it as its file holds it."""
        return _json(asdict(self))

    @classmethod
    def from_json(cls, data: bytes, where: str) -> Self:
        """Reads a failure.

        Args:
            data: As the file holds it.
            where: The name of the file, for the message.

        Raises:
            DatasetError: It is none.
        """
        with _reading(where, data) as found:
            return cls(
                name=str(found["name"]),
                files=_seen(found["files"]),
                reason=str(found["reason"]),
                keys=str(found["keys"]),
                tried=str(found["tried"]),
                by=str(found["by"]),
                passing=bool(found["passing"]),
            )


_Kept = TypeVar("_Kept", Entry, Failure)


class Index:
    """The entries by what an export asks of them: small, for it is held in memory as long as the export goes on.

    Args:
        entries: The valid ones.
        failures: What failed when it was last tried.
        tag: Of the keys of this export; see `Dataset.tag`.
    """

    def __init__(self, entries: Iterable[Entry], failures: Iterable[Failure] = (), tag: str = "") -> None:
        self._tag = tag
        self._known: dict[tuple[Seen, ...], tuple[str, int]] = {}
        self._of_name: dict[str, list[Earlier]] = {}
        self._of_piece: dict[object, list[Earlier]] = {}
        self._pieces: dict[Seen, str] = {}
        for entry in entries:
            if not entry.unread or entry.keys == tag:
                for state in (entry.files, *entry.copies):
                    self._known[state] = entry.content, entry.rows
                self._pieces |= dict.fromkeys(entry.files if len(entry.files) > 1 else (), entry.content)
            earlier = Earlier(
                entry.content, entry.pieces, entry.elsewhere, entry.latest, not entry.unread or entry.keys == tag
            )
            self._of_name.setdefault(entry.name, []).append(earlier)
            for each in entry.files if len(entry.files) > 1 else ():
                for mark in _marks(each):
                    self._of_piece.setdefault(mark, []).append(earlier)
        self._failures = {each.name: each for each in failures}

    def settled(self, unit: Unit) -> Result | None:
        """Returns what is known of a capture without reading it; None if it must be read.

        It is there if its files have the names, sizes and stamps that they had when it was added. It still fails if
        neither they have changed, nor the keys, nor lmdecode.
        """
        now = states(unit)
        if now in self._known:
            content, rows = self._known[now]
            return Result(unit.name, State.PRESENT, content=content, rows=rows)
        if all(each in self._pieces for each in now):  # of recordings, perhaps of a ring that lost some
            return Result(unit.name, State.PRESENT, content=self._pieces[now[0]])
        failure = self._failures.get(unit.name)
        if failure is None or failure.passing:
            return None
        if (failure.files, failure.keys, failure.by) != (now, self._tag, __version__):
            return None
        return Result(unit.name, State.FAILED, reason=f"{failure.reason} (as on {failure.tried}: nothing has changed)")

    def prepared(self, unit: Unit) -> Unit:
        """Returns a capture with what the dataset has under its name or the names of its pieces.

        By that it is seen whether it has grown, and what of it is there. A piece that was moved is known by its size
        and time.
        """
        earlier = list(self._of_name.get(unit.name, ()))
        for each in states(unit):
            for mark in _marks(each):
                earlier += self._of_piece.get(mark, ())
        return replace(unit, earlier=tuple(dict.fromkeys(earlier))) if earlier else unit


def valid(entries: Iterable[Entry]) -> list[Entry]:
    """Returns the entries that no other one replaces.

    >>> old, new = Entry("a", (), "1"), Entry("a", (), "2", replaces=("1",))
    >>> [each.content for each in valid([old, new])]
    ['2']
    """
    entries = list(entries)
    replaced = {content for entry in entries for content in entry.replaces}
    return [entry for entry in entries if entry.content not in replaced]


def states(unit: Unit) -> tuple[Seen, ...]:
    """Returns what is remembered of a capture's files."""
    return tuple(map(Seen.of, unit.files))


def _marks(piece: Seen) -> tuple[object, ...]:
    """Returns what may show the same piece elsewhere: its name, also if it was compressed, or its size and time."""
    name = piece.name.removesuffix(".gz").removesuffix(".zst").removesuffix(".xz").removesuffix(".bz2")
    return (name, (piece.size, piece.stamp)) if piece.stamp else (name,)


def _seen(found: Iterable[Mapping[str, Any]]) -> tuple[Seen, ...]:
    return tuple(Seen(str(each["name"]), int(each["size"]), str(each["stamp"])) for each in found)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=True, indent=1).encode() + b"\n"


@contextmanager
def _reading(where: str, data: bytes) -> Iterator[dict[str, Any]]:
    """Gives a JSON object; whatever is wrong with it is a `DatasetError` that names the file."""
    try:
        yield json.loads(data)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
        raise DatasetError(f"{where} is damaged: remove it and export again") from None


def parsed(pairs: Iterable[tuple[str, bytes]], kind: type[_Kept], name: str) -> Iterator[_Kept]:
    """Yields entries or failures, as their files hold them.

    Args:
        pairs: The paths of the files, and their bytes.
        kind: What they hold.
        name: Of the dataset, for the message.

    Raises:
        DatasetError: A file is damaged.
    """
    for path, data in pairs:
        yield kind.from_json(data, f"{name}/{path}")
