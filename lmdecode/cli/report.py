"""`lmdecode report`: captures as one page to look at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption

if TYPE_CHECKING:
    from lmdecode.app.decode import Outcome
    from lmdecode.render.report.data import Analysis


@reports_errors
def report(
    captures: Annotated[
        list[Path],
        typer.Argument(metavar="CAPTURE", help="Captures, as `lmdecode decode` reads them.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="The page; `-` is standard output.", show_default=False),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")] = 1774,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Its headline.", show_default=False)] = None,
) -> None:
    """Make one HTML page of captures: temperatures, shots, writes, messages and memory, to look at in a browser.

    Examples:

        lmdecode report morning.pcap -o report.html

        lmdecode report monday.pcap tuesday.pcap -o days.html --title "Two days"

    The page needs no network and sends nothing. It has what the machine said, its serial number too, but not the key,
    and not the machine's cloud account.
    """
    import gc

    from lmdecode.app.decode import Settings
    from lmdecode.app.files import STDIN, expanded, refuse_to_overwrite, whole_file
    from lmdecode.cli._common.endings import read_by_time, say_how_it_went
    from lmdecode.render.report.data import Analysis

    gc.set_threshold(100_000)  # nothing here is a cycle: to look for some takes a tenth of the time
    settings = Settings(tuple(key or ()), config, port=port)
    speakers, origin = settings.speakers()
    paths = expanded(captures)
    to_stdout = output == STDIN
    if to_stdout and sys.stdout.isatty():
        raise CommandError("a page is not for terminals: name a file, --output report.html")
    refuse_to_overwrite(None if to_stdout else output, [*paths, Path(origin)])
    outcomes: list[Outcome] = []
    analysis = Analysis()
    for record in read_by_time(paths, outcomes, speakers):
        analysis.add(record)
    failed, nothing = False, None
    try:
        failed = say_how_it_went(outcomes, speakers, chosen=False)
    except (CommandError, typer.Exit) as error:
        nothing = error
    # A page that says that there is nothing is better than none, but not than what was there before.
    is_empty = nothing is not None or not any(outcome.tally.messages for outcome in outcomes)
    if is_empty and not to_stdout and output.exists():
        nothing = nothing or CommandError(f"there is no message in what was read, so {output} is left as it was")
    else:
        page = _page(analysis, outcomes, title, nothing)
        if to_stdout:
            sys.stdout.buffer.write(page.encode("utf-8"))
        else:
            with whole_file(output) as file:
                file.write(page)
    if nothing is not None:
        raise nothing
    if failed:
        raise typer.Exit(1)


def _page(
    analysis: Analysis, outcomes: list[Outcome], title: str | None, nothing: CommandError | typer.Exit | None
) -> str:
    from lmdecode.app.files import STDIN
    from lmdecode.render.report.page import render
    from lmdecode.render.sentence import printable

    names = ["standard input" if outcome.path == STDIN else outcome.path.name for outcome in outcomes]
    notices = [complaint for outcome in outcomes for complaint in outcome.complaints]
    if isinstance(nothing, CommandError):
        notices.append(str(nothing))
    title = printable(title or "Espresso machine report")
    return render(analysis.as_data(title, names, notices, empty=nothing is not None), title)
