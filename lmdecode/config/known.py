"""The machines of a configuration as captures are read for them: their names, and the ports they listen on.

Here nothing has to be there, and nothing has to be chosen: a capture can be read without a configuration, and may have
the traffic of all machines.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lmdecode.codec.dialect import MachineKey
from lmdecode.codec.errors import KeyFormatError
from lmdecode.codec.v1.key import Key
from lmdecode.config.file import ConfigError, find_config, load_config, port_of
from lmdecode.config.names import CHOICE, is_address

if TYPE_CHECKING:
    from lmdecode.config.machines import Machine

_NAMES = ("machine_name", "name", "serial_number")


class KnownMachine(NamedTuple):
    """What the configuration says of a machine."""

    names: tuple[str, ...]
    """The names that its owner may type, among them its serial number; its host too, unless that is a number."""
    key: Key | None
    host: str
    """Its address; "" if there is none."""
    port: int | None
    """None if it names none, or no valid one."""


class KnownMachines(NamedTuple):
    """The machines of a configuration."""

    machines: tuple[KnownMachine, ...] = ()
    default: str | None = None
    """The name of the machine to take where one must be chosen; None if the configuration names none."""

    @property
    def ports(self) -> frozenset[int]:
        """The TCP ports that the configuration names."""
        return frozenset(each.port for each in self.machines if each.port is not None)

    def names_of(self, machine: MachineKey) -> tuple[str, ...]:
        """Returns all names of the machine that has a key: the key's own, and those of the configuration."""
        found = [name for each in self.machines if each.key == machine.key for name in each.names]
        return tuple(dict.fromkeys([machine.name, *found]))

    def names_with(self, name: str) -> tuple[str, ...]:
        """Returns all names of the machine that has a name or a serial number, and this alone if there is none.

        >>> KnownMachines((KnownMachine(("kitchen", "MR012345"), None, "", None),)).names_with("MR012345")
        ('kitchen', 'MR012345')
        """
        found = [each for machine in self.machines if name in machine.names for each in machine.names]
        return tuple(dict.fromkeys([*found, name]))

    def names_at(self, host: str) -> tuple[str, ...]:
        """Returns the names of the machine that the configuration has at an address."""
        return tuple(name for each in self.machines if each.host == host for name in each.names)


def known_machines(config: Path | None) -> KnownMachines:
    """Returns the machines of a configuration; none if there is no file.

    Args:
        config: The file that the user named; None: the default one, in which nothing has to be right.

    Raises:
        ConfigError: The file that the user named cannot be used.
    """
    try:
        path = find_config(config)
        if path is None:
            return KnownMachines()
        read = load_config(path)
    except ConfigError:
        if config is not None:
            raise
        return KnownMachines()  # whoever needs it will say what is wrong with it
    from lmdecode.config.machines import machines_of  # noqa: PLC0415 -- many have no file

    default = read.entries.get(CHOICE)
    return KnownMachines(
        tuple(map(_known, machines_of(read))), default if isinstance(default, str) and default else None
    )


def _known(machine: Machine) -> KnownMachine:
    entry = machine.entry
    names = [str(entry[name]) for name in _NAMES if isinstance(entry.get(name), str | int) and entry[name]]
    host = entry.get("host")
    host = host if isinstance(host, str) else ""
    if host and is_address(host) and not _is_number(host):
        names.append(host)
    return KnownMachine(tuple(names), _key(entry.get("key")), host, port_of(entry) if "port" in entry else None)


def _key(text: object) -> Key | None:
    try:
        return Key.parse(text) if isinstance(text, str) else None
    except KeyFormatError:
        return None  # whoever needs it will say so


def _is_number(host: str) -> bool:
    """Returns whether a host is an IP address, which may be another machine's by now."""
    try:
        ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
