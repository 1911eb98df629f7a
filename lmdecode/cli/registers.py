"""`lmdecode registers`: the memory map and the names of the newer generations, looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common import completion
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmdecode.codec.vocabulary import Row
    from lmdecode.render import register_list

_FORMATS = Formats(("table", "json", "markdown"), piped="table")
_FIRST = "v1"


@reports_errors
def registers(
    pattern: Annotated[
        str | None,
        typer.Argument(
            autocompletion=completion.field_name,
            help="Part of a name, a name with * and ?, an address (0x401C, 401C), or the maker's name in JSON.",
            show_default=False,
        ),
    ] = None,
    generation: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.generation,
            help="List the names of this generation: v1, v3, bluetooth, cloud1, lion, or all of them: all. Default: "
            "all if there is a PATTERN, otherwise v1.",
            show_default=False,
        ),
    ] = None,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Look up names: in v1's memory map, and in the JSON of the newer generations.

    A register has an address, a unit, values that may be written, and a certainty. A name in JSON has a path in a
    document.

    Examples:

        lmdecode registers

        lmdecode registers coffee_temp

        lmdecode registers 0x401D

        lmdecode registers brewingStartTime

        lmdecode registers --generation lion

        lmdecode registers 'mon_*' --json
    """
    from lmdecode.app.files import text_output
    from lmdecode.codec.speakers import dialects
    from lmdecode.render import register_list

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    names = (*dialects(), "all")
    if generation is not None and generation not in names:
        raise CommandError(f"no generation {generation!r}: there are {', '.join(names)}")
    only = generation or ("all" if pattern else _FIRST)
    of_v1 = register_list.find(pattern) if only in {_FIRST, "all"} else []
    others = [] if only == _FIRST else _in_json(pattern, None if only == "all" else only)
    if not of_v1 and not others:
        raise CommandError(_nothing(pattern or "", generation))
    with text_output(output) as file:
        if chosen == "json":
            file.write(_as_json(of_v1, others))
            return
        if of_v1:
            if chosen == "markdown":
                file.write(register_list.as_markdown(of_v1))
            else:
                register_list.print_table(of_v1, file)
        if of_v1 and others:
            file.write("\n")
        if others:
            from lmdecode.render import vocabulary_list

            if chosen == "markdown":
                file.write(vocabulary_list.as_markdown(others))
            else:
                vocabulary_list.print_table(others, file)


def _in_json(pattern: str | None, generation: str | None) -> Sequence[Row]:
    from lmdecode.render import vocabulary_list

    return vocabulary_list.find(pattern, generation)


def _as_json(of_v1: Sequence[register_list.Row], others: Sequence[Row]) -> str:
    import json

    from lmdecode.render import register_list, vocabulary_list

    found = [*register_list.as_dicts(of_v1), *vocabulary_list.as_dicts(others)]
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _nothing(pattern: str, generation: str | None) -> str:
    from lmdecode.analysis.columns import field_kinds, nearest

    if pattern.strip().lower().startswith("0x"):
        return f"no register is known at {pattern!r}: lmdecode unknowns CAPTURE lists bytes that no register explains"
    where = f" of {generation}" if generation and generation != "all" else ""
    hint = nearest(pattern, field_kinds(), ": try a part of a name, such as temp, or an address")
    return f"no register or name{where} matches {pattern!r}{hint}"
