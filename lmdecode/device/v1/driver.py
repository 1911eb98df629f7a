"""The driver of v1: the machine's memory, over TCP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from lmdecode.codec.dialect import FieldKind
from lmdecode.codec.errors import RegisterError
from lmdecode.codec.record import Kind
from lmdecode.codec.requester import ONE_AT_A_TIME
from lmdecode.codec.speakers import dialects
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v1.memory_map import DERIVED_BY_NAME, by_name
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.requester import requesters
from lmdecode.codec.v1.windows import LARGEST_READ, SNAPSHOT, WINDOWS, Window
from lmdecode.device.client import CONNECT_TIMEOUT
from lmdecode.device.driver import OnRecord, Query, Word
from lmdecode.device.errors import joined
from lmdecode.device.timing import ANSWER_TIMEOUT
from lmdecode.device.v1.client import MemoryClient

if TYPE_CHECKING:
    from lmdecode.codec.v1.setting_change import SettingChange
    from lmdecode.device.v1.settings import MemoryPlan

_OFTEN: Final = {
    "status": 0.0,
    "configuration": 60.0,
    "schedule": 60.0,
    "drink counters": 600.0,
    "serial number": 600.0,
}
"""Seconds between two reads of each window that is watched: the connection stays nearly as quiet as with the app."""


_CLOSED_SINCE: Final = "a machine whose gateway was updated to v5 speaks Bluetooth: --bluetooth"


def query_of(window: Window, *, every: float | None = None) -> Query[Message]:
    """Returns the question for a window, and what older firmware answers instead."""
    older = next(
        (
            each
            for each in WINDOWS
            if each.address == window.address and each.name == window.name and each.length < window.length
        ),
        None,
    )
    return Query(
        window.name,
        Message(Kind.READ, window.address, window.length),
        every,
        None if older is None else query_of(older, every=every),
    )


def _answered() -> tuple[tuple[int, int], ...]:
    """Returns the windows that machines answer: of one that is longer on newer firmware, the rest apart."""
    found: list[tuple[int, int]] = []
    for window in SNAPSHOT:
        older = query_of(window).older
        if older is None:
            found.append((window.address, window.length))
        else:
            length = older.request.length
            found += [(window.address, length), (window.address + length, window.length - length)]
    return tuple(found)


_ANSWERED: Final = _answered()


def is_readable(name: str) -> bool:
    """Returns whether a value can be read from the machine.

    Args:
        name: The name of a register, a bit or a derived value.
    """
    derived = DERIVED_BY_NAME.get(name)
    return all(any(row.readable for row in by_name(each)) for each in (derived.inputs if derived else (name,)))


def window_of(name: str) -> tuple[int, int]:
    """Returns the address and the length of the window to read for a value.

    Args:
        name: The name of a register, a bit or a derived value.

    Raises:
        RegisterError: It can only be written.

    >>> window_of("coffee_set_temp"), window_of("mon_on_time")
    ((7, 2), (785, 15))
    """
    derived = DERIVED_BY_NAME.get(name)
    if not is_readable(name):
        raise RegisterError(f"{name} can only be written")
    rows = [next(row for row in by_name(each) if row.readable) for each in (derived.inputs if derived else (name,))]
    start = min(row.address for row in rows)
    return start, max(row.end for row in rows) - start


def windows_of(names: Iterable[str]) -> dict[tuple[int, int], list[str]]:
    """Returns the windows to read for some values, each with its names.

    Values that lie in one of the windows that machines are known to answer are read together.

    >>> windows_of(["coffee_temp", "steam_temp", "dose_k1"])
    {(20, 2): ['dose_k1'], (16412, 4): ['coffee_temp', 'steam_temp']}
    """
    grouped: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
    for name in names:
        address, length = window_of(name)
        known = next(
            (each for each in _ANSWERED if each[0] <= address and address + length <= sum(each)), (address, length)
        )
        grouped.setdefault(known, []).append((name, address, address + length))
    found: dict[tuple[int, int], list[str]] = {}
    for _, parts in sorted(grouped.items()):
        start, end = min(part[1] for part in parts), max(part[2] for part in parts)
        found[start, min(end - start, LARGEST_READ)] = [name for name, _, _ in parts]
    return found


@cache
def _readable() -> Mapping[str, FieldKind]:
    return {name: kind for name, kind in dialects()["v1"].fields().items() if is_readable(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryDriver:
    """A machine that speaks v1; a `Driver`.

    Args:
        host: Its address.
        key: Its key.
        port: Its TCP port.
        model: Its model, if its owner has named it.
        timeout: Seconds to wait for an answer.
        connect_timeout: Seconds to wait for a connection.
        keep_alive: Seconds of silence after which a connection that listens is probed.
        show_secrets: Whether the Records show the machine's cloud account.
    """

    host: str
    key: Key
    port: int = PORT
    model: str | None = None
    timeout: float = ANSWER_TIMEOUT
    connect_timeout: float = CONNECT_TIMEOUT
    keep_alive: float | None = 5.0  # where a machine says something each second
    show_secrets: bool = False

    @property
    def generation(self) -> str:
        """Which one: v1."""
        return "v1"

    @property
    def name(self) -> str:
        """The machine's host:port."""
        return joined(self.host, self.port)

    @property
    def readable(self) -> Mapping[str, FieldKind]:
        """The names of registers, bits and derived values."""
        return _readable()

    def connection(self, number: int, on_record: OnRecord | None = None, *, listens: bool = False) -> MemoryClient:
        """Return a client. A machine of v1 pushes what happens on every connection."""
        return MemoryClient(
            self.host,
            self.port,
            requesters(self.key, show_secrets=self.show_secrets),
            timeout=self.timeout,
            connect_timeout=self.connect_timeout,
            stream=number,
            keep_alive=self.keep_alive if listens else None,
            on_record=on_record,
            refused=f"{ONE_AT_A_TIME}; {_CLOSED_SINCE}" if self.port == PORT else ONE_AT_A_TIME,
        )

    def snapshot(self) -> Sequence[Query[Message]]:
        """Return a question for each window that the memory map knows."""
        return [query_of(window) for window in SNAPSHOT]

    def polls(self, names: Iterable[str] = ()) -> Sequence[Query[Message]]:
        """Return the windows that hold the wanted values, or the machine's state."""
        wanted = [Query("", query.request, 0.0) for query, _ in self.queries_of(names)]
        named = {window.name: window for window in SNAPSHOT}
        return wanted or [query_of(named[name], every=every) for name, every in _OFTEN.items()]

    def queries_of(self, names: Iterable[str]) -> Sequence[tuple[Query[Message], Sequence[str]]]:
        """Return the windows to read for some values.

        Raises:
            RegisterError: One of them can only be written.
        """
        return [
            (Query("", Message(Kind.READ, address, length)), found)
            for (address, length), found in windows_of(names).items()
        ]

    def plan(
        self, name: str, words: Sequence[Word] = (), options: Mapping[str, Word | None] | None = None
    ) -> MemoryPlan:
        """Return the changes of registers that a setting and the words after it mean."""
        from lmdecode.device.v1.changes import changes_for  # noqa: PLC0415 -- who only reads needs no settings

        return plan_of(changes_for(name, words, options or {}, model=self.model), model=self.model)


def plan_of(changes: Sequence[SettingChange], *, model: str | None) -> MemoryPlan:
    """Returns changes of registers, to be made together."""
    from lmdecode.device.v1.settings import MemoryPlan  # noqa: PLC0415 -- as above

    return MemoryPlan(tuple(changes), model)
