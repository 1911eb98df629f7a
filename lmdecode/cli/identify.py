"""`lmdecode identify`: says which generation speaks in a capture and what it probably holds, without the key."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption

_FORMATS = Formats(("table", "json"), piped="table")


@reports_errors
@over_captures(without={"key": "It says what can be said without any key."})
def identify(
    given: CaptureOptions,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Say which generation of machines speaks in a capture and what it holds, without any key.

    Examples:

        lmdecode identify morning.pcap

        lmdecode identify morning.pcap --json | jq '.groups[] | {seen, period, candidates}'

    The generations after v1 need no key: of each connection this shows the generation, what it says of the machine, and
    what its messages are about. v1 is encrypted, and then this can only guess from who talks, how much and how often.
    Encryption hides neither the size of a message nor that two messages are equal. The candidates come from this, from
    the sizes of all known messages, and from the order in which a known app asks; the table gives the reason. `only
    fit`: no other known message has this size. `best fit`: other known messages have this size, but the order favours
    this one. `fits`: several known messages have this size, and the order favours none. Any of these may still be an
    unknown message.

    As nothing is decrypted, --where takes only conditions on what is not encrypted, such as `stream=0`,
    `source=192.168.1.*` or `sender=app`, and --machine knows a machine by the address that the config has for it.
    """
    from lmdecode.app.captures import Captures
    from lmdecode.app.files import text_output
    from lmdecode.app.identify import identify as identified
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.identification import as_dict, as_tables
    from lmdecode.render.terminal import print_parts

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    found = identified(Captures.without_keys(given.captures, given.asked(), output=output, progress=file_progress))
    if found.spoken:
        with text_output(output) as file:
            if chosen == "json":
                file.write(f"{json.dumps(as_dict(found.result, found.spoken), ensure_ascii=False)}\n")
            else:
                print_parts(as_tables(found.result, found.spoken), file)
    for complaint in found.complaints:
        complain(complaint)
    if found.note:
        echo(found.note, err=True)
    if found.error is not None:
        raise found.error
    if found.complaints:
        raise typer.Exit(1)
