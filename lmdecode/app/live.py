"""Connections to a machine, made from the user's options."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.codec.printable import printable
from lmdecode.codec.record import Kind
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.message import Message
from lmdecode.codec.v1.ranges import address_of, address_range, byte_count
from lmdecode.codec.v1.windows import LARGEST_READ
from lmdecode.config.file import ConfigError, find_config, load_config, port_of
from lmdecode.config.machines import machines_of
from lmdecode.config.names import CHOICE
from lmdecode.device.discovery import Found, discover
from lmdecode.device.errors import NoAnswerError
from lmdecode.device.session import Snapshot, take_snapshot
from lmdecode.device.v1.driver import MemoryDriver

R = TypeVar("R")
T = TypeVar("T")

_WHOLE: Final = 5  # how many times the wait for one answer all reads of a command may take together
_LEAST_WHOLE: Final = 5.0  # s; three tries with their pauses and connections take longer than a short wait

if TYPE_CHECKING:
    from lmdecode.codec.record import Record
    from lmdecode.config.targets import Target
    from lmdecode.device.client import Client
    from lmdecode.device.driver import Driver
    from lmdecode.device.session import Session
    from lmdecode.device.v1.session import MemorySession


def driver_for(target: Target, *, timeout: float, show_secrets: bool = False) -> Driver[Any]:
    """Returns the driver of a machine's generation.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the Records show secrets.
    """
    return memory_driver(target, timeout=timeout, show_secrets=show_secrets)


def memory_driver(target: Target, *, timeout: float, show_secrets: bool = False) -> MemoryDriver:
    """Returns the driver of a machine of v1, for what only its memory has.

    Args:
        target: The machine.
        timeout: Seconds to wait for an answer.
        show_secrets: Whether the Records show the machine's cloud account.
    """
    return MemoryDriver(
        host=target.host,
        port=target.port,
        key=target.key,
        model=target.model,
        timeout=timeout,
        show_secrets=show_secrets,
    )


def session_with(
    driver: Driver[R], *, tries: int | None = None, on_record: Callable[[Record], None] | None = None
) -> Session[R]:
    """Returns a session with a machine, not connected yet; see `Session`."""
    from lmdecode.device.core import TRIES
    from lmdecode.device.session import Session

    return Session(lambda number: driver.connection(number, on_record), tries=TRIES if tries is None else tries)


def client_for(
    target: Target,
    *,
    timeout: float,
    stream: int = 0,
    show_secrets: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> Client:
    """Returns a client for a machine of v1, not connected yet; see `Client`."""
    driver = memory_driver(target, timeout=timeout, show_secrets=show_secrets)
    return driver.connection(stream, on_record)


def session_for(
    target: Target,
    *,
    timeout: float,
    show_secrets: bool = False,
    tries: int | None = None,
    on_record: Callable[[Record], None] | None = None,
) -> MemorySession:
    """Returns a session with a machine of v1, not connected yet; see `MemorySession`."""
    from lmdecode.device.core import TRIES
    from lmdecode.device.v1.session import MemorySession

    driver = memory_driver(target, timeout=timeout, show_secrets=show_secrets)
    return MemorySession(lambda number: driver.connection(number, on_record), tries=TRIES if tries is None else tries)


@dataclass(frozen=True, slots=True)
class Discovery:
    """The machines that were found."""

    machines: tuple[tuple[Found, str | None], ...]
    """Each machine with its name in the configuration; None if it is not there."""
    trouble: str = ""
    """Why the configuration was not looked at, one line; "" if it was."""
    elsewhere: frozenset[str] = frozenset()
    """The names of those that are in the configuration without this address, or with another one."""
    several: bool = False
    """Whether the configuration has several machines and does not say which one is meant."""


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
    try:
        path = find_config(config)
        loaded = load_config(path) if path else None
        known = machines_of(loaded) if loaded else []
    except ConfigError as error:
        if config is not None:
            raise
        return Discovery(tuple((each, None) for each in found), str(error))
    named = tuple((each, name_in([machine.entry for machine in known], each)) for each in found)
    here = {name for each, name in named if name and any(_is_at(machine.entry, each) for machine in known)}
    return Discovery(
        named,
        elsewhere=frozenset(name for each, name in named if name and each.addresses and name not in here),
        several=len(known) > 1 and loaded is not None and not loaded.entries.get(CHOICE),
    )


def name_in(entries: Sequence[Mapping[str, object]], machine: Found) -> str | None:
    """Returns what the entries of a configuration call a machine; None if it is not there."""
    for entry in entries:
        serial = entry.get("serial_number")
        named = isinstance(serial, str) and serial and serial in {machine.name, *machine.properties.values()}
        if named or _is_at(entry, machine):
            return next((str(entry[each]) for each in ("machine_name", "serial_number", "host") if entry.get(each)), "")
    return None


def _is_at(entry: Mapping[str, object], machine: Found) -> bool:
    """Whether an entry has the address and the port of a machine."""
    hosts = {*machine.addresses, machine.host} - {""}
    return entry.get("host") in hosts and port_of(entry) == machine.port


def next_steps(
    machines: Sequence[tuple[Found, str | None]],
    *,
    elsewhere: Collection[str] = (),
    several: bool = False,
    config: Path | None = None,
) -> list[str]:
    """Returns the commands to run next, one line each.

    Args:
        machines: The machines that were found, each with its name in the configuration; None if it is not there.
        elsewhere: The names of those that are there with another address, or with none.
        several: Whether the configuration has several machines and does not say which one is meant.
        config: The configuration that the user named.
    """
    file = f" --config {shlex.quote(str(config))}" if config else ""
    named = [name for _, name in machines if name is not None]
    ready = [name for name in named if name not in elsewhere]
    which = f" --machine {shlex.quote(printable(ready[0]))}" if ready and (len(named) > 1 or several) else ""
    lines = [f"in the config already; next: lmdecode status{which}{file}"] if ready else []
    for found, name in machines:
        if name in elsewhere and name is not None:
            option = f" --machine {shlex.quote(printable(name))}" if len(named) > 1 or several else ""
            lines += _commands(found, f"{option}{file}", f"{printable(name)}, without this address in the config")
    new = next((each for each, name in machines if name is None and each.addresses), None)
    if new is not None:
        option = " --machine NAME" if named or several else ""  # its owner chooses the name
        lines += _commands(new, f"{option}{file}", "new" if named else "next")
    return lines or ["no machine sent its address; try again with a longer --timeout"]


def _commands(found: Found, options: str, title: str) -> list[str]:
    """Returns the commands that put a machine's address into the configuration."""
    lines = [f"{title}: lmdecode config set host {found.addresses[0]}{options}"]
    if found.port != PORT:
        lines.append(f"      lmdecode config set port {found.port}{options}")
    return lines


