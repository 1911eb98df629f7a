"""What `lmdecode decode` does, once its command line is understood.

Typer is loaded only to say what is wrong with the options, so that a plain command line does without: see `plain`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from lmdecode.cli._common.errors import say_how_it_went
from lmdecode.cli._common.formats import Formats
from lmdecode.render.records import Style, Writer, format_named, format_names

if TYPE_CHECKING:
    from lmdecode.app.asked import Asked, Opened
    from lmdecode.app.decode import Outcome
    from lmdecode.capture.net.packet import Packet
    from lmdecode.codec.record import Record
    from lmdecode.codec.speakers import Speakers

FORMATS: Final = Formats(format_names(), piped="jsonl")
"""The formats of the command."""


def decode_captures(
    captures: Sequence[Path],
    asked: Asked,
    *,
    format: str | None = None,
    as_json: bool = False,
    output: Path | None = None,
    by_time: bool = False,
    jobs: int | None = None,
    memory: int | None = None,
) -> bool:
    """Writes what captures hold, and says on stderr how it went.

    Args:
        captures: The captures; a pattern stands for the files that match it.
        asked: What is asked of them.
        format: The name of the format; None for the one that fits the output.
        as_json: Whether JSON Lines were asked for in the short way.
        output: The file to write; None for stdout.
        by_time: Whether the messages of several captures are sorted by time.
        jobs: How many captures are decoded at the same time; 0 for one per core, None for one.
        memory: Megabytes that decoding may take, about; None for the default.

    Returns:
        Whether anything was wrong with a capture.

    Raises:
        LmdecodeError, OSError: As the parts raise them.
        typer.BadParameter: The options contradict each other.
    """
    import gc

    gc.set_threshold(100_000)  # records are no cycles: to look for some at every 700th takes a twentieth of the time
    from lmdecode.app.decode import Outcome, in_order, outcomes_of
    from lmdecode.app.files import expanded, refuse_to_overwrite
    from lmdecode.app.output import open_output, open_writer

    opened = asked.opened()
    speakers = opened.speakers
    paths = expanded(captures)
    name = FORMATS.chosen(format, as_json=as_json, output=output)
    chosen = format_named(name)
    join = asked.join
    several = len(paths) > 1 and not join
    style = Style(asked.fields, several=several, captions=several and not by_time)
    refuse_to_overwrite(output, [*paths, *(Path(each) for each in (opened.origin, asked.config) if each)])
    if join and (by_time or chosen.of_packets):
        import typer

        raise typer.BadParameter(f"--join goes with neither --order time nor {name}: mergecap -w NEW.pcapng FILE…")
    outcomes = outcomes_of(paths) if several else [Outcome(path) for path in (in_order(paths) if join else paths)]
    for outcome in outcomes:  # sorted by time they are all open at once
        outcome.memory = (outcome.memory if memory is None else memory << 20) // (len(outcomes) if by_time else 1)
    if chosen.of_packets:
        if asked.chooses or by_time:
            import typer

            left_out = "--machine, --where, --from, --to, --fields and --order"
            raise typer.BadParameter(f"{name} has every packet as it was: leave {left_out} out")
        with open_output(name, chosen, output, private=asked.show_secrets) as file:
            _annotate(outcomes, speakers, file)
            failed = say_how_it_went(outcomes, speakers, asked)
    else:
        with open_writer(name, chosen, output, style, private=asked.show_secrets) as writer:
            _decode(outcomes, asked, opened, writer, name, style, by_time=by_time, jobs=jobs, output=output)
            writer.flush()
            failed = say_how_it_went(outcomes, speakers, asked)
    return failed


def _decode(
    outcomes: list[Outcome],
    asked: Asked,
    opened: Opened,
    writer: Writer,
    name: str,
    style: Style,
    *,
    by_time: bool,
    jobs: int | None,
    output: Path | None,
) -> None:
    """Write what the user wants to see of all captures: together, in several processes, or one by one."""
    from lmdecode.app.files import is_live
    from lmdecode.app.output import decode_onto
    from lmdecode.cli._common.progress import progress_bar

    live = any(is_live(Path(outcome.name)) for outcome in outcomes)
    if asked.join or by_time:
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
