"""A simulated machine of any generation: its server, its console, and the script that it follows."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, TypeAlias, get_args

from lmdecode.app.errors import UsageError
from lmdecode.codec.record import Record, Value
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.key import Key
from lmdecode.codec.v3 import PORT as WEB_PORT
from lmdecode.config import SAMPLE_KEY, SAMPLE_TOKEN
from lmdecode.simulator import FORMS
from lmdecode.simulator.console import Command, Console, yes_no
from lmdecode.simulator.families import DEFAULT_FAMILY, family_named
from lmdecode.simulator.faults import Faults, FaultTable, parse_fault
from lmdecode.simulator.json_machine import JsonMachine
from lmdecode.simulator.machine import Machine
from lmdecode.simulator.script import Event, Script

Generation: TypeAlias = Literal["v1", "v3", "bluetooth"]
GENERATIONS: Final[tuple[Generation, ...]] = get_args(Generation)
"""The generations of which a machine can be simulated."""


class SimulatedServer(Protocol):
    """What lets others talk to a machine."""

    machine: Any
    host: str
    port: int

    async def __aenter__(self) -> Self:
        """Starts."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends."""

    async def start(self) -> None:
        """Starts to listen, and lets time pass."""

    async def run(self) -> None:
        """Waits until something in the machine fails."""

    async def close(self) -> None:
        """Closes all connections and stops listening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a machine is simulated, whatever it is."""

    host: str = "127.0.0.1"
    port: int = 0
    faults: Sequence[str] = ()
    """The faults, written as after `--fault`."""
    seed: int = 0
    """The seed of random faults."""
    speed: float = 1.0
    """Simulated seconds per real second."""
    script: Sequence[Event] = ()
    refuse_second: bool = False
    """Whether to refuse a second client instead of letting it wait."""
    form: str = FORMS[0]
    """How the texts of v3's stream are written: one of `FORMS`."""
    loaded_after: float | None = None
    """Seconds from the start until a machine of v3 has its token; None: the server's own `LOADED_AFTER`."""
    radio: str = ""
    """The radio of a machine over Bluetooth; "" for one in memory."""
    btsnoop: Path | None = None
    """The file for what goes over the air of a machine over Bluetooth; None for no file."""
    on_record: Callable[[Record], None] | None = None
    on_note: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated machine that is ready to start."""

    server: SimulatedServer
    console: Console[Any]
    radio: str = ""
    """The radio that a machine over Bluetooth uses; "" for one in memory, and in the other generations."""

    @property
    def place(self) -> str:
        """Where others find it, once it has started: its host:port, or its radio."""
        from lmdecode.device.errors import joined

        return str(getattr(self.server, "place", "") or joined(self.server.host, self.server.port))

    def get(self, name: str) -> Value | None:
        """Returns a value of the machine by its name; None if it is not known."""
        return self.console.machine.get(name)


def fault_table(generation: Generation) -> FaultTable:
    """Returns the faults of a generation."""
    if generation == "v1":
        from lmdecode.simulator.faults import FAULTS

        return FAULTS
    if generation == "v3":
        from lmdecode.simulator.v3.faults import V3_FAULTS

        return V3_FAULTS
    from lmdecode.simulator.bluetooth.faults import FAULTS as BLUETOOTH_FAULTS

    return BLUETOOTH_FAULTS


def json_machine(
    generation: Literal["v3", "bluetooth"], *, model: str | None = None, now: datetime | None = None
) -> JsonMachine:
    """Returns a machine of the generations that speak JSON.

    Args:
        generation: The generation.
        model: Its model as people write it; None: a Linea Micra.
        now: The time that its clock shows, without a zone; None: the local time.

    Raises:
        RegisterError: There is no such model.
    """
    family = DEFAULT_FAMILY if model is None else family_named(model)
    moment = datetime.now() if now is None else now  # noqa: DTZ005 -- the machine's clock is local and has no zone
    return JsonMachine(family, generation, now=moment)


def simulation_of(machine: Machine | JsonMachine, secret: Key | str, settings: Settings) -> Simulation:
    """Returns what simulates a machine.

    Args:
        machine: The machine, which says its generation.
        secret: Its key; of Bluetooth its token.
        settings: The settings.

    Raises:
        FaultError: There is no such fault.
        ScriptError: A command of the script cannot be understood.
    """
    if isinstance(machine, Machine):
        return _v1(machine, secret, settings)
    return (
        _bluetooth(machine, secret, settings) if machine.generation == "bluetooth" else _v3(machine, secret, settings)
    )


def _console(
    machine: Machine | JsonMachine, generation: Generation, settings: Settings, commands: Mapping[str, Command]
) -> tuple[Console[Any], Script[Any]]:
    table = fault_table(generation)
    faults = Faults([parse_fault(each, table) for each in settings.faults], seed=settings.seed, table=table)
    console: Console[Any] = Console(machine, faults, commands)
    return console, Script(console, settings.script, settings.on_note or (lambda _: None))


def _v1(machine: Machine, secret: Key | str, settings: Settings) -> Simulation:
    from lmdecode.simulator.server import Server

    console, script = _console(machine, "v1", settings, {})
    server = Server(
        machine,
        _key(secret),
        host=settings.host,
        port=settings.port,
        faults=console.faults,
        speed=settings.speed,
        refuse_second=settings.refuse_second,
        tick=script.advance,
        on_record=settings.on_record,
        on_note=settings.on_note,
    )
    return Simulation(server, console)


def _v3(machine: JsonMachine, secret: Key | str, settings: Settings) -> Simulation:
    from lmdecode.simulator.v3.server import LOADED_AFTER, Server
    from lmdecode.simulator.v3.stream import GATEWAY_OF_ITEMS, Form

    console, script = _console(machine, "v3", settings, {})
    form = Form(settings.form)
    machine.gateway = GATEWAY_OF_ITEMS if form is Form.ITEMS else machine.gateway
    server = Server(
        machine,
        _key(secret),
        host=settings.host,
        port=settings.port,
        faults=console.faults,
        speed=settings.speed,
        refuse_second=settings.refuse_second,
        form=form,
        loaded_after=LOADED_AFTER if settings.loaded_after is None else settings.loaded_after,
        tick=script.advance,
        on_record=settings.on_record,
        on_note=settings.on_note,
    )
    return Simulation(server, console)


def _bluetooth(machine: JsonMachine, secret: Key | str, settings: Settings) -> Simulation:
    from lmdecode.simulator.bluetooth.server import BluetoothServer

    def pair(words: list[str]) -> str:
        server.gatt.pairing = yes_no(words[0])
        return ""

    pairing = Command("pair on|off", "pairing mode, in which the token can be read", range(1, 2), pair)
    console, script = _console(machine, "bluetooth", settings, {"pair": pairing})
    server = BluetoothServer(
        machine,
        str(secret),
        host=settings.host,
        port=settings.port,
        radio=settings.radio,
        btsnoop=settings.btsnoop,
        faults=console.faults,
        speed=settings.speed,
        tick=script.advance,
        on_record=settings.on_record,
        on_note=settings.on_note,
    )
    return Simulation(server, console, settings.radio)


def _key(secret: Key | str) -> Key:
    return secret if isinstance(secret, Key) else Key.parse(secret)


def generation_named(text: str) -> Generation:
    """Returns the generation that a user names.

    Raises:
        UsageError: There is no such generation.
    """
    for generation in GENERATIONS:
        if text.lower() == generation:
            return generation
    raise UsageError(f"no generation {text[:40]!r}: give v1, v3 or bluetooth")


def hint_for(
    simulation: Simulation,
    generation: Generation,
    secret: Key | str,
    *,
    given: bool = False,
    config: Path | None = None,
) -> str:
    """Returns the command that talks to a simulated machine.

    Args:
        simulation: The machine, which listens already.
        generation: The generation.
        secret: Its key or token, which is shown only if it is the published one.
        given: Whether the user gave it on the command line; otherwise the commands find it where this one did.
        config: The configuration that the user named.
    """
    if secret == SAMPLE_TOKEN or (isinstance(secret, Key) and secret.secret == SAMPLE_KEY.encode()):
        shown = f" --key {SAMPLE_TOKEN if generation == 'bluetooth' else SAMPLE_KEY}"
    elif given:
        shown = " --key …"
    else:
        shown = f" --config {shlex.quote(str(config))}" if config else ""
    if generation == "bluetooth":
        other = "" if simulation.radio else f" --radio tcp-client:{simulation.place}"
        return f"lmdecode watch --bluetooth{other}{shown}"
    usual = PORT if generation == "v1" else WEB_PORT
    elsewhere = "" if simulation.server.port == usual else f" --generation {generation}"
    return f"lmdecode watch --host {simulation.place}{elsewhere}{shown}"


async def serve(server: SimulatedServer, stop: asyncio.Event, *, mdns: bool, on_note: Callable[[str], None]) -> None:
    """Runs a server that listens already until `stop` is set.

    Args:
        server: The server.
        stop: Ends it.
        mdns: Whether to announce the machine on the network.
        on_note: Takes what became of the announcement, in words.

    Raises:
        Exception: Something in the simulated machine failed.
    """
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(server.run())]
    if mdns:
        tasks.append(asyncio.create_task(_announce(server, on_note)))
    try:
        done, _ = await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()  # an error in the machine must not go unseen


async def _announce(server: SimulatedServer, on_note: Callable[[str], None]) -> None:
    """Announces a machine until cancelled. That takes a second, so nothing waits for it."""
    from lmdecode.simulator.announcement import Announcement

    serial = server.machine.registers.get("machine_ser_num")
    properties = {"sn": str(serial)} if isinstance(server.machine, JsonMachine) else {}
    announcement = Announcement(str(serial or "simulated"), server.host, server.port, properties)
    try:
        why_not = await announcement.make()
        on_note(f"not announced by mDNS: {why_not}" if why_not else "announced by mDNS")
        await asyncio.Event().wait()
    finally:
        await announcement.withdraw()