def nothing_found() -> CommandError:
    """Returns the error for a network without machines."""
    return CommandError(
        "no machine announces itself here. Is it on, and in the same network as this computer, not a guest network? "
        "Some routers do not pass multicast on between Wi-Fi and cable. Only first-generation gateways (v1, v2) are "
        "known to announce themselves. The router's list of devices has the address too: "
        "lmdecode config set host ADDRESS"
    )


async def snapshot_of(driver: Driver[R], *, seconds: float | None = None) -> Snapshot:
    """Connects, reads all that a machine reveals, and disconnects.

    Args:
        driver: The machine's.
        seconds: How long the reads may take in all; None: as long as they take.

    Raises:
        MachineError: The machine cannot be read at all.
    """
    async with session_with(driver) as session:
        return await take_snapshot(session, driver.snapshot(), seconds=seconds)


def whole(timeout: float) -> float:
    """Returns the seconds that all reads of a command may take together.

    Args:
        timeout: Seconds to wait for one answer.

    >>> whole(3.0), whole(0.1)
    (15.0, 5.0)
    """
    return max(_WHOLE * timeout, _LEAST_WHOLE)


async def answered_within(seconds: float, reads: Awaitable[T]) -> T:
    """Returns what some reads give, if they do not take too long: a peer can talk for ever and answer nothing.

    Raises:
        NoAnswerError: They took too long.
        MachineError: As the reads.
    """
    try:
        async with asyncio.timeout(seconds):
            return await reads
    except TimeoutError:
        raise NoAnswerError(f"the machine has not answered within {seconds:g} s; nothing was sent but reads") from None


async def read_bytes(session: MemorySession, address: int, length: int) -> bytes:
    """Reads bytes of the machine's memory, in pieces that it answers.

    Raises:
        MessageError: The bytes are not all inside the memory.
        BadAnswerError: Some of them are secret, and secrets are not shown.
        MachineError: The machine cannot be read.
    """
    pieces = [
        await session.data(start, min(LARGEST_READ, address + length - start))
        for start in range(address, address + max(length, 1), LARGEST_READ)
    ]
    return b"".join(pieces)


def read_request(address: str, length: str | None = None) -> Message:
    """Returns the read of a range, or of an address and a length, as people write them.

    Args:
        address: `0x4000-0x401F` and the other ways to write a range; with a length, one address.
        length: The number of bytes: 32, or 0x20.

    Raises:
        AddressRangeError: One of them is not valid.
    """
    if length is None:
        window = address_range(address)
        return Message(Kind.READ, window.start, byte_count(str(len(window)), window.start))
    start = address_of(address)
    return Message(Kind.READ, start, byte_count(length, start))


async def read_window(session: MemorySession, request: Message) -> Record:
    """Reads a window whatever is there, in one piece.

    Raises:
        MachineError: The machine cannot be read.
    """
    try:
        return await session.read(request.address, request.length)
    except NoAnswerError as error:
        if request.length == 1:
            raise
        raise NoAnswerError(
            f"{error}: a machine answers no read that goes beyond what it has there, so try fewer bytes"
        ) from None
