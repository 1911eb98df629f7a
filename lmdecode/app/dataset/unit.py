"""What is converted at a time, and what comes of it: plain values, which a worker elsewhere can be sent."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from lmdecode.codec.dialect import MachineKey, OwnerAccess
from lmdecode.codec.errors import LmdecodeError
from lmdecode.config.known import KnownMachines


@dataclass(frozen=True, slots=True)
class File:
    """A file that holds a capture or a piece of one."""

    url: str = field(repr=False)
    """Where it is: a path, or a URL as fsspec takes it, which may hold a password; for programs only."""
    name: str
    """The same without a user's name, password or token: for messages, entries and the column `capture`."""
    size: int
    """Bytes."""
    stamp: str = ""
    """What tells whether it changed since it was listed: its time of change, or the ETag that the storage gives."""
    modified_ns: int | None = None
    """When it was last written, in nanoseconds since 1970; None if that says nothing: a bucket's objects come whole."""


class Piece(NamedTuple):
    """One file of a unit, as a dataset's entry keeps it."""

    name: str
    content: str
    length: int
    """Bytes, unpacked."""


class Earlier(NamedTuple):
    """An entry that may have to do with a unit: an earlier state of it, or one with which it has pieces in common."""

    content: str
    pieces: tuple[Piece, ...]
    elsewhere: tuple[str, ...] = ()
    """As `entries.Entry` has it."""
    latest: int | None = None
    """As `entries.Entry` has it."""
    is_final: bool = True
    """Whether all of it was decoded that can be, with the keys that there are."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One capture: a file, or the pieces of one recording in their order."""

    files: tuple[File, ...]
    earlier: tuple[Earlier, ...] = ()
    """What the dataset has that may be a state or some pieces of it; see `entries.Index.prepared`."""

    @property
    def name(self) -> str:
        """What it is called in messages and in the column `capture`: the name of its first file."""
        return self.files[0].name

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all units of one export."""

    dataset: str = field(repr=False)
    """Where the dataset is: a path or a URL. May hold a password."""
    keys: tuple[MachineKey, ...] = field(default=(), repr=False)
    """The machines' keys. They are never written into a dataset, and secrets in the messages are masked there."""
    origin: str = ""
    """Where the keys are from, for messages."""
    missing: LmdecodeError | None = None
    """Why there is no key; a capture that needs one fails with it."""
    handles: tuple[tuple[int, str], ...] = ()
    """The Bluetooth handles that the owner knows, each with the short name of its characteristic."""
    port: int | None = None
    """The only TCP port to look at; None for those of all known protocols and of `ports`."""
    ports: frozenset[int] = frozenset()
    """Further ports on which the owner's machines listen."""
    known: KnownMachines = field(default_factory=KnownMachines, repr=False)
    """What the configuration says of the machines: the names that their owner gave them."""
    lock: str = ""
    """The token of the lock that this export holds; "" if none is held. Without its lock nothing more is written."""
    memory: int = 256 << 20
    """Bytes of memory that the decode of one unit may take, about."""

    def access(self) -> OwnerAccess:
        """Returns what the dialects are opened with."""
        return OwnerAccess(self.keys, False, self.origin, self.missing, MappingProxyType(dict(self.handles)))


class State(StrEnum):
    """What came of a unit."""

    ADDED = "added"
    REPLACED = "replaced"
    """Added in place of an earlier state of the same recording, which has grown."""
    PRESENT = "present"
    """Its content was there already."""
    LEFT = "left"
    """Left for the next run: it is still being written."""
    FAILED = "failed"
    """Nothing of it is in the dataset; `reason` says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a unit: small, whatever the unit's size."""

    name: str
    state: State
    reason: str = ""
    """Why it failed or was left, in one line."""
    complaints: tuple[str, ...] = ()
    """What is wrong with a capture that was added all the same (a cut file, gaps): one line each."""
    content: str = ""
    """What identifies its content; "" if it was not read."""
    rows: int = 0
    problems: int = 0
    """Rows that have any."""
    general: int = 0
    """Rows that were made of Records, because their messages were not clean."""
    bytes_read: int = 0
    bytes_written: int = 0
    files: int = 0
    """Parquet files written."""
    seconds: float = 0.0
    """How long it took, where it was done."""

    @property
    def line(self) -> str:
        """Why it failed or was left, with the capture's name.

        >>> Result("x.pcap", State.LEFT, "it is still empty").line, Result("x", State.FAILED, "x does not exist").line
        ('x.pcap: it is still empty', 'x does not exist')
        """
        return self.reason if self.reason.startswith(self.name) else f"{self.name}: {self.reason}"
