"""`lmdecode keys check`: which key fits which connection."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption
from lmdecode.codec.printable import printable

if TYPE_CHECKING:
    from lmdecode.app.identify import KeyTrial


class _Keys(TyperGroup):
    """The group, which has one command: whoever leaves it out is told what to type."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- Typer's click, wherever that is
        """Finds the command that the first word names."""
        try:
            return super().resolve_command(ctx, args)
        except Exception as error:
            if hasattr(error, "message") and "Did you mean" not in str(error.message):
                error.message = (
                    f"No such command {args[0]!r}. To try the keys: lmdecode keys check {shlex.quote(args[0])}"
                )
            raise


app = typer.Typer(
    cls=_Keys,
    help="Find out which of your keys fits a capture: `lmdecode keys check morning.pcap`.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_FORMATS = Formats(("table", "json"), piped="table")


@app.callback()
def _keys() -> None:
    """Stand for the group, which would otherwise be its only command."""


@app.command("check")
@reports_errors
@over_captures(without={"handles": "The keys are those of v1, and Bluetooth needs none."})
def check(
    given: CaptureOptions,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Find out for each connection of a capture which key fits, and how many of its frames it decrypts.

    Examples:

        lmdecode keys check morning.pcap

        lmdecode keys check morning.pcap --config config.json --json

        lmdecode keys check morning.pcap --key OLD_KEY --key NEW_KEY

    A frame counts as decrypted if the result is a message with a valid check byte. The exit code is 1 if a connection
    has frames and no key fits them. The keys themselves are never shown, only the names that config.json has for their
    machines.

    --machine chooses the connections that the machine's key fits; if no key fits, those with its address. --where takes
    only conditions on what is not encrypted, such as `stream=0`, `source=192.168.1.*` or `sender=app`.
    """
    from lmdecode.app.files import text_output
    from lmdecode.app.identify import check_keys
    from lmdecode.cli._common.progress import file_progress

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    found = check_keys(given.captures, given.asked(), output=output, progress=file_progress)
    if chosen == "json" or found.connections:
        with text_output(output) as file:
            if chosen == "json":
                file.write(json.dumps([_as_dict(each) for each in found.connections], indent=2) + "\n")
            else:
                file.writelines(f"{line}\n" for line in _lines(found.connections, several=found.several))
    for complaint in found.complaints:
        complain(complaint)
    if found.note:
        echo(found.note, err=True)
    if found.error is not None:
        raise found.error
    if found.complaints:
        raise typer.Exit(1)


def _as_dict(connection: KeyTrial) -> dict[str, object]:
    name, decrypted = connection.best
    return {
        "capture": str(connection.capture),
        "stream": connection.stream,
        "app": connection.app,
        "machine": connection.machine,
        "frames": connection.frames,
        "key": name,
        "decrypted": decrypted,
    }


def _lines(connections: Sequence[KeyTrial], *, several: bool) -> Iterator[str]:
    capture = None
    for each in connections:
        if several and each.capture != capture:
            capture = each.capture
            yield printable(str(capture))
        yield f"connection {each.stream}: app {printable(each.app)} ↔ machine {printable(each.machine)}"
        name, decrypted = each.best
        if name is not None:
            yield f"  {printable(name)} decrypts {decrypted:,} of {each.frames:,} frames"
        else:
            yield f"  no key decrypts any of its {each.frames:,} frames" if each.frames else "  no whole frame"
