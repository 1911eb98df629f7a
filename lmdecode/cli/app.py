"""The parser: which commands there are. What each needs is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode import __version__
from lmdecode.cli import decode, explain, registers, wireshark

__all__ = ["app"]

app = typer.Typer(
    name="lmdecode",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Understand the local network protocol of La Marzocco espresso machines.

Start with one of these:

- `lmdecode decode morning.pcap` shows what app and machine said
- `lmdecode explain R401C000403BC04D8B6` takes one message apart
- `lmdecode registers coffee` looks up the memory map

Each command explains itself: `lmdecode decode --help`.
""",
)
app.command("decode")(decode.decode)
app.command("explain")(explain.explain)
app.command("registers")(registers.registers)
app.command("wireshark-plugin")(wireshark.wireshark_plugin)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lmdecode {__version__}")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Stand for the options that come before a command."""
