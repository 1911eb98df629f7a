"""Which machine a record is of, by all names that its owner may type.

Records have the name of a machine only where there are several keys, because with one key they would all have the same
one. The owner need not know that: `kitchen` means the machine whose key is kitchen's, however many keys there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.record import Record
from lmdecode.config.known import KnownMachines

_MADE_UP: Final = re.compile(r"(?:key|machine) \d+\Z").match


def host_of(record: Record) -> str:
    """Returns the address of the machine of a record, without the port, which one of Bluetooth does not have.

    >>> host_of(Record(0, 0, "app", "10.0.0.2:50000", "10.0.0.7:1774"))
    '10.0.0.7'
    """
    end = end_of(record)
    return end if record.generation == "bluetooth" else end.rpartition(":")[0] or end


def end_of(record: Record) -> str:
    """Returns the address of the machine of a record, with the port."""
    return record.source if record.sender == "machine" else record.destination


class MachineNames:
    """Tells the names of the machine of each record of some captures, in the order of the records.

    A name goes with a key: from the first message on that it decrypts, a connection is of its machine. Before that,
    and without a key, a name goes with the address that the configuration has. Messages of the clouds and of Bluetooth
    say themselves whose they are, by the serial number; the configuration has the names that go with it.

    Args:
        keys: The machines' keys.
        known: What the configuration says of the machines.

    >>> names = MachineNames()
    >>> names.of(Record(0, 0, "app", "10.0.0.2:50000", "10.0.0.7:1774"))
    ('10.0.0.7', '10.0.0.7:1774')
    """

    def __init__(self, keys: Sequence[MachineKey] = (), known: KnownMachines | None = None) -> None:
        self._known = KnownMachines() if known is None else known
        self._of_key = {each.name: self._known.names_of(each) for each in keys}
        self._only = _without_made_up(self._of_key[keys[0].name]) if len(keys) == 1 else None
        self._found: dict[tuple[tuple[str | None, int], str | None], tuple[str, ...]] = {}
        self._one: dict[tuple[str, ...], str] = {}

    def of(self, record: Record) -> tuple[str, ...]:
        """Returns all names of a record's machine, the best first; the last two are its host and host:port."""
        place = record.connection, record.machine
        found = self._found.get(place)
        if found is not None:
            return found
        end, host = end_of(record), host_of(record)
        names: tuple[str, ...] | None = None
        if record.machine is not None:
            names = self._of_key.get(record.machine) or self._known.names_with(record.machine)
        elif self._only is not None and record.generation == "v1":
            from lmdecode.analysis.memory_history import is_intact  # noqa: PLC0415 -- programs start sooner

            names = self._only if is_intact(record) else None
        bare = (host[1:-1],) if host.startswith("[") else ()
        if names is not None:
            self._found[place] = result = (*names, *bare, host, end)
            return result
        return (*self._known.names_at(bare[0] if bare else host), *bare, host, end)

    def one_of(self, record: Record, asked: str | None) -> str:
        """Returns the one name under which what a record's machine says belongs together.

        It is the name that goes with a key where there are several, and otherwise the address. A machine that its owner
        asked for by name is one machine, also if it got another address meanwhile.

        Args:
            record: The record.
            asked: The machine that was asked for, as `is_named` takes it; None for all.
        """
        host = host_of(record)
        if record.machine is not None or asked is None:
            return record.machine or host
        names = self.of(record)
        found = self._one.get(names)
        if found is None:
            own = [name for name in names[:-2] if name not in {host, host.strip("[]")}]
            found = self._one[names] = own[0] if own and is_named(own, asked) else host
        return found


def _without_made_up(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names without "key 1" and "machine 1", which nobody gave and which tell nothing where there is one."""
    return tuple(name for name in names if not _MADE_UP(name))


def is_named(names: Iterable[str], pattern: str) -> bool:
    """Returns whether one of the names is what a user typed; `*` is a wildcard, and capitals do not matter.

    >>> [is_named(["Kitchen", "192.168.1.5"], text) for text in ("kitchen", "192.168.*", "office")]
    [True, True, False]
    """
    wanted = pattern.casefold()
    glob = wanted.replace("[", "[[]")  # an address in brackets is an IPv6 one, not a set of characters
    return any(name.casefold() == wanted or fnmatchcase(name.casefold(), glob) for name in names)


NamesOf: TypeAlias = Callable[[Record], tuple[str, ...]]
"""Returns all names of a record's machine."""


def label_of(names: Sequence[str]) -> str:
    """Returns what a list of machines calls one, of its names.

    >>> label_of(["kitchen", "SN1", "10.0.0.7", "10.0.0.7:1774"]), label_of(["10.0.0.7", "10.0.0.7:1774"])
    ('kitchen (10.0.0.7)', '10.0.0.7')
    """
    host = names[-2]
    return host if names[0] in {host, host.strip("[]")} else f"{names[0]} ({host})"
