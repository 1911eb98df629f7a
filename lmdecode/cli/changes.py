"""`lmdecode changes`: what changed in the machine's memory, and when."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.options import (
    CaptureArgument,
    ConfigOption,
    FieldsOption,
    Formats,
    KeysOption,
    MachineOption,
    OutputOption,
    PortOption,
    RangeOption,
    ShowSecretsOption,
)

if TYPE_CHECKING:
    from lmdecode.app.memory import ChangeList

_FORMATS = Formats(("table", "jsonl", "csv", "csv-safe"), piped="jsonl")


@reports_errors
def changes(
    capture: CaptureArgument,
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = None,
    machine: MachineOption = None,
    fields: FieldsOption = None,
    unknown: Annotated[bool, typer.Option("--unknown", help="Only bytes that no register explains.")] = False,
    addresses: RangeOption = None,
    all_: Annotated[
        bool, typer.Option("--all", help="List every single change, including those of the machine's clock.")
    ] = False,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """List the changes of the machine's memory during a capture, each with the event just before it.

    Examples:

        lmdecode changes morning.pcap

        lmdecode changes morning.pcap --unknown

        lmdecode changes morning.pcap --only pump_on,brew_solenoid_on --format csv

    The time is when the new value was first seen; `since` in jsonl is when the old value was last seen. The change
    happened between the two. An event before a change is not necessarily its cause. A number that keeps changing, such
    as a temperature, gets one line for the whole movement; the machine's clock is left out. Times in the table are
    local, or UTC with --utc; in all other formats they are UTC.
    """
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import text_output
    from lmdecode.app.memory import list_changes
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    settings = Settings(tuple(key or ()), config, show_secrets, port)
    sources = MemorySources(settings, machine, output, file_progress)
    with saying(sources):
        source = sources.one_capture(capture)
    found = list_changes(source, fields=fields or (), addresses=addresses, unknown=unknown, everything=all_)
    with text_output(output, private=show_secrets) as file:
        _write(found, chosen, file, show_secrets=show_secrets)
    for line in found.summary:
        echo(line, err=True)
    if sources.complaints:
        raise typer.Exit(1)


def _write(found: ChangeList, chosen: str, file: IO[str], *, show_secrets: bool) -> None:
    from lmdecode.render.changes import ChangeTable, json_lines, write_csv
    from lmdecode.render.terminal import TerminalConsole

    machine = found.source.machine or ""
    if chosen == "table":
        table = ChangeTable(TerminalConsole(file), show_secrets=show_secrets)
        for run in found.runs:
            table.write(run)
    elif chosen.startswith("csv"):
        write_csv(found.runs, machine, file, safe=chosen == "csv-safe", show_secrets=show_secrets)
    else:
        file.writelines(json_lines(found.runs, machine, show_secrets=show_secrets))
