"""A change of the machine's memory that was seen: what analysis finds and outputs show."""

from __future__ import annotations

from typing import NamedTuple

from lmdecode.codec.record import Record
from lmdecode.codec.v1.message import Kind
from lmdecode.codec.v1.places import Place
from lmdecode.codec.v1.values import Value

__all__ = ["Change", "ChangeRun", "Difference"]


class Change(NamedTuple):
    """A register, or a byte that is in none, said something else than when it was seen before."""

    place: Place
    time_ns: int
    """When it was first seen to have changed: nanoseconds since 1970, UTC."""
    since_ns: int
    """When it was last seen as it was before. It changed somewhere between the two."""
    old: bytes
    new: bytes
    record: Record
    """The message that showed it: an answer, a report, or the answer to the write that did it."""
    writes: tuple[Record, ...] = ()
    """The last writes that the app asked for before it, the latest last: those since `since_ns`, or else within a
    minute before."""
    requests: tuple[Record, ...] = ()
    """The last requests of any kind before it, the latest last, but for the one that the record answers."""
    flowing: bool = False
    """Whether water flowed just before."""

    @property
    def written(self) -> bool:
        """Whether it is what was written: the machine said that it took it."""
        return self.record.kind is Kind.WRITE


class ChangeRun(NamedTuple):
    """Changes of one place that followed each other closely; often only one."""

    first: Change
    last: Change
    changes: int = 1
    least: Value | None = None
    """Of several numbers, the least that it changed to, or from; of bytes that are in no register, too."""
    most: Value | None = None


class Difference(NamedTuple):
    """A place that two memories know and that is not the same in them."""

    place: Place
    old: bytes
    new: bytes
    change: Change | None = None
    """How it came about, if that was seen: the last change of the place."""
