"""The dialects that a capture is read for: found by listing, opened with the owner's keys, chosen by port or address.

A port or an address nearly always decides which dialect is spoken. Where it does not, as on the port of a tunnel that
leads to a machine, the first bytes of a connection decide, and wait until they do.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from lmdecode.codec.dialect import (
    Conversation,
    Dialect,
    FieldsAs,
    LogConversation,
    OwnerAccess,
    Place,
    Sink,
    Speaker,
    Tallies,
    Tally,
)
from lmdecode.codec.record import Sender

if TYPE_CHECKING:
    from lmdecode.codec.web import WebConversation

T = TypeVar("T")


class Speakers:
    """The dialects that a capture is read for, by their ports.

    Args:
        by_port: For each port the names and speakers of the dialects that may be spoken there. Where there are several,
            the first bytes of a connection decide.
        others: Dialects that are spoken on no port.
    """

    def __init__(
        self,
        by_port: Mapping[int, Sequence[tuple[Dialect, Speaker]]],
        others: Sequence[tuple[Dialect, Speaker]] = (),
    ) -> None:
        self._by_port = by_port
        self.ports: Final = frozenset(by_port)
        """The TCP ports of machines that are looked at."""
        known = [*(each for there in by_port.values() for each in there), *others]
        self._all = {dialect.name: speaker for dialect, speaker in known}
        self._dialects = {dialect.name: dialect for dialect, _ in known}
        self._only = next(iter(self._all.values())) if len(self._all) == 1 else None
        alone = {port: there[0][1] for port, there in by_port.items() if len(there) == 1}
        first = alone.get(min(alone)) if alone else None
        self._first = first
        self._first_ports = frozenset(port for port, speaker in alone.items() if speaker is first)
        self._other_ports = self.ports - self._first_ports

    @classmethod
    def of(cls, dialect: Dialect, speaker: Speaker, port: int | None = None, also: Iterable[int] = ()) -> Speakers:
        """Return the speakers of one dialect alone, on its own ports and those of `also`, or on `port` alone."""
        return cls({each: [(dialect, speaker)] for each in ((*dialect.ports, *also) if port is None else (port,))})

    @classmethod
    def open(cls, access: OwnerAccess, port: int | None = None, also: Iterable[int] = ()) -> Speakers:
        """Open all dialects, most of them when they are first used.

        On a port that no dialect has as its own, any of them may be spoken.

        Args:
            access: What the owner allows them.
            port: The only port to look at. None: the ports of all dialects, and those of `also`.
            also: Further ports, on which the owner's machines are known to listen.
        """
        known = dialects().values()
        of_ports = [dialect for dialect in known if dialect.ports]
        ports = (*(each for dialect in known for each in dialect.ports), *also) if port is None else (port,)
        spoken = {each: [dialect for dialect in known if each in dialect.ports] or of_ports for each in ports}
        # The first is opened at once: a reader of large captures forks, and both processes need what was loaded.
        opened: dict[str, tuple[Dialect, Speaker]] = {}
        for dialect in known:
            opened[dialect.name] = (dialect, _WhenUsed(dialect, access) if opened else dialect.open(access))
        by_port = {each: [opened[dialect.name] for dialect in there] for each, there in spoken.items()}
        return cls(by_port, [*opened.values()])

    def __getitem__(self, name: str) -> Speaker:
        """Return the speaker of a dialect, whatever its port. Raises KeyError if it is not among them."""
        return self._all[name]

    def conversation(self, port: int, sink: Sink[T], place: Place, tallies: Tallies) -> Conversation[T]:
        """Return a new conversation with a machine whose port is `port`."""
        there = self._by_port[port]
        if len(there) > 1:
            return _Undecided(there, sink, place, tallies)
        ((dialect, speaker),) = there
        return speaker.conversation(sink, place, tallies[dialect.name])

    def alone(self, ports: set[int]) -> Speaker | None:
        """Return the speaker that may be given all payloads; None if there may be payloads of several dialects.

        Args:
            ports: All ports that the payloads were sent from and to, of which each payload has one of a machine's.
        """
        return self._first if self._only is None and self._other_ports.isdisjoint(ports) else self._only

    def predecode(self, payloads: Sequence[tuple[bytes, int, int]], *, fields_as: FieldsAs) -> Sequence[Any]:
        """Let each dialect look at the payloads of its ports; see `Speaker.predecode`.

        A payload between ports of several dialects is left alone: which of them is spoken is for the connection's first
        bytes to say, and no dialect must be handed what another one predecoded.

        Args:
            payloads: Payloads of segments, each with its two ports.
            fields_as: The form in which their fields are wanted.

        Raises:
            ValueError: A dialect did not return as many results as it got payloads.
        """
        found: list[Any] = [None] * len(payloads)
        numbers_of: dict[str, list[int]] = {}
        for number, (_, *ports) in enumerate(payloads):
            names = {dialect.name for port in ports for dialect, _ in self._by_port.get(port, ())}
            if len(names) == 1:
                numbers_of.setdefault(names.pop(), []).append(number)
        for name, numbers in numbers_of.items():
            predecoded = self._all[name].predecode([payloads[number][0] for number in numbers], fields_as=fields_as)
            if len(predecoded) != len(numbers):
                raise ValueError(f"dialect {name} predecoded {len(predecoded)} of {len(numbers)} payloads")
            for number, each in zip(numbers, predecoded, strict=True):
                found[number] = each
        return found

    def web(self, host: str, port: int, path: str, place: Place, tallies: Tallies) -> WebConversation | None:
        """Return what takes the messages of a connection of HTTP; None if no dialect serves the address.

        Args:
            host: That was asked, in lower case, without the port.
            port: That was asked.
            path: Of the first request.
            place: Where the connection is.
            tallies: The messages are counted in them, by dialect.
        """
        name = self.serving(host, port, path)
        return None if name is None else self._all[name].web(place, tallies[name])

    def serving(self, host: str, port: int, path: str) -> str | None:
        """Return the name of the dialect that serves an address, or None if no dialect does.

        Args:
            host: The host that was asked, in lower case, without the port.
            port: The port that was asked.
            path: The path of the first request.
        """
        return next((name for name, dialect in self._dialects.items() if dialect.serves(host, port, path)), None)

    def logs(self, place: Place, tallies: Tallies) -> list[LogConversation]:
        """Return what reads debug logs, for each dialect that has such logs."""
        found = (speaker.log(place, tallies[name]) for name, speaker in self._all.items())
        return [each for each in found if each is not None]

    def verdict(self, tallies: Tallies) -> str | None:
        """Return why nothing could be read; None if something was read, or if there was nothing to be read."""
        said = [self._all[name].verdict(tally, self.ports) for name, tally in tallies.items() if name in self._all]
        if any(tally.valid_frames for tally in tallies.values()):
            return None
        return next(filter(None, said), None)


_MOST_UNDECIDED: Final = 1 << 16  # bytes that wait for the decision


class _Undecided(Generic[T]):
    """A conversation on a port where several dialects may be spoken: the first bytes that look like one decide which.

    What comes before them waits, for a capture may begin in the middle of a message. If nothing looks like any
    dialect, the first is taken, which reports what it is given.
    """

    def __init__(self, there: Sequence[tuple[Dialect, Speaker]], sink: Sink[T], place: Place, tallies: Tallies) -> None:
        self._there = there
        self._sink = sink
        self._place = place
        self._tallies = tallies
        self._decided: Conversation[T] | None = None
        self._waiting: list[Callable[[Conversation[T]], Sequence[T]]] = []
        self._size = 0

    def receive(self, time_ns: int, sender: Sender, data: bytes, predecoded: object = None) -> Sequence[T]:
        if self._decided is not None:
            return self._decided.receive(time_ns, sender, data, predecoded)
        return self._wait(data, lambda decided: decided.receive(time_ns, sender, data, predecoded))

    def receive_late(self, time_ns: int, sender: Sender, data: bytes, reason: str) -> Sequence[T]:
        return self._wait(data, lambda decided: decided.receive_late(time_ns, sender, data, reason))

    def gap(self, time_ns: int, sender: Sender, size: int, reason: str) -> Sequence[T]:
        return self._wait(b"", lambda decided: decided.gap(time_ns, sender, size, reason))

    def close(self, time_ns: int) -> Sequence[T]:
        made = self._decide() if self._waiting else ()
        return made if self._decided is None else [*made, *self._decided.close(time_ns)]

    @property
    def held(self) -> int:
        return self._size if self._decided is None else self._decided.held

    def let_go(self, time_ns: int, reason: str) -> Sequence[T]:
        made = self._decide() if self._waiting else ()
        return made if self._decided is None else [*made, *self._decided.let_go(time_ns, reason)]

    def _wait(self, data: bytes, then: Callable[[Conversation[T]], Sequence[T]]) -> Sequence[T]:
        """Have something done as soon as it is known which dialect is spoken; return what came of it."""
        if self._decided is not None:
            return then(self._decided)
        self._waiting.append(then)
        self._size += len(data) + 200
        found = next((each for each in self._there if each[0].sniff(data)), None)
        return self._decide(found) if found is not None or self._size > _MOST_UNDECIDED else ()

    def _decide(self, found: tuple[Dialect, Speaker] | None = None) -> Sequence[T]:
        """Take a dialect, the first if none was found, and have done with it what waits."""
        dialect, speaker = found or self._there[0]
        decided = self._decided = speaker.conversation(self._sink, self._place, self._tallies[dialect.name])
        waiting, self._waiting = self._waiting, []
        return [made for each in waiting for made in each(decided)]


@cache
def dialects() -> Mapping[str, Dialect]:
    """Return all dialects by name: the folders beside this file, those with ports of their own first.

    >>> list(dialects())
    ['v1', 'v3', 'bluetooth', 'cloud1', 'lion']
    """
    package = import_module(__package__ or "")
    names = [each.name for each in pkgutil.iter_modules(package.__path__) if each.ispkg]
    found: list[Dialect] = [import_module(f"{package.__name__}.{name}").DIALECT for name in names]
    found.sort(key=lambda dialect: (not dialect.ports, dialect.name))
    return MappingProxyType({dialect.name: dialect for dialect in found})


@cache
def cloud_hosts() -> frozenset[str]:
    """Return the maker's hosts, of all dialects.

    >>> sorted(cloud_hosts())
    ['cms.lamarzocco.io', 'gw-lmz.lamarzocco.io', 'gw.lamarzocco.io', 'lion.lamarzocco.io']
    """
    return frozenset(host for each in dialects().values() for host in each.hosts)


def is_cloud(host: str | None) -> bool:
    """Return whether a host is one of the maker's: exactly, for `cms.lamarzocco.io.example.com` is anybody's.

    >>> is_cloud("Lion.lamarzocco.io."), is_cloud("lamarzocco.io"), is_cloud(None)
    (True, False, False)
    """
    return host is not None and host.lower().removesuffix(".") in cloud_hosts()


def known_ports() -> tuple[int, ...]:
    """Return the TCP ports of all dialects.

    >>> known_ports()
    (1774, 8081)
    """
    return tuple(sorted({port for each in dialects().values() for port in each.ports}))


class _WhenUsed:
    """A speaker that is opened when it is first used: a capture needs few dialects, and each takes a while to load."""

    def __init__(self, dialect: Dialect, access: OwnerAccess) -> None:
        self._open = cache(partial(dialect.open, access))

    def conversation(self, sink: Sink[T], place: Place, tally: Tally) -> Conversation[T]:
        return self._open().conversation(sink, place, tally)

    def predecode(self, payloads: Sequence[bytes], *, fields_as: FieldsAs) -> Sequence[Any]:
        return self._open().predecode(payloads, fields_as=fields_as)

    def verdict(self, tally: Tally, ports: Iterable[int]) -> str | None:
        return self._open().verdict(tally, ports)

    def log(self, place: Place, tally: Tally) -> LogConversation | None:
        return self._open().log(place, tally)

    def web(self, place: Place, tally: Tally) -> WebConversation | None:
        return self._open().web(place, tally)
