"""`lmdecode report`: makes one HTML page of captures."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import UsageError
from lmdecode.cli._common.errors import reports_errors, say
from lmdecode.cli._common.options import CapturesArgument, ConfigOption, KeysOption, PortOption


@reports_errors
def report(
    captures: CapturesArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="The HTML file to write; `-` is standard output.", show_default=False
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: PortOption = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The headline of the page.", show_default=False)
    ] = None,
) -> None:
    """Make one HTML page of captures, to open in a browser: temperatures, shots, writes, messages and memory.

    Examples:

        lmdecode report morning.pcap -o report.html

        lmdecode report monday.pcap tuesday.pcap -o days.html --title "Two days"

    The page needs no network and sends nothing. It contains what the machine said, including its serial number, but
    neither the key nor the machine's cloud account.
    """
    from lmdecode.app.captures import Captures
    from lmdecode.app.decode import Settings
    from lmdecode.app.files import STDIN, whole_file
    from lmdecode.app.report import make_report
    from lmdecode.cli._common.progress import file_progress

    file = None if output == STDIN else output
    if file is None and sys.stdout.isatty():
        raise UsageError("a page cannot be shown in a terminal: name a file, --output report.html")
    settings = Settings(tuple(key or ()), config, port=port)
    reading = Captures.with_keys(captures, settings, output=file, progress=file_progress)
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
