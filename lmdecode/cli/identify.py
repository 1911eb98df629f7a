"""`lmdecode identify`: what can be said of a capture without the key."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.options import CapturesArgument, Formats, OutputOption, PortOption

_FORMATS = Formats(("table", "json"), piped="table")


@reports_errors
def identify(
    captures: CapturesArgument,
    port: PortOption = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Say what a capture is likely to hold, without any key: who talks, how much, how often, and what it may be.

    Examples:

        lmdecode identify morning.pcap

        lmdecode identify morning.pcap --json | jq '.groups[] | {seen, period, candidates}'

    Messages are encrypted, but not their size, and equal messages look alike. What is said to be likely rests on that,
    on the messages that are known, and on the order in which a known app asks; the table says which. `only fit`: no
    other known message has this size. `best fit`: others have it, but the order speaks for this one. `fits`: nothing
    speaks for one of them. Each of them may be a message that nobody knows.
    """
    from lmdecode.app.captures import Captures
    from lmdecode.app.files import text_output
    from lmdecode.app.identify import identify as identified
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.identification import as_dict, as_tables
    from lmdecode.render.terminal import print_parts

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    found = identified(Captures.without_keys(captures, port, output=output, progress=file_progress))
    if found.result.connections:
        with text_output(output) as file:
            if chosen == "json":
                file.write(f"{json.dumps(as_dict(found.result), ensure_ascii=False)}\n")
            else:
                print_parts(as_tables(found.result), file)
    for complaint in found.complaints:
        complain(complaint)
    if found.note:
        typer.echo(found.note, err=True)
    if found.error is not None:
        raise found.error
    if found.complaints:
        raise typer.Exit(1)
