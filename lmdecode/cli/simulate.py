"""`lmdecode simulate`: a machine made of software."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.app.live import model_named
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption, number
from lmdecode.codec.v1.model import DEFAULT_MODEL, MODEL_NAMES
from lmdecode.simulator import SAMPLE_KEY

if TYPE_CHECKING:
    from lmdecode.codec.dialect import MachineKey
    from lmdecode.codec.v1.image import MemoryImage
    from lmdecode.simulator.machine import Machine


@reports_errors
def simulate(
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take the memory from this image, such as `scan` makes.", show_default=False),
    ] = None,
    capture: Annotated[
        Path | None,
        typer.Option(metavar="CAPTURE", help="Take the memory from what this capture tells.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help=f"{MODEL_NAMES}. [default: what the memory tells, else {DEFAULT_MODEL}]", show_default=False),
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 for the whole network.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The TCP port; 0 for any that is free.")] = 1774,
    key: KeysOption = None,
    config: ConfigOption = None,
    script: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Do what this file says, when it says so: `+12.5s shot 2`.", show_default=False
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(min=0.01, max=3600, callback=number, help="Seconds that pass for the machine in one of ours."),
    ] = 1,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="Let something go wrong: drop, drop:3 (the next three), delay=2, random=0.1; several may be given. "
            "`--fault help` lists them.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the random faults, so that they happen again.")] = 0,
    refuse_second: Annotated[
        bool, typer.Option("--refuse-second", help="Refuse a second client; else it waits until the first is gone.")
    ] = False,
    mdns: Annotated[bool, typer.Option(help="Announce the machine on the network by mDNS.")] = True,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Do not tell of each message on stderr.")] = False,
) -> None:
    """Be a machine: one that answers, heats, pours and reports as a real one does, to try everything on.

    Examples:

        lmdecode simulate

        lmdecode simulate --model "GS3 MP" --port 0 --speed 60

        lmdecode simulate --capture morning.pcap --script morning.txt --fault drop:3

    It takes commands on standard input: `shot 2`, `shot 1 25`, `hot-water 8`, `stop`, `power on`,
    `set coffee_temp 80`, `fault delay=2`, `status`, `help`, `quit`. The first line of its output says where it
    listens. Without any key it takes that of the sample captures. Nothing of it reaches the real machine.
    """
    from lmdecode.cli.simulate_session import Session
    from lmdecode.simulator.console import Console, Script, load_script
    from lmdecode.simulator.faults import FAULTS, Faults, parse_fault
    from lmdecode.simulator.server import Server

    if fault and "help" in fault:
        typer.echo("\n".join(f"{name:<14} {does}" for name, (_, does) in FAULTS.items()))
        return
    faults = Faults(map(parse_fault, fault or []), seed=seed)
    mine, key_origin = _key(key or [], config)
    machine = _machine(image, capture, model, mine)
    session = Session(quiet=quiet)
    console = Console(machine, faults)
    events = Script(console, load_script(script) if script else [], session.tell)
    server = Server(
        machine,
        mine.key,
        host=host,
        port=port,
        faults=faults,
        speed=speed,
        refuse_second=refuse_second,
        tick=events.advance,
        on_record=None if quiet else session.tell_record,
        on_note=None if quiet else session.tell,
    )
    session.tell(f"a {machine.model}; the key is {key_origin}")
    asyncio.run(session.run(server, console, mdns=mdns))


def _key(keys: list[str], config: Path | None) -> tuple[MachineKey, str]:
    """The machine's key, and where it is from; the sample one if there is none anywhere."""
    from lmdecode.codec.dialect import MachineKey
    from lmdecode.codec.v1.key import Key
    from lmdecode.config import ENVIRONMENT_VARIABLE
    from lmdecode.config.file import default_paths, load_config
    from lmdecode.config.keys import find_keys

    given = keys or config or os.environ.get(ENVIRONMENT_VARIABLE)
    if not given and not any(load_config(path).machines() for path in default_paths() if path.is_file()):
        return MachineKey("sample", Key.parse(SAMPLE_KEY)), f"that of the sample captures, {SAMPLE_KEY}"
    machines, origin = find_keys(keys, config)
    which = f"of {machines[0].name}, the first of {len(machines)}, " if len(machines) > 1 else ""
    return machines[0], f"{which}from {origin}"


def _machine(image: Path | None, capture: Path | None, model: str | None, key: MachineKey) -> Machine:
    """The machine: what is known of its memory laid over what its model starts with."""
    from datetime import datetime

    from lmdecode.app.files import load_image
    from lmdecode.codec.v1.image import MemoryImage
    from lmdecode.codec.v1.memory import model_of
    from lmdecode.simulator.initial_memory import default_memory
    from lmdecode.simulator.machine import Machine

    if image and capture:
        raise CommandError("--image and --capture: give one of them")
    if model is not None:
        model = model_named(model)
    known = load_image(image) if image else MemoryImage()
    if capture:
        known = _captured(capture, key)
    model = model or known.model or model_of(known.memory) or DEFAULT_MODEL
    memory = default_memory(model)
    memory.overlay(known.memory)
    return Machine(model, memory, now=datetime.now())  # noqa: DTZ005 -- the machine's clock is local and has no zone


def _captured(capture: Path, key: MachineKey) -> MemoryImage:
    from lmdecode.analysis.observations import memory_of
    from lmdecode.app.decode import Outcome, nothing_decoded, read
    from lmdecode.codec.v1 import speakers_with
    from lmdecode.codec.v1.decoder import decoder_for
    from lmdecode.codec.v1.image import MemoryImage

    outcome = Outcome(capture)
    speakers = speakers_with(decoder_for([key]), origin="see --key and --config")
    image = MemoryImage(memory_of(read(outcome, speakers)), source=str(capture))
    why = nothing_decoded([outcome], speakers)
    if why or not any(image.memory.runs()):
        raise CommandError(why or next(iter(outcome.complaints), f"{capture} tells nothing of a machine's memory"))
    return image
