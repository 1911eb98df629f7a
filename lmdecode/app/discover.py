"""Machines that announce themselves on the network, and which of them the configuration has already."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.v1 import PORT
from lmdecode.config.file import ConfigError, default_paths, load_config, machine_entries, port_of
from lmdecode.device.discovery import Found, discover
from lmdecode.render.sentence import printable


@dataclass(frozen=True, slots=True)
class Discovery:
    """The machines that were found."""

    machines: tuple[tuple[Found, str | None], ...]
    """Each machine with its name in the configuration; None if it is not there."""
    trouble: str = ""
    """Why the configuration was not looked at, one line; "" if it was."""


async def find_machines(seconds: float, *, interfaces: Sequence[str] = (), config: Path | None = None) -> Discovery:
    """Looks for machines.

    Args:
        seconds: How long.
        interfaces: This computer's addresses whose networks to search; none: all networks.
        config: The configuration that the user named.

    Raises:
        UsageError: An interface is not an address.
        DiscoveryError: The network cannot be searched, or zeroconf is not installed.
        ConfigError: The configuration that the user named cannot be used.
    """
    for each in interfaces:
        try:
            ip_address(each)
        except ValueError:
            raise UsageError(f"--interface {each[:40]!r} is not an address: give one that this computer has") from None
    found = await discover(seconds, interfaces=interfaces)
    path = config or next((each for each in default_paths() if each.is_file()), None)
    try:
        entries = machine_entries(load_config(path)) if path else []
    except ConfigError as error:
        if config is not None:
            raise
        return Discovery(tuple((each, None) for each in found), str(error))
    return Discovery(tuple((each, name_in([entry for _, entry in entries], each)) for each in found))


def name_in(entries: Sequence[Mapping[str, object]], machine: Found) -> str | None:
    """Returns what the entries of a configuration call a machine; None if it is not there."""
    hosts = {*machine.addresses, machine.host} - {""}
    for entry in entries:
        serial = entry.get("serial_number")
        named = isinstance(serial, str) and serial and serial in {machine.name, *machine.properties.values()}
        if named or (entry.get("host") in hosts and port_of(entry) == machine.port):
            return next((str(entry[each]) for each in ("machine_name", "serial_number", "host") if entry.get(each)), "")
    return None


def next_steps(machines: Sequence[tuple[Found, str | None]]) -> list[str]:
    """Returns the commands to run next, one line each."""
    named = [name for _, name in machines if name is not None]
    several = f" --machine {shlex.quote(printable(named[0]))}" if len(named) > 1 else ""
    lines = [f"in the config already; next: lmdecode status{several}"] if named else []
    new = next((each for each, name in machines if name is None and each.addresses), None)
    if new is not None:
        which = " --machine NAME" if named else ""  # its owner chooses the name
        lines.append(f"{'new' if named else 'next'}: lmdecode config set host {new.addresses[0]}{which}")
        if new.port != PORT:
            lines.append(f"      lmdecode config set port {new.port}{which}")
    return lines or ["none of them told its address; try again, with a longer --timeout"]


def nothing_found() -> CommandError:
    """Returns the error for a network without machines."""
    return CommandError(
        "no machine announces itself here. Is it on, and in the same network as this computer, not a guest network? "
        "Some routers do not pass multicast on between Wi-Fi and cable. Only first-generation gateways (v1, v2) are "
        "known to announce themselves. The router's list of devices has the address too: "
        "lmdecode config set host ADDRESS"
    )
