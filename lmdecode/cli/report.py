"""`lmdecode report`: makes one HTML page of captures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import UsageError
from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, say


@reports_errors
@over_captures()
def report(
    given: CaptureOptions,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="The HTML file to write, which has to be named; `-` is standard output.",
            show_default=False,
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The headline of the page.", show_default=False)
    ] = None,
) -> None:
    """Make one HTML page of captures, to open in a browser: temperatures, shots, writes, messages and memory.

    Examples:

        lmdecode report morning.pcap --output report.html

        lmdecode report monday.pcap tuesday.pcap --output days.html --title "Two days"

        lmdecode report --join day.pcap* --output morning.html --from 06:00 --to 09:00

    The page needs no network and sends nothing. It contains what the machine said, including its serial number, but
    neither the key nor the machine's cloud account.

    With --from and --to the page is about that time. It has the shots that began in it, and what was switched on or set
    before it is known. With --where, only the messages that meet the condition count.
    """
    from lmdecode.app.captures import Captures
    from lmdecode.app.files import STDIN, whole_file
    from lmdecode.app.report import make_report
    from lmdecode.cli._common.progress import file_progress

    if output is None:
        raise UsageError("no name for the page: add --output report.html, or --output - for standard output")
    file = None if output == STDIN else output
    if file is None and sys.stdout.isatty():
        raise UsageError("a page cannot be shown in a terminal: name a file, --output report.html")
    reading = Captures.with_keys(given.captures, given.asked(), output=file, progress=file_progress)
    made = make_report(reading, title=title, output=file)
    say(made.verdict)
    if made.page is not None:
        if file is None:
            sys.stdout.buffer.write(made.page.encode("utf-8"))
        else:
            with whole_file(file) as opened:
                opened.write(made.page)
    if made.error is not None:
        raise made.error
    if made.verdict.failed:
        raise typer.Exit(1)
