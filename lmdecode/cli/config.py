"""`lmdecode config`: the configuration file, shown, checked, changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmdecode.app.errors import UsageError
from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, failures_as_json, reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import ConfigOption, JsonOption, MachineEntryOption, number
from lmdecode.cli._common.prompt import asked, encodable, is_somebody_there, line_from_stdin, quoted
from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from lmdecode.config.check import Problem

app = typer.Typer(
    help="Show, check or change config.json.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


_FORMATS = Formats(("text", "json"), piped="text", shown="text")


@app.command("show")
@reports_errors
def show(
    config: ConfigOption = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Leave keys and passwords readable.")] = False,
) -> None:
    """Show the configuration; secrets are shown as `**` unless you ask for them."""
    from lmdecode.app.config import load, masked

    loaded = load(config)
    entries = loaded.entries if show_secrets else masked(loaded.entries)
    if _FORMATS.chosen(format, as_json=as_json, output=None) == "json":
        echo_json(entries, indent=2, ascii_only=True)
        return
    echo(f"{loaded.path}")
    for line in _lines(entries, "  "):
        echo(line)


@app.command("get")
@reports_errors
def get(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=completion.config_entry,
            help="host, port, key, machine_name, machine, mqtt.host, client_id, …",
            show_default=False,
        ),
    ],
    config: ConfigOption = None,
    machine: MachineEntryOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the value as JSON.")] = False,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Leave keys and passwords readable.")] = False,
) -> None:
    """Show one entry of the configuration; a secret is shown as `**` unless you ask for it.

    Examples:

        lmdecode config get host

        lmdecode config get key --machine kitchen --show-secrets
    """
    from lmdecode.app.config import get_entry, load, masked

    value = get_entry(load(config), name, machine)
    last = name.replace("-", "_").rpartition(".")[2]
    shown = value if show_secrets else masked({last: value})[last]
    if as_json:
        echo_json(shown, ascii_only=True)
    else:
        echo(quoted(shown if isinstance(shown, str) else json.dumps(shown)))


@app.command("check")
@reports_errors
def check(
    config: ConfigOption = None,
    machine: MachineEntryOption = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, max=60, callback=number, help="Seconds to wait for a machine's connection.")
    ] = 3,
    offline: Annotated[bool, typer.Option("--offline", help="Do not check whether the machine is reachable.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that the config is readable by you alone, that nothing in it is wrong, and that each machine is reachable.

    Examples:

        lmdecode config check

        lmdecode config check --machine kitchen --offline

    The command names the line and the entry of each problem: an invalid key, a machine without an address, an unknown
    name. The exit code is 1 if anything is wrong. To see whether a machine is reachable, the command opens a connection
    and closes it at once; it sends nothing.
    """
    from lmdecode.app.config import check, load, reach

    with failures_as_json(as_json):
        loaded = load(config)
        found, keys, tokens = check(loaded, machine)
        reached = [] if offline else [*reach(loaded, machine, timeout=timeout)]
    wrong = [each for each in found if not each.note]
    absent = [each for each in reached if each.why_not]
    if as_json:
        echo_json(
            {
                "path": str(loaded.path),
                "ok": not wrong and not absent,
                "machines_with_key": keys,
                "machines_with_token": tokens,
                "problems": [_as_json(each) for each in wrong],
                "notes": [_as_json(each) for each in found if each.note],
                "reached": [
                    {"machine": name or None, "host": host, "port": port, "why_not": why_not or None}
                    for name, host, port, why_not in reached
                ],
            },
            ascii_only=True,
        )
    else:
        for each in found:
            if each.note:
                echo(f"lmdecode: {each}", err=True)
            else:
                complain(str(each))
        for there in reached:
            what = f"{f'{there.name}: ' if there.name else ''}{there.host}:{there.port}"
            if there.why_not:
                complain(f"{loaded.path}: {what} {there.why_not}")
            else:
                echo(f"{what} answers")
    if wrong or absent:
        raise typer.Exit(1)
    if not as_json:
        counted = [(keys, "a key"), (tokens, "a Bluetooth token")]
        have = [f"{count} machine{'' if count == 1 else 's'} with {what}" for count, what in counted if count]
        echo(f"{loaded.path}: {', '.join([*have, 'nothing wrong'])}")


def _as_json(problem: Problem) -> dict[str, object]:
    return {"line": problem.line, "entry": problem.entry or None, "complaint": problem.text}


@app.command("set")
@reports_errors
def set_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=completion.config_entry,
            help="host, port, key, machine_name, machine, mqtt.host, client_id, …",
            show_default=False,
        ),
    ],
    value: Annotated[
        str | None,
        typer.Argument(
            metavar="VALUE",
            help="The new value. Leave it out for a secret: you are asked for it, or it is read from standard input.",
        ),
    ] = None,
    config: ConfigOption = None,
    machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.machine,
            help="Change this machine: its name, serial number or address. A new name adds a machine.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Set an entry that lmdecode does not know, for another program.")
    ] = False,
) -> None:
    """Change one entry of the configuration.

    Examples:

        lmdecode config set host 192.168.1.215

        lmdecode config set key

        lmdecode config set host 192.168.1.216 --machine kitchen

        lmdecode config set machine kitchen

    The last one says which machine is meant where several are in the file and `--machine` is not given. Without a
    config.json, a new one is made in your config folder, which only you can read.
    """
    from lmdecode.app.config import path_to_change, set_entry
    from lmdecode.config.names import is_secret

    secret = is_secret(name.replace("-", "_").rpartition(".")[2])
    if secret:
        if value is not None:
            raise UsageError(
                f"{name} is a secret, and others can see a command line: leave the value out, and you are asked for it"
            )
        value = asked(name, hidden=True) if is_somebody_there() else line_from_stdin(f"the {name}")
        if not value:
            raise UsageError(
                f"no {name} was given: type it when asked, or send it in: lmdecode config set {name} < FILE"
            )
    if not value:
        raise UsageError(f"no value is given: lmdecode config set {name} VALUE")
    for what, text in (("the name", name), ("the value", value), ("--machine", machine or "")):
        encodable(text, what)
    path = path_to_change(config)
    which = set_entry(path, name, value, machine=machine, force=force)
    echo(f"{path}: {name} {which}is {'set' if secret else quoted(value)}")


def _lines(entries: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in entries.items():
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            lines.append(f"{indent}{printable(name)}")
            for number, each in enumerate(value, 1):
                lines += [f"{indent}  {number}", *_lines(each, f"{indent}    ")]
        else:
            shown = value if isinstance(value, str) else json.dumps(value)
            lines.append(f"{indent}{printable(name)}: {quoted(shown)}")
    return lines
