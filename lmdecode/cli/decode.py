"""`lmdecode decode`: decodes captures into messages."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.errors import reports_errors, say_how_it_went
from lmdecode.cli._common.options import Formats, OutputOption, ShowSecretsOption
from lmdecode.render.records import Style, Writer, format_named, format_names

if TYPE_CHECKING:
    from lmdecode.app.asked import Asked, Opened
    from lmdecode.app.decode import Outcome
    from lmdecode.capture.net.packet import Packet
    from lmdecode.codec.record import Record
    from lmdecode.codec.speakers import Speakers


class Order(StrEnum):
    """How the records of several captures are put together."""

    FILES = "files"
    TIME = "time"


_FORMATS = Formats(format_names(), piped="jsonl")


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
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
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
    import gc

    from lmdecode.app.decode import Outcome, in_order, outcomes_of
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.app.output import open_output, open_writer

    gc.set_threshold(100_000)  # records are no cycles: to look for some at every 700th takes a twentieth of the time
    asked = given.asked(show_secrets=show_secrets, chosen_fields=_names(fields or []))
    opened = asked.opened()
    speakers = opened.speakers
    paths = expanded(given.captures)
    name = _FORMATS.chosen(format, as_json=as_json, output=output)
    chosen = format_named(name)
    join = asked.join
    several = len(paths) > 1 and not join
    style = Style(asked.fields, several=several, captions=several and order is Order.FILES)
    refuse_to_overwrite(output, [*paths, Path(opened.origin)])
    if join and (order is Order.TIME or chosen.of_packets):
        raise typer.BadParameter(f"--join goes with neither --order time nor {name}: mergecap -w NEW.pcapng FILE…")
    outcomes = outcomes_of(paths) if several else [Outcome(path) for path in (in_order(paths) if join else paths)]
    for outcome in outcomes:  # sorted by time they are all open at once
        outcome.memory = (outcome.memory if memory is None else memory << 20) // (
            len(outcomes) if order is Order.TIME else 1
        )
    if chosen.of_packets:
        if asked.chooses or order is Order.TIME:
            left_out = "--machine, --where, --from, --to, --fields and --order"
            raise typer.BadParameter(f"{name} has every packet as it was: leave {left_out} out")
        with open_output(name, chosen, output, private=show_secrets) as file:
            _annotate(outcomes, speakers, file)
            failed = say_how_it_went(outcomes, speakers, asked)
    else:
        with open_writer(name, chosen, output, style, private=show_secrets) as writer:
            _decode(outcomes, asked, opened, writer, name, style, order=order, jobs=jobs, output=output)
            writer.flush()
            failed = say_how_it_went(outcomes, speakers, asked)
    if failed:
        raise typer.Exit(1)


def _decode(
    outcomes: list[Outcome],
    asked: Asked,
    opened: Opened,
    writer: Writer,
    name: str,
    style: Style,
    *,
    order: Order,
    jobs: int | None,
    output: Path | None,
) -> None:
    """Write what the user wants to see of all captures: together, in several processes, or one by one."""
    from lmdecode.app.files import is_live
    from lmdecode.app.output import decode_onto
    from lmdecode.cli._common.progress import progress_bar

    live = any(is_live(Path(outcome.name)) for outcome in outcomes)
    if asked.join or order is Order.TIME:
        _together(outcomes, asked, opened, writer, live=live)
        return
    workers = min(os.cpu_count() or 1 if jobs == 0 else jobs or 1, len(outcomes))
    if workers > 1 and format_named(name).joinable and not live:  # what is live cannot be opened in another process
        from lmdecode.app.jobs import decode_in_processes

        outcomes[:] = decode_in_processes(outcomes, workers, name, style, asked, writer)
        return
    for outcome in outcomes:
        path = Path(outcome.name)
        writer.begin(outcome.name)
        with progress_bar(path, onto_terminal=output is None and sys.stdout.isatty()) as progress:
            decode_onto(writer, outcome, asked, opened, live=is_live(path), progress=progress)


def _names(fields: list[str]) -> tuple[str, ...]:
    """The names of the fields, checked."""
    if not fields:
        return ()
    from lmdecode.analysis.columns import FieldNameError, chosen_fields

    try:
        return chosen_fields(fields)
    except FieldNameError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from None


def _together(outcomes: list[Outcome], asked: Asked, opened: Opened, writer: Writer, *, live: bool) -> None:
    """Write the messages of all captures by time, or as those of the pieces of one capture."""
    from lmdecode.app.asked import Choice
    from lmdecode.app.decode import joined, merged

    records = (joined if asked.join else merged)(outcomes, opened.speakers)
    for record in Choice(asked, opened, outcomes[0]).of(records):  # one outcome counts for all, whichever it is
        writer.write(record)
        if live:
            writer.flush()


def _annotate(outcomes: list[Outcome], speakers: Speakers, file: object) -> None:
    """Write all packets of some captures, one capture after the other, into one pcapng with comments."""
    from lmdecode.app.decode import read_packets
    from lmdecode.cli._common.progress import progress_bar
    from lmdecode.render.records import pcapng

    def packets() -> Iterator[tuple[Packet | None, list[Record]]]:
        for outcome in outcomes:
            with progress_bar(Path(outcome.name), onto_terminal=False) as progress:
                yield from read_packets(outcome, speakers, progress=progress)

    pcapng.write(cast("BinaryIO", file), packets())
