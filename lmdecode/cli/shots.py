"""`lmdecode shots`: the coffees and the hot water in captures."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, say
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption

_FORMATS = Formats(("table", "jsonl", "csv", "csv-safe"), piped="jsonl")


@reports_errors
@over_captures()
def shots(
    given: CaptureOptions,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """List the coffee shots and hot water pours in captures: time, button, duration, volume, temperature.

    Examples:

        lmdecode shots morning.pcap

        lmdecode shots *.pcap --format csv --output shots.csv

        lmdecode shots --join day.pcap* --from 06:00 --to 09:00

    A pulse of the flow meter is about half a millilitre. Temperatures are those of the coffee boiler at the beginning
    and at the end. Water that runs through the group for less than four seconds is a flush. A shot that began before
    the capture or ended after it is listed as far as it was seen, and marked. A shot that only the machine's status or
    counters reveal is marked too.

    Gateway v3 and Bluetooth say themselves what was a shot and what a flush; the cloud tells of both, and lists past
    coffees, marked "history". No shot is listed twice. What a generation does not tell is blank.

    With --from and --to the list has the shots that began in that time. They are shown whole: what was said before and
    after it counts too. With --where, only the messages that meet the condition count.
    """
    from lmdecode.analysis.shots import find_shots
    from lmdecode.app.captures import Captures
    from lmdecode.app.files import text_output
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.shots import as_csv, as_jsonl, as_tables
    from lmdecode.render.terminal import print_parts

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    reading = Captures.with_keys(given.captures, given.asked(), output=output, progress=file_progress)
    found = [shot for shot in find_shots(reading.by_time(every_time=True)) if reading.is_asked(shot.order)]
    verdict = reading.verdict()
    say(verdict)
    if verdict.error is not None:
        raise verdict.error
    with text_output(output) as file:
        if chosen == "table":
            print_parts(as_tables(found), file)
        else:
            in_rows = chosen.startswith("csv")
            file.write(as_csv(found, safe=chosen == "csv-safe") if in_rows else as_jsonl(found))
    if verdict.failed:
        raise typer.Exit(1)
