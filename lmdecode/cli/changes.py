"""`lmdecode changes`: what changed in the machine's memory or among its named values, and when."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import FieldsOption, OutputOption, RangeOption, ShowSecretsOption

if TYPE_CHECKING:
    from lmdecode.app.memory import ChangeList

_FORMATS = Formats(("table", "jsonl", "csv", "csv-safe"), piped="jsonl")


@reports_errors
@over_captures()
def changes(
    given: CaptureOptions,
    fields: FieldsOption = None,
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Only bytes that no register explains, and names without a meaning.")
    ] = False,
    addresses: RangeOption = None,
    all_: Annotated[
        bool, typer.Option("--all", help="List every single change, including those of the machine's clock.")
    ] = False,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """List the changes of the machine's memory and values during captures, each with the event just before it.

    Examples:

        lmdecode changes morning.pcap

        lmdecode changes morning.pcap --unknown

        lmdecode changes morning.pcap --only pump_on,brew_solenoid_on --format csv

        lmdecode changes --join day.pcap* --from 06:00 --to 07:00

    The time is when the new value was first seen; `since` in jsonl is when the old value was last seen. The change
    happened between the two. An event before a change is not necessarily its cause. A number that keeps changing, such
    as a temperature, gets one line for the whole movement; the machine's clock is left out. Times in the table are
    local, or UTC with --utc; in all other formats they are UTC.

    Gateway v3, the cloud and Bluetooth speak of names and not of addresses: the list has the values that changed, and
    the names that lmdecode does not know when they appear or change. --unknown lists only these names.

    Several captures are read as one story, in the order of time. With --from and --to the list has the changes of that
    time; what was known before it counts as the old value. With --where, only the messages that meet the condition
    count.
    """
    from lmdecode.app.files import text_output
    from lmdecode.app.memory import list_changes
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    sources = MemorySources(given.asked(show_secrets=show_secrets), output, file_progress)
    with saying(sources):
        source = sources.one_capture(given.captures)
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
