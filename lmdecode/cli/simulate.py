"""`lmdecode simulate`: a machine made of software, with a log on stderr and a console on standard input."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from lmdecode.allowance import Allowance
from lmdecode.app.errors import UsageError
from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import ConfigOption, MachineEntryOption, number
from lmdecode.codec.errors import LmdecodeError
from lmdecode.codec.printable import printable
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.register import DEFAULT_MODEL
from lmdecode.codec.v3 import PORT as WEB_PORT
from lmdecode.config import ENVIRONMENT_VARIABLE, TOKEN_VARIABLE
from lmdecode.simulator import FORMS, RADIO_PORT
from lmdecode.simulator.families import DEFAULT_FAMILY, FAMILY_NAMES, family_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmdecode.app.simulation import Simulation
    from lmdecode.codec.dialect import MachineKey
    from lmdecode.codec.record import Record
    from lmdecode.codec.v1.key import Key
    from lmdecode.simulator.console import Console
    from lmdecode.simulator.json_machine import JsonMachine
    from lmdecode.simulator.machine import Machine


@reports_errors
def simulate(
    image: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Take the memory from this image, for example one made by `scan`.", show_default=False
        ),
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option(metavar="CAPTURE", help="Take the memory from this capture.", show_default=False),
    ] = None,
    generation: Annotated[
        str,
        typer.Option(
            metavar="[v1|v3|bluetooth]",
            autocompletion=completion.simulated_generation,
            help="What it speaks: v1 is TCP 1774, v3 is HTTP and WebSocket on 8081.",
        ),
    ] = "v1",
    model: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.simulated_model,
            help=f"{FAMILY_NAMES}; a {DEFAULT_FAMILY.model} does not speak v1. [default: with v1 the one that the "
            f"memory names, otherwise {DEFAULT_MODEL}; with the others {DEFAULT_FAMILY.model}]",
            show_default=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for the whole network.")] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help=f"The TCP port; 0 means any free port. [default: the one in the config, otherwise {PORT}; with "
            f"v3 {WEB_PORT}; with bluetooth {RADIO_PORT}, the port of its radio in memory]",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            "-k",
            metavar="KEY",
            help="The key of the simulated machine, and of --capture: 32 characters, or hex:… or base64:…; with "
            f"bluetooth its token. Other programs can see a command line; {ENVIRONMENT_VARIABLE}, for a token "
            f"{TOKEN_VARIABLE}, or a config file keeps it to yourself.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    machine: MachineEntryOption = None,
    script: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Run the commands in this file at the times given there: `+12.5s shot 2`.",
            show_default=False,
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0.01, max=3600, callback=number, help="Simulated seconds per real second."),
    ] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            autocompletion=completion.fault,
            help="Simulate a fault: drop, drop:3 (the next three), delay=2, random=0.1; may be given several times. "
            "`--fault help` lists all faults.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of random faults; the same seed repeats them.")] = 0,
    refuse_second: Annotated[
        bool,
        typer.Option("--refuse-second", help="Refuse a second client; without this, it waits until the first is gone."),
    ] = False,
    stream: Annotated[
        str,
        typer.Option(
            metavar="[members|items]",
            autocompletion=completion.stream_form,
            help="How the texts of v3's stream are written: as by gateway v3, or as by a Linea Micra with gateway v2.",
        ),
    ] = FORMS[0],
    radio: Annotated[
        str,
        typer.Option(
            metavar="TRANSPORT",
            help="The Bluetooth radio that it uses, as bumble names it, such as usb:0. [default: one in memory, which "
            "other commands reach with --radio tcp-client:…]",
            show_default=False,
        ),
    ] = "",
    btsnoop: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what goes over the air to this file, token and all.", show_default=False
        ),
    ] = None,
    mdns: Annotated[bool, typer.Option(help="Announce the machine on the network by mDNS.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not log each message on stderr.")] = False,
) -> None:
    """Run a simulated machine that answers, heats, pours and reports like a real one.

    Examples:

        lmdecode simulate

        lmdecode simulate --model "GS3 MP" --port 0 --speed 60

        lmdecode simulate --generation v3 --model "Linea Micra"

        lmdecode simulate --capture morning.pcap --script morning.txt --fault drop:3

    The simulator takes commands on standard input: `shot 2`, `shot 1 25`, `flush`, `hot-water 8`, `stop`, `power on`,
    `set coffee_temp 80`, `fault delay=2`, `status`, `help`, `quit`. The first line of output gives the address that it
    listens on. Without a key, it uses the key of the sample captures. Nothing is sent to a real machine.
    """
    from lmdecode.app.files import load_image
    from lmdecode.app.simulation import Settings, fault_table, generation_named, hint_for, json_machine, simulation_of
    from lmdecode.app.simulation_sources import image_of, port_for, simulated_machine, simulation_key, simulation_token
    from lmdecode.render import sentence  # noqa: F401 -- for the log; when files run out, nothing can be loaded
    from lmdecode.simulator.faults import fault_list
    from lmdecode.simulator.json_machine import JsonMachine
    from lmdecode.simulator.script import load_script

    spoken = generation_named(generation)
    if fault and "help" in fault:
        echo(*(f"{name:<14} {does}" for name, does in fault_list(fault_table(spoken))))
        return
    _check(
        spoken,
        model=model,
        image=image,
        capture=capture,
        stream=stream,
        radio=radio,
        btsnoop=btsnoop,
        second=refuse_second,
    )
    log = _Log(quiet=quiet)
    mine: MachineKey | None = None
    secret: Key | str
    simulated: Machine | JsonMachine
    if spoken == "bluetooth":
        secret, origin = simulation_token(key or [], config, machine)
        simulated = json_machine(spoken, model=model)
    else:
        mine, origin = simulation_key(key or [], config, machine)
        secret = mine.key
        if spoken == "v3":
            simulated = json_machine(spoken, model=model)
        else:
            known = load_image(image) if image else image_of(capture, mine, config) if capture else None
            simulated = simulated_machine(known, model=model)
    settings = Settings(
        host=host,
        port=port_for(mine, config, machine, spoken) if port is None else port,
        faults=fault or [],
        seed=seed,
        speed=speed,
        script=load_script(script) if script else [],
        refuse_second=refuse_second,
        form=stream,
        radio=radio,
        btsnoop=btsnoop,
        on_record=None if quiet else log.record,
        on_note=None if quiet else log.note,
    )
    simulation = simulation_of(simulated, secret, settings)
    gateway = f" with gateway {simulated.gateway}" if isinstance(simulated, JsonMachine) else ""
    what = "token" if spoken == "bluetooth" else "key"
    log.note(f"a {simulated.model}{gateway}; the {what} is {origin}")
    run_live(
        _run(
            simulation,
            log,
            hint=lambda: hint_for(simulation, spoken, secret, given=bool(key), config=config),
            mdns=mdns and spoken != "bluetooth",
        )
    )


def _check(
    spoken: str,
    *,
    model: str | None,
    image: Path | None,
    capture: Path | None,
    stream: str,
    radio: str,
    btsnoop: Path | None,
    second: bool,
) -> None:
    """Checks that options go together."""
    if image and capture:
        raise UsageError("--image and --capture: give one of them")
    if spoken == "v1" and model is not None and family_or_none(model) == DEFAULT_FAMILY:
        raise UsageError(f"a {DEFAULT_FAMILY.model} does not speak v1: give --generation v3 or --generation bluetooth")
    if spoken != "v1" and (image or capture):
        raise UsageError(f"--{'image' if image else 'capture'} has the memory of v1: leave it or --generation out")
    if stream not in FORMS:
        raise UsageError(f"--stream {stream[:40]}: give {' or '.join(FORMS)}")
    if spoken != "v3" and stream != FORMS[0]:
        raise UsageError("--stream is for --generation v3")
    if spoken != "bluetooth" and (radio or btsnoop):
        raise UsageError(f"--{'radio' if radio else 'btsnoop'} is for --generation bluetooth")
    if spoken == "bluetooth" and second:
        raise UsageError("--refuse-second is for v1 and v3: over Bluetooth a second client does not see the machine")


_LINES_AT_ONCE: Final = 5000  # in the log; an app that asks all there is makes some hundred
_LINES_A_SECOND: Final = 100


class _Log:
    """The log on stderr: a line for each message and for whatever else happens."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._allowed = Allowance(_LINES_AT_ONCE, _LINES_A_SECOND)
        self._left_out = 0

    def note(self, text: str) -> None:
        if self._quiet:
            return
        if not self._allowed.takes(1):  # a client that floods must not fill a disk
            self._left_out += 1
            return
        if self._left_out:
            text, self._left_out = f"({self._left_out:,} lines were left out here) {text}", 0
        now = time.time()
        try:
            moment = f"{time.strftime('%H:%M:%S', time.localtime(now))}.{int(now % 1 * 1000):03}"
            sys.stderr.write(f"{moment} {printable(text)}\n")
            sys.stderr.flush()
        except OSError:  # whoever read the log has seen enough; the machine goes on
            self._quiet = True

    def record(self, record: Record) -> None:
        from lmdecode.render.sentence import sentences

        for line in sentences(record):
            self.note(line)


