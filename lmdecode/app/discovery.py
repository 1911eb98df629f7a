"""The machines that can be found on the network and near, and what the configuration has of them.

Both searches run at once. If one is not possible here, because a package or a radio is missing, a line says why, and
the other goes on. What is found is looked up in the configuration, so that the next command can be told.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.bluetooth.characteristics import serial_in
from lmdecode.codec.printable import printable
from lmdecode.codec.v1 import PORT
from lmdecode.config import RADIO_VARIABLE
from lmdecode.config.file import ConfigError, find_config, load_config, port_of
from lmdecode.config.machines import Machine, machines_of
from lmdecode.config.names import CHOICE
from lmdecode.device.discovery import DiscoveryError, Found, discover, generation_on
from lmdecode.device.errors import MachineError
from lmdecode.device.probing import with_generations

_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]{1,32}").fullmatch  # anybody near may advertise anything
_NAMES: Final = ("machine_name", "serial_number", "host", "bluetooth")
_KEY: Final = "its key: lmdecode harvest finds it; if you know it, lmdecode config set key"
_TOKEN: Final = "its token: lmdecode config set ble_token, or lmdecode credentials FILE"  # noqa: S105 -- no token


@dataclass(frozen=True, slots=True)
class Seen:
    """A machine that was found, and what the configuration has of it."""

    found: Found
    name: str | None = None
    """Its name in the configuration; None if the configuration does not have this machine."""
    is_reached: bool = True
    """Whether the configuration has an address at which it was found."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """The machines that were found."""

    machines: tuple[Seen, ...]
    trouble: tuple[str, ...] = ()
    """Why the network, Bluetooth or the configuration was not looked at, one line each."""
    several: bool = False
    """Whether the configuration has several machines and does not say which one is meant."""
    near: bool = False
    """Whether Bluetooth was searched."""


async def find_machines(
    seconds: float,
    *,
    interfaces: Sequence[str] = (),
    config: Path | None = None,
    bluetooth: bool | None = None,
    radio: str | None = None,
    probe: bool = True,
) -> Discovery:
    """Looks for machines.

    Args:
        seconds: How long.
        interfaces: This computer's addresses whose networks to search; none: all networks.
        config: The configuration that the user named.
        bluetooth: Whether to search Bluetooth; None: if that is possible here.
        radio: The radio for that, as bumble names it; None: the one in the environment, else this computer's own.
        probe: Whether to ask a machine what it speaks if its port does not tell.

    Raises:
        UsageError: An interface is not an address.
        DiscoveryError: The network cannot be searched, and neither can Bluetooth.
        RadioError: Bluetooth cannot be searched, and the user asked for it.
        ConfigError: The configuration that the user named cannot be used.
    """
    for each in interfaces:
        try:
            ip_address(each)
        except ValueError:
            raise UsageError(f"--interface {each[:40]!r} is not an address: give one that this computer has") from None
    known: Sequence[Machine] = ()
    trouble: list[str] = []
    several = False
    try:
        path = find_config(config)
        if path is not None:
            loaded = load_config(path)
            known = machines_of(loaded)
            several = len(known) > 1 and not loaded.entries.get(CHOICE)
    except ConfigError as error:
        if config is not None:
            raise
        trouble.append(str(error))
    entries = [machine.entry for machine in known]
    trusted = {*interfaces, *(str(entry["host"]) for entry in entries if entry.get("host"))}
    (announced, no_network), (near, no_bluetooth) = await asyncio.gather(
        _announced(seconds, interfaces, trusted if probe else None), _near(seconds, radio, wanted=bluetooth)
    )
    if no_bluetooth is not None and (bluetooth or radio):
        raise no_bluetooth
    searched = bluetooth is not False and no_bluetooth is None
    if no_network is not None and not searched:
        if no_bluetooth is None:
            raise no_network
        raise DiscoveryError(f"{no_network}; and over Bluetooth: {no_bluetooth}")
    trouble += [f"the network was not searched: {no_network}"] if no_network else []
    trouble += [f"Bluetooth was not searched: {no_bluetooth}"] if no_bluetooth else []
    return Discovery(tuple(_seen([*announced, *near], entries)), tuple(trouble), several=several, near=searched)


async def _announced(
    seconds: float, interfaces: Sequence[str], trusted: Collection[str] | None
) -> tuple[list[Found], DiscoveryError | None]:
    """Returns what announces itself on the network, and why that cannot be searched."""
    try:
        found = await discover(seconds, interfaces=interfaces)
    except DiscoveryError as error:
        return [], error
    return found if trusted is None else await with_generations(found, trusted=trusted), None


async def _near(seconds: float, radio: str | None, *, wanted: bool | None) -> tuple[list[Found], MachineError | None]:
    """Returns what advertises itself over Bluetooth, and why that cannot be searched."""
    if wanted is False:
        return [], None
    from lmdecode.device.bluetooth.bleak_radio import radio_named

    try:
        opened = radio_named(os.environ.get(RADIO_VARIABLE, "") if radio is None else radio)
        try:
            heard = await opened.find(seconds)
        finally:
            await opened.close()
    except MachineError as error:
        return [], error
    return [
        Found(each.name, bluetooth=each.address, rssi=each.rssi, generation="bluetooth")
        for each in heard
        if each.is_machine
    ], None


def _seen(found: Sequence[Found], entries: Sequence[Mapping[str, object]]) -> Iterator[Seen]:
    named = [(each, name_in(entries, each)) for each in found]
    here = {(name, bool(each.bluetooth)) for each, name in named if any(_is_at(entry, each) for entry in entries)}
    for each, name in named:
        yield Seen(each, name, not (each.addresses or each.bluetooth) or (name, bool(each.bluetooth)) in here)


def name_in(entries: Sequence[Mapping[str, object]], machine: Found) -> str | None:
    """Returns what the entries of a configuration call a machine; None if none of them is of this machine."""
    called = {machine.name, serial_in(machine.name), *machine.properties.values()}
    for entry in entries:
        serial = entry.get("serial_number")
        if (isinstance(serial, str) and serial and serial in called) or _is_at(entry, machine):
            return next((str(entry[each]) for each in _NAMES if entry.get(each)), "")
    return None


def _is_at(entry: Mapping[str, object], machine: Found) -> bool:
    """Whether an entry has the address and the port of a machine, or its Bluetooth name or address."""
    if machine.bluetooth:
        near = entry.get("bluetooth")
        own = {machine.name, serial_in(machine.name) or "", machine.bluetooth}
        return isinstance(near, str) and near.casefold() in {each.casefold() for each in own if each}
    hosts = {*machine.addresses, machine.host} - {""}
    if entry.get("host") not in hosts:
        return False
    if "port" not in entry and generation_on(machine.port):  # both are tried then
        return entry.get("generation") in {None, "", machine.generation}
    return port_of(entry) == machine.port


def next_steps(machines: Sequence[Seen], *, several: bool = False, config: Path | None = None) -> list[str]:
    """Returns the commands to run next, one line each.

    Args:
        machines: The machines that were found.
        several: Whether the configuration has several machines and does not say which one is meant.
        config: The configuration that the user named.
    """
    file = f" --config {shlex.quote(str(config))}" if config else ""
    named = [each for each in machines if each.name is not None]
    ready = next((each for each in named if each.is_reached), None)
    lines = []
    if ready is not None:
        which = f" --machine {shlex.quote(printable(ready.name or ''))}" if len(named) > 1 or several else ""
        way = " --bluetooth" if ready.found.bluetooth else ""
        lines.append(f"in the config already; next: lmdecode status{way}{which}{file}")
    for each in named:
        if not each.is_reached:
            option = f" --machine {shlex.quote(printable(each.name or ''))}" if len(named) > 1 or several else ""
            lines += _commands(
                each.found, f"{option}{file}", f"{printable(each.name or '')}, without this address in the config"
            )
    option = " --machine NAME" if named or several else ""  # its owner chooses the name
    said = set[str]()
    for each in machines:
        found = each.found
        if each.name is None and (found.addresses or found.bluetooth) and found.generation not in said:
            said.add(found.generation)
            lines += _commands(found, f"{option}{file}", "new" if named else "next")
            lines.append(f"      {_TOKEN if found.bluetooth else _KEY}")
    return lines or ["no machine sent its address; try again with a longer --timeout"]


def _commands(found: Found, options: str, title: str) -> list[str]:
    """Returns the commands that put a machine's address into the configuration."""
    if found.bluetooth:
        called = found.name if serial_in(found.name) and _PLAIN(found.name) else found.bluetooth
        return [f"{title}: lmdecode config set bluetooth {shlex.quote(printable(called))}{options}"]
    lines = [f"{title}: lmdecode config set host {found.addresses[0]}{options}"]
    if found.port not in {PORT, 0}:
        lines.append(f"      lmdecode config set port {found.port}{options}")
    if found.generation not in {"", generation_on(found.port or PORT)}:
        lines.append(f"      lmdecode config set generation {found.generation}{options}")
    return lines


def nothing_found(*, near: bool = False) -> CommandError:
    """Returns the error for a place without machines.

    Args:
        near: Whether Bluetooth was looked at too.
    """
    also = ", and none is near over Bluetooth" if near else ""
    bluetooth = (
        "Over Bluetooth a machine shows only while nothing is connected to it, so close the app"
        if near
        else "A machine with a gateway of 2025 or later (v5) is reached over Bluetooth only"
    )
    return CommandError(
        f"no machine announces itself here{also}. Is it on, and in the same network as this computer, not a guest "
        f"network? Some routers do not pass multicast on between Wi-Fi and cable. {bluetooth}. The router's list of "
        "devices has the address too: lmdecode config set host ADDRESS"
    )
