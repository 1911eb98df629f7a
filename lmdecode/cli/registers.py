"""`lmdecode registers`: the memory map, looked up."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common import completion
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import Formats, OutputOption

_FORMATS = Formats(("table", "json", "markdown"), piped="table")


@reports_errors
def registers(
    pattern: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.field_name,
            help="Part of a name, a name with * and ?, or an address: 0x401C, 401C.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Look up registers in the machine's memory map: address, unit, values that may be written, and certainty.

    Examples:

        lmdecode registers

        lmdecode registers temp

        lmdecode registers 0x401D

        lmdecode registers 'mon_*' --json
    """
    from lmdecode.analysis.columns import field_kinds, nearest
    from lmdecode.app.files import text_output
    from lmdecode.render import register_list

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    rows = register_list.find(pattern)
    if not rows:
        if (pattern or "").strip().lower().startswith("0x"):
            raise CommandError(
                f"no register is known at {pattern!r}: lmdecode unknowns CAPTURE lists bytes that no register explains"
            )
        hint = nearest(pattern or "", field_kinds(), ": try a part of a name, such as temp, or an address")
        raise CommandError(f"no register matches {pattern!r}{hint}")
    with text_output(output) as file:
        if chosen == "json":
            file.write(register_list.as_json(rows))
        elif chosen == "markdown":
            file.write(register_list.as_markdown(rows))
        else:
            register_list.print_table(rows, file)
