"""The names in the newer generations' messages that make no field: how often each came, and with which values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from lmdecode.analysis.memory_history import is_intact
from lmdecode.codec.record import Kind, Record
from lmdecode.codec.secrets import is_secret

_MOST: Final = 2000  # names that are kept; some of the maker's lists have a name for each day
_EXAMPLES: Final = 5
_LONGEST: Final = 400  # characters of a value that are kept
_INDEX: Final = re.compile(r"\[[^\[\]]{0,100}\]")
_OURS: Final = frozenset(("goneWidgets", "signature", "accepted"))
"""What lmdecode itself notes of a message."""
_OF_ANSWERS: Final = frozenset(("id", "message", "status"))
"""What an answer to a write by Bluetooth consists of."""
OTHERS: Final = "…"
"""Stands for all names after the first 2,000."""


@dataclass(slots=True)
class Unnamed:
    """A name without a field, in one protocol."""

    generation: str
    path: str
    """Where it stands in its document, `[]` for any item of a list."""
    first_ns: int
    last_ns: int
    count: int = 0
    """How often it came."""
    changes: int = 0
    """How often it had another value than the time before."""
    examples: list[str] = field(default_factory=list)
    """Its first values that differ, as JSON; long ones are cut."""
    subjects: list[str] = field(default_factory=list)
    """The first messages that it was in."""
    last: str = ""
    """Its last value, as JSON; a long one is cut."""
    is_list: bool = False
    """Whether it is a known list of objects, which no field could hold."""


class UnnamedValues:
    """Collects the names without a field of some Records, in a bounded memory.

    >>> found = UnnamedValues()
    >>> for second, value in enumerate((1, 1, 2)):
    ...     record = Record(second, 0, "machine", "m", "a", "read", generation="v3", extra={"boilers[0].new": value})
    ...     found.add(record)
    >>> [(each.path, each.count, each.changes, each.examples) for each in found]
    [('boilers[].new', 3, 1, ['1', '2'])]
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Unnamed] = {}
        self._last: dict[tuple[str, str, str], int] = {}  # of each place, a hash of its last value

    def __iter__(self) -> Iterator[Unnamed]:
        """Yield them by protocol, those that stand for themselves before the known lists."""
        yield from sorted(self._found.values(), key=lambda each: (each.generation, each.is_list, each.path))

    def __len__(self) -> int:
        return len(self._found)

    def add(self, record: Record) -> None:
        """Take a Record: what the machine or the cloud says, or a write.

        What a machine says once more because somebody has subscribed counts for nothing.
        """
        extra = record.extra
        if record.sender == "app" and record.kind is not Kind.WRITE:
            return
        if not extra or not is_intact(record) or extra.get("replay") is True:
            return
        for path, value in extra.items():
            if not is_known(record.generation, path):
                self._add(record, path, value)

    def _add(self, record: Record, path: str, value: object) -> None:
        place = _INDEX.sub("[]", path)
        found = self._found.get((record.generation, place))
        if found is None:
            if len(self._found) >= _MOST:
                place = OTHERS
                found = self._found.get((record.generation, place))
            if found is None:
                found = Unnamed(record.generation, place, record.time_ns, record.time_ns)
                found.is_list = place in _lists()
                self._found[record.generation, place] = found
        found.count += 1
        found.last_ns = max(found.last_ns, record.time_ns)
        text = _text(value)
        key = record.generation, record.machine or "", path
        before = self._last.get(key)
        if before is not None or len(self._last) < 2 * _MOST:
            self._last[key] = hash(text)
            found.changes += before is not None and before != hash(text)
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        found.last = text
        if len(found.examples) < _EXAMPLES and text not in found.examples:
            found.examples.append(text)
        subject = record.subject or ""
        if subject and len(found.subjects) < _EXAMPLES and subject not in found.subjects:
            found.subjects.append(subject)


def is_known(generation: str, path: str) -> bool:
    """Return whether a name without a field needs no meaning: lmdecode made it, or it names a secret.

    >>> is_known("lion", "signature"), is_known("lion", "CMCupWarmer")
    (True, False)
    """
    if path in _OURS or (generation == "bluetooth" and path in _OF_ANSWERS):
        return True
    return is_secret(path.rpartition(".")[2])


def is_list(path: str) -> bool:
    """Return whether a name stands for a list of objects that is known and that no field could hold."""
    return _INDEX.sub("[]", path) in _lists()


def _text(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"  # nested more deeply than anybody can read


@cache
def _lists() -> frozenset[str]:
    """Return the places of lists that the vocabulary knows and that make no field."""
    from lmdecode.codec.vocabulary import rows  # noqa: PLC0415 -- captures of v1 do without

    return frozenset(_INDEX.sub("[]", row.path) for row in rows() if row.name is None and not row.aside)


def by_generation(found: UnnamedValues) -> Mapping[str, list[Unnamed]]:
    """Return them by protocol."""
    grouped: dict[str, list[Unnamed]] = {}
    for each in found:
        grouped.setdefault(each.generation, []).append(each)
    return grouped
