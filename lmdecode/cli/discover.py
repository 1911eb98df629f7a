"""`lmdecode discover`: the machines in the network."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import ConfigOption, JsonOption, RadioOption, number


@reports_errors
def discover(
    timeout: Annotated[float, typer.Option(min=0.1, max=300, callback=number, help="How many seconds to search.")] = 3,
    interface: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Search the network in which this computer has this address; may be given several times. [default: "
            "all networks]",
            show_default=False,
        ),
    ] = None,
    bluetooth: Annotated[
        bool | None,
        typer.Option(
            "--bluetooth/--no-bluetooth",
            help="Whether to search Bluetooth too. [default: if this computer has it]",
            show_default=False,
        ),
    ] = None,
    radio: RadioOption = None,
    probe: Annotated[
        bool,
        typer.Option(
            "--probe/--no-probe",
            help="Whether to ask a machine what it speaks, if its port does not tell. It is sent one request for its "
            "settings, without the key, and nothing else; the machine refuses that request.",
        ),
    ] = True,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find machines on the network and over Bluetooth.

    Examples:

        lmdecode discover

        lmdecode discover --no-bluetooth --json

        lmdecode discover --radio tcp-client:127.0.0.1:6402

    On the network, machines announce themselves by mDNS, and the port tells the generation. Where it does not, lmdecode
    listens to the machine and sends it one request without its key, unless you say --no-probe. Nothing else is sent to
    machines. Over Bluetooth, a machine shows only while no program is connected to it. The search needs the extras
    `live` for the network and `bluetooth` for Bluetooth: `lmdecode doctor` says whether they are there. The exit code
    is 1 if no machine is found.
    """
    from lmdecode.app.discovery import find_machines, next_steps, nothing_found
    from lmdecode.render.machine import found_entry, print_found

    found = run_live(
        find_machines(
            timeout, interfaces=interface or [], config=config, bluetooth=bluetooth, radio=radio, probe=probe
        ),
        waiting_for="machines",
    )
    machines = [(each.found, each.name) for each in found.machines]
    if as_json:
        echo_json({"machines": [found_entry(*each) for each in machines]}, ascii_only=True)
    elif machines:
        print_found(machines)
        echo("", *next_steps(found.machines, several=found.several, config=config))
    for each in found.trouble:
        complain(each)
    if not machines:
        raise nothing_found(near=found.near)
