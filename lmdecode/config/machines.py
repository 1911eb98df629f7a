"""The machines of a configuration, and which of them is meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lmdecode.codec.errors import LmdecodeError
from lmdecode.config.file import Config, machine_entries
from lmdecode.config.json_lines import Steps
from lmdecode.config.names import CHOICE, without_user

OLD_KEY: Final = " (old key)"
"""The end of the name of a machine that is only there because its key was replaced: old captures need it."""
_NAMES: Final = ("machine_name", "name", "serial_number", "bluetooth", "host")
_ADDRESS_DIGITS: Final = 12
_HEX_DIGITS: Final = frozenset("0123456789abcdef")
_SHOWN: Final = 40  # characters of a name in a message


class TargetError(LmdecodeError):
    """The machine is not clear; one line that says what to give."""

    exit_code = 2


@dataclass(frozen=True, slots=True, repr=False)
class Machine:
    """A machine of a configuration. It may stand there twice: at the top, and in the list of machines."""

    entry: Mapping[str, object]
    """Its entries, those at the top first."""
    places: tuple[Steps, ...]
    """Where they are: `()` is the top of the file, `("machines", 0)` the first of the list."""

    @property
    def name(self) -> str | None:
        """The best of its names, which may be its serial number or its address; None if it has none."""
        named = ((kind, str(self.entry[kind])) for kind in _NAMES if self.entry.get(kind))
        return next((without_user(name, is_host=kind == "host") for kind, name in named), None)

    @property
    def is_old(self) -> bool:
        """Whether it is there for the captures of a key that was replaced."""
        return (self.name or "").endswith(OLD_KEY) and not self.entry.get("host")

    def is_named(self, name: str) -> bool:
        """Whether a text is its name, serial number or address."""
        return any(str(self.entry[each]).casefold() == name.casefold() for each in _NAMES if self.entry.get(each))


def machines_of(config: Config) -> list[Machine]:
    """Returns the machines of a configuration, each once."""
    found: list[Machine] = []
    listed = config.entries.get("machines")
    numbers = [i for i, each in enumerate(listed) if isinstance(each, Mapping)] if isinstance(listed, list) else []
    entries = machine_entries(config)
    places: list[Steps] = [("machines", number) for number in numbers]
    if len(entries) > len(places):
        places.insert(0, ())
    for (_, entry), place in zip(entries, places, strict=True):
        twin = next((index for index, each in enumerate(found) if _is_same(each.entry, entry)), None)
        if twin is None:
            found.append(Machine(entry, (place,)))
        else:
            before = found[twin]
            merged = {**entry, **{name: value for name, value in before.entry.items() if value not in (None, "")}}
            found[twin] = Machine(merged, (*before.places, place))
    top = config.entries
    if len(found) > 1 and found[0].places == ((),) and not top.get("key"):
        rest = found[1:]  # an address at the top is that of the only machine in the list, or nobody's
        found = [Machine({**top, **rest[0].entry}, ((), *rest[0].places))] if len(rest) == 1 else rest
    if top.get("key") or "port" not in top:
        return found
    return [Machine({"port": top["port"], **each.entry}, each.places) for each in found]


def chosen_machine(config: Config, name: str | None = None, *, host: str | None = None) -> Machine | None:
    """Returns the machine that is meant; None if there is none.

    Args:
        config: The configuration.
        name: What `--machine` says; None: the machine with this address, the one that the entry `machine` names, or
            the only one.
        host: What `--host` says.

    Raises:
        TargetError: No machine has the name, or several fit.
    """
    machines = machines_of(config)
    if name is not None:
        return machine_named(config, name, f"--machine {name[:_SHOWN]}")
    current = [each for each in machines if not each.is_old] or machines
    if host is not None and len(current) > 1:
        current = [each for each in current if each.entry.get("host") == host] or current
    default = config.entries.get(CHOICE)
    if isinstance(default, str) and default and len(current) > 1:
        return machine_named(config, default, f'{config.at(CHOICE)}: "{CHOICE}" is {default[:_SHOWN]}')
    if len(current) > 1:
        raise TargetError(
            f"{config.path} has several machines: choose with --machine: {listed(current)}; or once and for all: "
            f"lmdecode config set machine NAME"
        )
    return current[0] if current else None


def machine_with_bluetooth(config: Config, name: str | None, device: str) -> Machine | None:
    """Returns the machine that is meant where one is to be talked to over Bluetooth; None if none is.

    Args:
        config: The configuration.
        name: What `--machine` says; None: see below.
        device: What `--bluetooth` says: the machine whose name it is, or the name that it advertises, its serial number
            or address. "": the one that has a token, or as for `chosen_machine`. A device that the configuration does
            not know is the only machine with a token there, unless its serial number is another one.

    Raises:
        TargetError: No machine has the name, or several fit.
    """
    if name is not None:
        return chosen_machine(config, name)
    machines = [each for each in machines_of(config) if not each.is_old]
    able = [each for each in machines if each.entry.get("ble_token") or each.entry.get("bluetooth")]
    if not device:
        return able[0] if len(able) == 1 else chosen_machine(config)
    from lmdecode.codec.bluetooth.characteristics import serial_in  # noqa: PLC0415 -- nothing else needs it

    serial = serial_in(device)
    named = [each for each in machines if each.is_named(device) or (serial and each.is_named(serial))]
    if named:
        return named[0] if len(named) == 1 else machine_named(config, device, f"--bluetooth {device[:_SHOWN]}")
    fitting = [each for each in able if not contradicts(each.entry, device)]
    return fitting[0] if len(able) == 1 and fitting else None


def contradicts(entry: Mapping[str, object], device: str) -> bool:
    """Returns whether a machine's entry shows that a device is another machine.

    Args:
        entry: The entry.
        device: What `--bluetooth` says: a name that a machine advertises, a serial number or an address.

    >>> [contradicts({"bluetooth": "MICRA_MR000001"}, each) for each in ("MICRA_MR000002", "F0:12:34:56:78:9A")]
    [True, False]
    """
    from lmdecode.codec.bluetooth.characteristics import serial_in  # noqa: PLC0415 -- nothing else needs it

    known = str(entry.get("bluetooth") or "")
    own, other = str(entry.get("serial_number") or serial_in(known) or ""), serial_in(device)
    if own and other:
        return own.casefold() != other.casefold()
    addresses = [_address(known), _address(device)]
    return all(addresses) and addresses[0] != addresses[1]


def _address(text: str) -> str:
    """Returns the digits of a Bluetooth address; "" if a text is none."""
    digits = text.strip().casefold().replace(":", "").replace("-", "")
    return digits if len(digits) == _ADDRESS_DIGITS and all(each in _HEX_DIGITS for each in digits) else ""


def machine_named(config: Config, name: str, where: str) -> Machine:
    """Returns the machine of a name, a serial number or an address.

    Args:
        config: The configuration.
        name: The name.
        where: Who says it, for the message.

    Raises:
        TargetError: No machine has the name, or several have it.
    """
    machines = machines_of(config)
    named = [each for each in machines if each.is_named(name)]
    if not named:
        names = [str(each.entry[kind]) for each in machines for kind in _NAMES if each.entry.get(kind)]
        names = [each for each in names if "@" not in each]  # a URL may hold a password
        from difflib import get_close_matches  # noqa: PLC0415 -- only for a name that is not there

        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0][:_SHOWN]}?" if near else ""
        raise TargetError(f"{where}: {config.path} has {listed(machines)}{hint}")
    if len(named) > 1:
        raise TargetError(
            f"{where}: {len(named)} machines in {config.path} have this name: give the serial number or the address"
        )
    return named[0]


def listed(machines: Sequence[Machine]) -> str:
    """Returns the names of machines, for a message."""
    return ", ".join((each.name or "one without a name")[:_SHOWN] for each in machines) or "none"


def _is_same(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Whether two entries are of one machine: they have the same key, and no two addresses."""
    hosts = {str(each["host"]) for each in (one, other) if each.get("host")}
    return bool(one.get("key")) and one.get("key") == other.get("key") and len(hosts) < 2
