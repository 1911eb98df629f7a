"""`lmdecode config`: the configuration file, shown, checked, changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import ConfigOption
from lmdecode.cli._common.prompt import asked, encodable, is_somebody_there, line_from_stdin, printable

if TYPE_CHECKING:
    from pathlib import Path

    from lmdecode.config.file import Config

_REACH_TIMEOUT = 3.0  # seconds

app = typer.Typer(
    help="Show, check or change config.json.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ShowFormat(StrEnum):
    """How the configuration is shown."""

    TEXT = "text"
    JSON = "json"


@app.command("show")
@reports_errors
def show(
    config: ConfigOption = None,
    format: Annotated[ShowFormat, typer.Option("--format", "-f", help="How to write it.")] = ShowFormat.TEXT,
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="Leave keys and passwords readable.")] = False,
) -> None:
    """Show what the configuration has; secrets as `**` unless you ask for them."""
    loaded = _load(config)
    entries = loaded.entries if show_secrets else _masked(loaded.entries)
    if format is ShowFormat.JSON:
        typer.echo(json.dumps(entries, indent=2))
        return
    typer.echo(f"{loaded.path}")
    for line in _lines(entries, "  "):
        typer.echo(line)


@app.command("check")
@reports_errors
def check(
    config: ConfigOption = None,
    offline: Annotated[bool, typer.Option("--offline", help="Do not try whether the machine is there.")] = False,
) -> None:
    """Check the configuration: is it readable, only by you; is the key one; is the machine there.

    The exit code is 1 if anything is wrong. To see whether the machine is there a connection is opened and closed at
    once; nothing is sent.
    """
    from lmdecode.config.file import machine_entries, port_of, problems

    loaded = _load(config)
    wrong = problems(loaded)
    machines = 0 if wrong else len(loaded.machines())
    for what, entry in machine_entries(loaded):
        host, port = entry.get("host"), port_of(entry)
        if offline or not isinstance(host, str) or not host or port is None:
            continue
        failure = _unreachable(host, port)
        if failure:
            wrong.append(f"{what}{printable(host)}:{port} {failure}")
        else:
            typer.echo(f"{what}{host}:{port} answers")
    for problem in wrong:
        complain(f"{loaded.path}: {problem}" if str(loaded.path) not in problem else problem)
    if wrong:
        raise typer.Exit(1)
    typer.echo(f"{loaded.path}: {machines} machine{'' if machines == 1 else 's'} with a key, nothing wrong")


@app.command("set")
@reports_errors
def set_(
    name: Annotated[str, typer.Argument(help="host, port, key, client_id, …", show_default=False)],
    value: Annotated[
        str | None, typer.Argument(help="Not for secrets: those are asked for, or read from standard input.")
    ] = None,
    config: ConfigOption = None,
    machine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the machines in the list, the one to change; added if it is new."),
    ] = None,
) -> None:
    """Change one entry of the configuration.

    Examples:

        lmdecode config set host 192.168.1.215

        lmdecode config set key

        lmdecode config set host 192.168.1.216 --machine kitchen
    """
    from lmdecode.config.file import default_paths, is_secret
    from lmdecode.config.store import change

    if is_secret(name):
        if value is not None:
            raise CommandError(f"{name} is a secret, and others can see a command line: leave the value out")
        value = asked(name, hidden=True) if is_somebody_there() else line_from_stdin(f"the {name}")
    if not value:
        raise CommandError(f"no value: lmdecode config set {name} VALUE")
    for what, text in (("the name", name), ("the value", value), ("--machine", machine or "")):
        encodable(text, what)
    _check(name, value)
    path = config or next((each for each in default_paths() if each.is_file()), default_paths()[-1])
    if config is None:
        path.parent.mkdir(parents=True, exist_ok=True)
    change(path, lambda entries: _put(entries, name, value, machine))
    typer.echo(f"{path}: {name} is {'set' if is_secret(name) else printable(value)}")


def _check(name: str, value: str) -> None:
    """See to it that a value can be what its name says."""
    from lmdecode.codec.v1.key import Key
    from lmdecode.codec.v1.memory_map import MODELS
    from lmdecode.config.file import port_of

    if name == "key":
        Key.parse(value)
    elif name == "port" and port_of({"port": value}) is None:
        raise CommandError(f"{value!r} is not a port: it should be 1774")
    elif name == "model_name" and value not in MODELS:
        raise CommandError(f"{value!r} is no model that is known: {', '.join(MODELS)}")
    elif name == "machines":
        raise CommandError("machines is a list: change a machine with --machine NAME")


def _put(entries: dict[str, Any], name: str, value: str, machine: str | None) -> None:
    if machine is None:
        entries[name] = value
        return
    listed = entries.setdefault("machines", [])
    for entry in listed if isinstance(listed, list) else []:
        if isinstance(entry, dict) and machine in (entry.get("machine_name"), entry.get("serial_number")):
            entry[name] = value
            return
    if not isinstance(listed, list):
        raise CommandError('"machines" is not a list: mend the file first')
    listed.append({"machine_name": machine, name: value})


def _load(config: Path | None) -> Config:
    from lmdecode.config.file import default_paths, load_config

    if config is not None:
        return load_config(config)
    for path in default_paths():
        if path.is_file():
            return load_config(path)
    raise CommandError(f"there is no config.json here, nor at {default_paths()[-1]}: lmdecode login makes one")


def _masked(value: Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
    from lmdecode.codec.record import MASK
    from lmdecode.config.file import is_secret

    if isinstance(value, Mapping):
        return {
            name: MASK if is_secret(name) and each not in (None, "", [], {}) else _masked(each)
            for name, each in value.items()
        }
    return [_masked(each) for each in value] if isinstance(value, list) else value


def _lines(entries: Mapping[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for name, value in entries.items():
        if isinstance(value, list) and value and all(isinstance(each, Mapping) for each in value):
            lines.append(f"{indent}{printable(name)}")
            for number, each in enumerate(value, 1):
                lines += [f"{indent}  {number}", *_lines(each, f"{indent}    ")]
        else:
            shown = value if isinstance(value, str) else json.dumps(value)
            lines.append(f"{indent}{printable(name)}: {printable(shown)}")
    return lines


def _unreachable(host: str, port: int) -> str:
    """Why a machine cannot be connected to; empty if it can."""
    import socket

    try:
        with socket.create_connection((host, port), timeout=_REACH_TIMEOUT):
            return ""
    except TimeoutError:
        return "does not answer: is it on, and in this network?"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error}): is it on, and the address right?"
    except ValueError:  # so Python says of what has no form of a name at all
        return "is no address: it should be one such as 192.168.1.215"