async def _run(simulation: Simulation, log: _Log, *, hint: Callable[[], str], mdns: bool) -> None:
    """Serves until Ctrl-C, SIGTERM or `quit`."""
    from lmdecode.app.simulation import serve

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
            loop.add_signal_handler(each, stop.set)
    server = simulation.server
    async with server:
        sys.stdout.write(f"listening on {simulation.place}\n")
        sys.stdout.flush()
        if command := hint():
            log.note(f"in another terminal: {command}")
        if _may_read_input():
            threading.Thread(target=_read_input, args=(loop, simulation.console, stop), daemon=True).start()
        await serve(server, stop, mdns=mdns, on_note=log.note)


def _read_input(loop: asyncio.AbstractEventLoop, console: Console[Any], stop: asyncio.Event) -> None:
    """Hands on the lines of standard input. Runs in a thread, which nobody waits for when the machine ends."""
    rest = b""
    while piece := os.read(sys.stdin.fileno(), 4096):  # not sys.stdin, whose lock would be held at the end
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(_obey, console, line.decode("utf-8", "replace"), stop)


def _obey(console: Console[Any], line: str, stop: asyncio.Event) -> None:
    try:
        answer = console.run(line)
    except LmdecodeError as error:
        answer = str(error)
    if answer:
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    if console.done:
        stop.set()


def _may_read_input() -> bool:
    """Whether standard input can be read. A job in the background would be stopped if it read the terminal."""
    try:
        descriptor = sys.stdin.fileno()
        return not os.isatty(descriptor) or os.tcgetpgrp(descriptor) == os.getpgrp()
    except (AttributeError, OSError, ValueError):  # closed, or not a file
        return False
