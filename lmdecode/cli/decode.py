"""`lmdecode decode`: decodes captures into messages."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.decoding import FORMATS, decode_captures
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import OutputOption, ShowSecretsOption


class Order(StrEnum):
    """How the records of several captures are put together."""

    FILES = "files"
    TIME = "time"


_CAPTURES = Annotated[
    list[Path],
    typer.Argument(
        metavar="CAPTURE…",
        help="One or more: packets (pcap, pcapng, tshark's JSON), recorded HTTP (mitmproxy's flows, HAR), a debug log "
        "(Home Assistant), or a log of Bluetooth (btsnoop, pklg); `-` is standard input.",
        show_default=False,
    ),
]


@reports_errors
@over_captures(captures=_CAPTURES)
def decode(
    given: CaptureOptions,
    format: Annotated[str | None, FORMATS.option()] = None,
    as_json: Annotated[bool, FORMATS.json_option()] = False,
    output: OutputOption = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            autocompletion=completion.field_names,
            help="Show only these fields, and only messages with at least one of them: `coffee_temp,steam_temp`, "
            "`'mon_*'`.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        Order,
        typer.Option(
            help="Write several captures one after the other (files), or sort the messages of all of them by time."
        ),
    ] = Order.FILES,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=0,
            metavar="N",
            help="Decode N captures at the same time; 0 means one per core. Without this option, captures are decoded "
            "one after the other. Has no effect on a table or with --order time.",
            show_default=False,
        ),
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(
            min=16,
            metavar="MB",
            help="Take about this much memory, whatever the captures hold. Bytes that do not fit are shown early, with "
            "a warning. 256 by default.",
            show_default=False,
        ),
    ] = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show what app and machine said in a capture, in names and units.

    Examples:

        lmdecode decode morning.pcap --config config.json

        lmdecode decode morning.pcap | jq 'select(.fields.coffee_temp) | .fields'

        lmdecode decode *.pcapng --format csv --fields coffee_temp,steam_temp --output temperatures.csv

        lmdecode decode morning.pcap --where kind=write --where sender=app

        lmdecode decode home-assistant.log btsnoop_hci.log --order time --format table

        lmdecode decode --join day.pcap*

        tcpdump -i any -U -w - tcp port 1774 | lmdecode decode -

    Make a capture with `tcpdump -i any -w morning.pcap 'tcp port 1774 or tcp port 8081'` on a router or computer that
    the traffic passes. Machines of today do not speak on these ports: record Home Assistant's debug log or Bluetooth.
    Times in the table are local, or UTC with --utc; in all other formats they are UTC. A damaged frame is shown with
    its problem. The last line, on stderr, sums up everything that was read, shown or not. The ending of --output
    chooses the format, if --format does not: `.jsonl`, `.csv`, `.parquet` or `.pcapng`.

    Conditions; put one that has `<`, `>`, `*` or `!` in it in quotes:

    - `kind=read,write` · `role=report` · `sender=app` · `stream=0` · `source=192.168.1.*` · `machine=kitchen`

    - `generation=v3,lion` (v1, v3, cloud1, lion, bluetooth) · `'subject=*dashboard*'`, of the newer generations

    - `name=coffee_temp`, `'name=mon_*'`: messages that read or write this value, requests included

    - `address=0x401C`, `address=0x4000-0x4022`: messages that read or write any of these bytes

    - `time=02:55..02:57` (of each day), `time=2026-11-21T02:55..`: as the table shows times, or with a zone, `02:55Z`;
    a time means the whole minute or second that it names

    - `problems`, `problems=no`, `ok=no`, `'elapsed>0.5'`

    - `'coffee_temp>95'`, `coffee_temp=90..95`, `power=yes`, `'prebrew_flag!=off'`, `heating_state=pump_on`: fields

    A comma means "or". `!=` is the opposite of `=`, but on a field it matches only messages that have the field.
    """
    asked = given.asked(show_secrets=show_secrets, chosen_fields=_names(fields or []))
    by_time = order is Order.TIME
    if decode_captures(
        given.captures,
        asked,
        format=format,
        as_json=as_json,
        output=output,
        by_time=by_time,
        jobs=jobs,
        memory=memory,
    ):
        raise typer.Exit(1)


def _names(fields: list[str]) -> tuple[str, ...]:
    """The names of the fields, checked."""
    if not fields:
        return ()
    from lmdecode.analysis.columns import FieldNameError, chosen_fields

    try:
        return chosen_fields(fields)
    except FieldNameError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from None
