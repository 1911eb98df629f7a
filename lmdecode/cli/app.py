"""The parser: which commands there are. Only the one that is asked for is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Final

import typer

from lmdecode import __version__

COMMANDS: Final = {
    "changes": "changes:changes",
    "config": "config:app",
    "credentials": "credentials:credentials",
    "decode": "decode:decode",
    "diff": "diff:diff",
    "discover": "discover:discover",
    "explain": "explain:explain",
    "harvest": "harvest:harvest",
    "identify": "identify:identify",
    "keys": "keys_check:app",
    "login": "login:login",
    "memory": "memory:memory",
    "registers": "registers:registers",
    "replay": "replay:replay",
    "report": "report:report",
    "scan": "scan:scan",
    "send": "send:app",
    "shots": "shots:shots",
    "simulate": "simulate:simulate",
    "status": "status:status",
    "unknowns": "unknowns:unknowns",
    "watch": "watch:watch",
    "wireshark-plugin": "wireshark:wireshark_plugin",
}
"""By name: the module in this folder, and the function in it, or the group of commands."""

_HELP: Final = """Understand the local network protocol of La Marzocco espresso machines.

Start with one of these:

- `lmdecode decode morning.pcap` shows what app and machine said
- `lmdecode report morning.pcap -o report.html` makes a page of it to look at
- `lmdecode harvest` finds your machine's key while you log in on your phone
- `lmdecode identify morning.pcap` says what can be said without the machine's key
- `lmdecode explain R401C000403BC04D8B6` takes one message apart
- `lmdecode registers coffee` looks up the memory map
- `lmdecode status`, `send`, `watch`: your machine, live; `lmdecode simulate` is one to try that on

Each command explains itself: `lmdecode decode --help`.
"""


def make_app(arguments: Sequence[str]) -> typer.Typer:
    """The parser for a command line: with the one command that it names, or with all, so that they can be listed."""
    app = typer.Typer(
        name="lmdecode",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=_HELP,
        callback=_root,
    )
    asked = arguments[0] if arguments else ""
    for name in [asked] if asked in COMMANDS else COMMANDS:
        module, _, function = COMMANDS[name].partition(":")
        command = getattr(import_module(f"lmdecode.cli.{module}"), function)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lmdecode {__version__}")
        raise typer.Exit


def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stand for the options that come before a command."""
