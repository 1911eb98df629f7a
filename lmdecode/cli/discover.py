"""`lmdecode discover`: the machines in the network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError, UsageError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.live_options import JsonOption
from lmdecode.cli._common.options import ConfigOption, number

if TYPE_CHECKING:
    from pathlib import Path

    from lmdecode.device.discovery import Found

_NONE = (
    "no machine announces itself here. Is it on, and in the same network as this computer, not a guest network? Some "
    "routers do not pass multicast on between Wi-Fi and cable. Only first-generation gateways (v1, v2) are known to "
    "announce themselves. The router's list of devices has the address too: lmdecode config set host ADDRESS"
)


@reports_errors
def discover(
    timeout: Annotated[float, typer.Option(min=0.1, max=300, callback=number, help="Seconds to look.")] = 3,
    interface: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="Look in the network in which this computer has this address; several may be given. [default: all]",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for machines in the network, where they announce themselves by mDNS.

    Examples:

        lmdecode discover

        lmdecode discover --json

    Nothing is said to the machines themselves. Needs `pip install 'lmdecode[live]'`. The exit code is 1 if there are
    none.
    """
    from lmdecode.device.discovery import discover as look

    for each in interface or []:
        _check_address(each)
    found = asyncio.run(look(timeout, interfaces=interface or []))
    known = [_known_as(each, config) for each in found]
    if as_json:
        typer.echo(json.dumps({"machines": [_as_dict(*each) for each in zip(found, known, strict=True)]}))
    elif found:
        from lmdecode.render.machine import print_found

        print_found(
            [
                (each.name, each.addresses, each.port, each.properties, name or "")
                for each, name in zip(found, known, strict=True)
            ]
        )
        typer.echo("".join(f"\n{line}" for line in _next(found, known)))
    if not found:
        raise CommandError(_NONE)


def _check_address(text: str) -> None:
    from ipaddress import ip_address

    try:
        ip_address(text)
    except ValueError:
        raise UsageError(f"--interface {text[:40]!r} is no address: give one that this computer has") from None


def _known_as(machine: Found, config: Path | None) -> str | None:
    """What the configuration calls a machine; None if it is not there."""
    from lmdecode.config.file import ConfigError, default_paths, load_config, machine_entries, port_of

    path = config or next((each for each in default_paths() if each.is_file()), None)
    if path is None:
        return None
    try:
        entries = machine_entries(load_config(path))
    except ConfigError as error:
        if config is not None:
            raise
        complain(str(error))
        return None
    hosts = {*machine.addresses, machine.host} - {""}
    for _, entry in entries:
        serial = entry.get("serial_number")
        named = isinstance(serial, str) and serial and serial in {machine.name, *machine.properties.values()}
        if named or (entry.get("host") in hosts and port_of(entry) == machine.port):
            return next((str(entry[each]) for each in ("machine_name", "serial_number", "host") if entry.get(each)), "")
    return None


def _next(found: Sequence[Found], known: Sequence[str | None]) -> list[str]:
    """What to do now."""
    import shlex

    from lmdecode.config.file import DEFAULT_PORT
    from lmdecode.render.sentence import printable

    named = [name for name in known if name is not None]
    several = f" --machine {shlex.quote(printable(named[0]))}" if len(named) > 1 else ""
    lines = [f"in the config already; next: lmdecode status{several}"] if named else []
    new = next((each for each, name in zip(found, known, strict=True) if name is None and each.addresses), None)
    if new is not None:
        which = " --machine NAME" if named else ""  # the name that its owner wants it to have
        lines.append(f"{'new' if named else 'next'}: lmdecode config set host {new.addresses[0]}{which}")
        if new.port != DEFAULT_PORT:
            lines.append(f"      lmdecode config set port {new.port}{which}")
    return lines or ["none of them told its address; try again, with a longer --timeout"]


def _as_dict(machine: Found, known: str | None) -> dict[str, object]:
    return {
        "name": machine.name,
        "host": machine.host,
        "addresses": list(machine.addresses),
        "port": machine.port,
        "properties": dict(machine.properties),
        "in_config": known is not None,
    }
