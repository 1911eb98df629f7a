"""`lmdecode diff`: what differs between two memories, or between two times."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import reports_errors, saying
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption, RangeOption, ShowSecretsOption

if TYPE_CHECKING:
    from lmdecode.app.memory import MemoryComparison

_FORMATS = Formats(("table", "jsonl"), piped="jsonl")


_SIDES = Annotated[
    list[Path],
    typer.Argument(
        metavar="A [B]",
        help="Two captures or memory images, or one of each. One capture alone is compared with itself, its "
        "beginning with its end; so are the pieces of one, with --join.",
        show_default=False,
    ),
]
_FROM = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Take A's memory as it was before this time: 02:55, 2026-11-21T02:55:57, 02:55Z, +12.5s. [default: the "
        "end of A; with one capture, its beginning]",
        show_default=False,
    ),
]
_TO = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        help="Take B's memory as it was after this time. [default: the end of B]",
        show_default=False,
    ),
]


@reports_errors
@over_captures(
    captures=_SIDES,
    from_=_FROM,
    to=_TO,
    without={"handles": "It is about the memory of v1, which Bluetooth does not show."},
)
def diff(
    given: CaptureOptions,
    addresses: RangeOption = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Exit with 1 if there is a difference.")] = False,
    output: OutputOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Show by register which bytes of the machine's memory differ, their old and new values, and the event before.

    Examples:

        lmdecode diff monday.pcap tuesday.pcap

        lmdecode diff before.json after.json --exit-code

        lmdecode diff morning.pcap --from 02:55:57 --to 02:56

        lmdecode diff --join day.pcap*

    Two captures are compared as they were at their ends, unless --from and --to name other times. Within one capture, a
    byte that was first seen after --from is assumed to have had that value before. Bytes that only one side knows are
    listed separately. A time means the whole minute or second that it names, so --from 02:56 --to 02:56 shows the
    changes within that minute; without a zone it is local, or UTC with --utc. An event before a change is not
    necessarily its cause.

    --machine and --where choose among the messages of both sides.
    """
    from lmdecode.app.files import text_output
    from lmdecode.app.memory import compare
    from lmdecode.app.memory_sources import MemorySources
    from lmdecode.cli._common.progress import file_progress

    sides = [given.captures] if given.join else [[path] for path in given.captures]
    if len(sides) > 2:
        raise typer.BadParameter(
            f"two are compared, not {len(sides)}; pieces of one capture are joined with --join", param_hint="A [B]"
        )
    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    asked = given.named(from_=None, to=None).asked(show_secrets=show_secrets)
    reader = MemorySources(asked, output, file_progress)
    with saying(reader):
        memories = [reader.one(side) for side in sides]
    comparison = compare(memories, from_=given.from_, to=given.to, addresses=addresses)
    with text_output(output, private=show_secrets) as file:
        _write(comparison, chosen, file, show_secrets=show_secrets)
    echo(comparison.summary, err=True)
    if reader.complaints or (exit_code and comparison.found):
        raise typer.Exit(1)


def _write(comparison: MemoryComparison, chosen: str, file: IO[str], *, show_secrets: bool) -> None:
    from rich.text import Text

    from lmdecode.codec.printable import printable
    from lmdecode.render.changes import difference_lines, print_differences
    from lmdecode.render.terminal import TerminalConsole

    if chosen == "jsonl":
        file.writelines(difference_lines(comparison.found, show_secrets=show_secrets))
        return
    console = TerminalConsole(file)
    for side, title in (("A", comparison.old_title), ("B", comparison.new_title)):
        console.print_paragraph(Text.assemble((f"{side} ", "bold"), printable(title)))
    print_differences(comparison.found, console, show_secrets=show_secrets)
