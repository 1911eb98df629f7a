"""`lmdecode registers`: the memory map, looked up."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import OutputOption


class ListFormat(StrEnum):
    """How the list is written."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


@reports_errors
def registers(
    pattern: Annotated[
        str | None,
        typer.Argument(help="A part of a name, a name with * and ?, or an address: 0x401C, 401C.", show_default=False),
    ] = None,
    format: Annotated[ListFormat, typer.Option("--format", "-f", help="How to write it.")] = ListFormat.TABLE,
    output: OutputOption = None,
) -> None:
    """Look up the machine's memory map: what is where, in which unit, writable how far, and how sure that is.

    Examples:

        lmdecode registers

        lmdecode registers temp

        lmdecode registers 0x401D

        lmdecode registers 'mon_*' --format json
    """
    from lmdecode.render import register_list

    rows = register_list.find(pattern)
    if not rows:
        raise CommandError(f"no register matches {pattern!r}: try a part of a name, such as temp, or an address")
    if format is ListFormat.TABLE and output is None:
        register_list.print_table(rows)
        return
    text = {
        ListFormat.JSON: register_list.as_json,
        ListFormat.MARKDOWN: register_list.as_markdown,
        ListFormat.TABLE: register_list.as_text,
    }[format](rows)
    if output is None:
        sys.stdout.write(text)
        return
    from lmdecode.app.files import whole_file

    with whole_file(output) as file:
        file.write(text)
