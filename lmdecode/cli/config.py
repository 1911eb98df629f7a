"""`lmdecode config`: the configuration file, shown, checked, changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from lmdecode.app.errors import UsageError
from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import ConfigOption, Formats
from lmdecode.cli._common.prompt import asked, encodable, is_somebody_there, line_from_stdin, quoted
from lmdecode.codec.printable import printable

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


@app.command("check")
@reports_errors
def check(
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not check whether the machine is reachable.")] = False,
) -> None:
    """Check that the config is readable by you alone, that its key is valid, and that the machine is reachable.

    The exit code is 1 if anything is wrong. To see whether the machine is reachable, a connection is opened and closed
    at once; nothing is sent.
    """
    from lmdecode.app.config import check, load, reach

    loaded = load(config)
    wrong, machines = check(loaded)
    for each in () if offline else reach(loaded):
        if each.why_not:
            wrong.append(f"{each.what}{printable(each.host)}:{each.port} {each.why_not}")
        else:
            echo(f"{each.what}{each.host}:{each.port} answers")
    for problem in wrong:
        complain(f"{loaded.path}: {problem}" if str(loaded.path) not in problem else problem)
    if wrong:
        raise typer.Exit(1)
    echo(f"{loaded.path}: {machines} machine{'' if machines == 1 else 's'} with a key, nothing wrong")


@app.command("set")
@reports_errors
def set_(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            autocompletion=completion.config_entry,
            help="host, port, key, client_id, …",
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
            help="Change this machine in the list of machines; a new name adds a machine.",
        ),
    ] = None,
) -> None:
    """Change one entry of the configuration.

    Examples:

        lmdecode config set host 192.168.1.215

        lmdecode config set key

        lmdecode config set host 192.168.1.216 --machine kitchen
    """
    from lmdecode.app.config import path_to_change, set_entry
    from lmdecode.config.file import is_secret

    if is_secret(name):
        if value is not None:
            raise UsageError(f"{name} is a secret, and others can see a command line: leave the value out")
        value = asked(name, hidden=True) if is_somebody_there() else line_from_stdin(f"the {name}")
    if not value:
        raise UsageError(f"no value is given: lmdecode config set {name} VALUE")
    for what, text in (("the name", name), ("the value", value), ("--machine", machine or "")):
        encodable(text, what)
    path = path_to_change(config)
    set_entry(path, name, value, machine=machine)
    echo(f"{path}: {name} is {'set' if is_secret(name) else quoted(value)}")


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
