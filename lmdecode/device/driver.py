"""What differs from one generation to the next for whoever talks to a machine.

A `Driver` knows one machine in one generation: how a connection is made, what can be asked, what can be set. Its
`Connection` is a thin transport that carries one request at a time. The rest is the same for all generations: which
requests are made again (`core`), how a setting is changed (`changing`), who carries that out (`session`), and how a
machine is watched (`watch`). So whoever adds a generation writes these two classes and a `Plan`, and nothing else.

`R` is what a generation calls a request: a `Message` about bytes of memory in v1, a path in v3, a name or a command
over Bluetooth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

from lmdecode.codec.record import Record, Value

if TYPE_CHECKING:
    from lmdecode.codec.dialect import FieldKind
    from lmdecode.device.changing import Plan
    from lmdecode.device.errors import MachineError

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

Word: TypeAlias = Value | datetime | time
"""A word after the name of a setting: text, as on a command line, or the value itself."""
OnRecord = Callable[[Record], None]
"""Takes the Record of each message of a connection, of both sides, as it comes."""


@dataclass(frozen=True, slots=True)
class Query(Generic[R]):
    """A question that a machine answers with several values."""

    name: str
    """What people call it: "status", "boilers"."""
    request: R
    every: float | None = None
    """Seconds between two reads while a machine is watched: 0 for as often as the user says, None for never."""
    older: Query[R] | None = None
    """What older firmware answers instead; None if it does not differ."""


class Connection(Protocol[R_contra]):
    """One connection to a machine. Requests wait for each other, so several tasks may use it. Nothing is sent twice."""

    @property
    def name(self) -> str:
        """What messages call the machine: its host:port, or its Bluetooth name."""

    @property
    def lost(self) -> MachineError | None:
        """Why the connection has ended; None while it has not."""

    async def connect(self) -> None:
        """Connect. Where a secret is needed, it may be refused here or at the first answer.

        Raises:
            MachineError: There is no connection.
        """

    async def close(self) -> None:
        """Disconnect. Never raises, also where there was no connection."""

    async def wait_lost(self) -> MachineError:
        """Wait until the connection has ended; return why."""

    async def ask(self, request: R_contra) -> Record:
        """Send a request that changes nothing, once, and return its answer.

        Raises:
            MachineError: There is no answer, or a damaged one. The connection may be lost, or still there.
        """

    async def write(self, request: R_contra) -> None:
        """Send a request that changes something, once, and wait for the confirmation.

        Raises:
            RefusedError: The machine did not take it.
            MachineError: As for `ask`; whether the machine took it is then not known.
        """


class Driver(Protocol[R]):
    """A machine in one generation."""

    @property
    def generation(self) -> str:
        """The name of the dialect: "v1", "v3", "bluetooth"."""

    @property
    def name(self) -> str:
        """What messages call the machine before it is connected."""

    @property
    def model(self) -> str | None:
        """The machine's model, if its owner has named it."""

    @property
    def readable(self) -> Mapping[str, FieldKind]:
        """The names of the values that can be read or watched."""

    def connection(self, number: int, on_record: OnRecord | None = None, *, listens: bool = False) -> Connection[R]:
        """Return a connection that is not connected yet.

        Args:
            number: Its number, which its Records have as their `stream`.
            on_record: Takes each Record.
            listens: Whether the machine is to push what happens for as long as the connection lasts.
        """

    def snapshot(self) -> Sequence[Query[R]]:
        """Return the questions whose answers together have all that the machine reveals."""

    def polls(self, names: Iterable[str] = ()) -> Sequence[Query[R]]:
        """Return the questions to ask again and again while a machine is watched, each with its `every`.

        Args:
            names: The only values that are wanted; none: the machine's state.
        """

    def queries_of(self, names: Iterable[str]) -> Sequence[tuple[Query[R], Sequence[str]]]:
        """Return the fewest questions whose answers have some values, each with the names that it answers.

        Raises:
            UnsupportedError: This generation does not tell one of the values.
        """

    def plan(
        self, name: str, words: Sequence[Word] = (), options: Mapping[str, Word | None] | None = None
    ) -> Plan[R, Any]:
        """Return the changes that a setting and the words after it mean, as in `lmdecode send NAME WORD…`.

        Raises:
            RegisterError: There is no such setting, or it does not take these words.
            UnsupportedError: This generation cannot set it.
        """
