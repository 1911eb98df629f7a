"""`lmdecode decode`: captures in, messages out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.app.writers import JOINABLE, Format, Style, Writer, default_format, open_output, open_writer
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption, OutputOption, ShowSecretsOption

if TYPE_CHECKING:
    from lmdecode.app.decode import Outcome, Settings
    from lmdecode.codec.v1.decoder import Decoder


class Order(StrEnum):
    """How the records of several captures are put together."""

    FILES = "files"
    TIME = "time"


@reports_errors
def decode(
    captures: Annotated[
        list[Path],
        typer.Argument(
            metavar="CAPTURE",
            help="pcap, pcapng, an export of tshark's (-T json, ek, jsonraw) or lmdirect's log; `-` is standard input.",
            show_default=False,
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    format: Annotated[
        Format | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
    output: OutputOption = None,
    fields: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="Show these fields only, and only messages that have one: `coffee_temp,steam_temp`, `'mon_*'`.",
            show_default=False,
        ),
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Show only messages that fulfil it; with several of these, all of them. See below.",
            show_default=False,
        ),
    ] = None,
    order: Annotated[
        Order, typer.Option(help="Several captures one after the other, or all messages by time.")
    ] = Order.FILES,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="The captures are pieces of one (tcpdump -C, -G, -W): connections go on from one to the next.",
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            "-j",
            min=0,
            metavar="N",
            help="Decode N captures at the same time, 0: one a core. Without it one after the other, a large one with "
            "a second process that reads ahead; 1: without that. A table, or --order time, is made by one process.",
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

        lmdecode decode --join day.pcap*

        tcpdump -i any -U -w - tcp port 1774 | lmdecode decode -

    Make a capture with `tcpdump -i any -w morning.pcap tcp port 1774` on a router or computer that the traffic
    passes. Times in the table are local, everywhere else UTC. A damaged frame is shown with what is wrong with it. The
    last line, on stderr, sums up all that was read, shown or not.

    Conditions, in quotes if they have `<`, `>`, `*` or `!` in them:

    - `kind=read,write` · `role=report` · `sender=app` · `stream=0` · `source=192.168.1.*` · `machine=kitchen`

    - `name=coffee_temp`, `'name=mon_*'`: the value is in what is read or written, requests too

    - `address=0x401C`, `address=0x4000..0x4022`: any byte of it is

    - `time=02:55..02:57`, `time=2026-11-21T02:55Z..`: UTC; a time is the whole minute or second that it names

    - `problems`, `problems=no`, `ok=no`, `'elapsed>0.5'`

    - `'coffee_temp>95'`, `coffee_temp=90..95`, `power=yes`, `'prebrew_flag!=off'`, `heating_state=pump_on`: fields

    A comma is "or". `!=` is the opposite of `=`, but compares fields only where they are.
    """
    import gc

    from lmdecode.app.decode import Settings
    from lmdecode.app.files import expanded, is_live, refuse_to_overwrite
    from lmdecode.cli._common.endings import say_how_it_went

    gc.set_threshold(100_000)  # records are no cycles: to look for some at every 700th takes a twentieth of the time
    settings = Settings(tuple(key or ()), config, show_secrets, port, *_understood(where or [], fields or []))
    decoder, origin = settings.decoder()
    paths = expanded(captures)
    chosen = format or default_format(output)
    style = Style(settings.fields, captions=len(paths) > 1 and order is Order.FILES and not join)
    apart = order is Order.FILES and not join and chosen in JOINABLE and not _mentions_stream(where or [])
    apart = apart and not any(map(is_live, paths))  # what is live cannot be opened in another process
    workers = min(os.cpu_count() or 1 if jobs == 0 else jobs or 1, len(paths)) if apart else 1
    refuse_to_overwrite(output, [*paths, Path(origin)])
    failed = False
    if join and (order is Order.TIME or chosen is Format.PCAPNG):
        raise typer.BadParameter("--join goes with neither --order time nor pcapng: mergecap -w NEW.pcapng FILE…")
    if chosen is Format.PCAPNG:
        from lmdecode.cli.annotate import annotate

        if where or fields or order is Order.TIME:
            raise typer.BadParameter("pcapng has every packet as it was: leave --where, --fields and --order out")
        with open_output(chosen, output, private=show_secrets) as file:
            failed = say_how_it_went(annotate(paths, decoder, port, file), port, origin, chosen=False)
    else:
        with open_writer(chosen, output, style, private=show_secrets) as writer:
            if workers > 1:
                from lmdecode.app.jobs import decode_in_processes

                outcomes = list(decode_in_processes(paths, workers, chosen, style, settings, decoder, writer))
            elif join or order is Order.TIME:
                outcomes = _together(paths, settings, decoder, writer, join=join)
            else:
                to_terminal = output is None and sys.stdout.isatty()
                ahead = jobs != 1
                outcomes = list(_one_by_one(paths, settings, decoder, writer, to_terminal=to_terminal, ahead=ahead))
            writer.flush()
            failed = say_how_it_went(outcomes, port, origin, chosen=bool(where or fields))
    if failed:
        raise typer.Exit(1)


def _understood(where: list[str], fields: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The conditions and the names of the fields, checked."""
    if not where and not fields:
        return (), ()
    from lmdecode.analysis.columns import FieldNameError, chosen_fields
    from lmdecode.analysis.filters import FilterError, parse_all

    try:
        parse_all(where)
    except FilterError as error:
        raise typer.BadParameter(str(error), param_hint="--where") from None
    try:
        return tuple(where), chosen_fields(fields) if fields else ()
    except FieldNameError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from None


def _mentions_stream(where: list[str]) -> bool:
    if not where:
        return False
    from lmdecode.analysis.filters import mentions_stream

    return mentions_stream(where)


def _one_by_one(
    paths: list[Path], settings: Settings, decoder: Decoder, writer: Writer, *, to_terminal: bool, ahead: bool
) -> Iterator[Outcome]:
    from lmdecode.app.decode import Outcome
    from lmdecode.app.decoding import decode_into
    from lmdecode.app.files import is_live
    from lmdecode.cli._common.progress import progress_bar

    connections = 0
    for path in paths:
        outcome = Outcome(path)
        writer.begin(path)
        with progress_bar(path, onto_terminal=to_terminal) as progress:
            decode_into(
                writer,
                outcome,
                settings,
                decoder,
                first_stream=connections,
                live=is_live(path),
                progress=progress,
                ahead=ahead,
            )
        connections += outcome.statistics.connections
        yield outcome


def _together(paths: list[Path], settings: Settings, decoder: Decoder, writer: Writer, *, join: bool) -> list[Outcome]:
    """All captures by time, or as pieces of one."""
    from lmdecode.app.decode import Outcome, merged
    from lmdecode.app.files import is_live
    from lmdecode.app.joining import in_order, joined

    live = any(map(is_live, paths))
    if join and live:
        raise CommandError("--join needs files, not pipes: what is in a pipe is one capture already")
    outcomes = [Outcome(path) for path in (in_order(paths) if join else paths)]
    first = outcomes[0]  # one of them counts for all; which one does not matter
    records = (joined if join else merged)(outcomes, decoder, settings.port)
    for first.shown, record in enumerate(settings.chosen(records), 1):
        writer.write(record)
        if live:
            writer.flush()
    return outcomes
