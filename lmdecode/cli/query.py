"""`lmdecode query`: asks a dataset in SQL."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.options import OutputOption

_FORMATS = Formats(("table", "jsonl", "csv", "csv-safe", "parquet"), piped="jsonl")


@reports_errors
def query(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="The dataset that `lmdecode export` made: a folder, or a URL.", show_default=False
        ),
    ],
    sql: Annotated[
        str, typer.Argument(metavar="SQL", help="A SELECT; `-` reads it from standard input.", show_default=False)
    ],
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
    output: OutputOption = None,
) -> None:
    """Ask a dataset of many captures in SQL.

    Examples:

        lmdecode query years 'select count(*) from records'

        lmdecode query years 'select date, count(*) from records group by 1'

        lmdecode query years "select * from captures where state = 'failed'"

        lmdecode query years 'select time, coffee_temp from records' --output temperatures.csv

        lmdecode query years - < question.sql

    The table `records` has a row for each message. Its columns are those of `lmdecode decode --format csv`, and
    `generation`, `machine` and `date`: a condition on one of these three leaves out the files of all others. `describe
    records` lists the columns. The table `captures` has a row for each capture: `capture`, `state` (added or failed),
    `rows`, `problems`, `size`, `complaints` (of one that failed: why) and others. Most columns of a row are null. In
    `records`, `problems` is a list, which is empty for a clean message: `where len(problems) > 0`.

    The SQL is DuckDB's. Times and dates are UTC: `time at time zone 'Europe/Rome'` is the time there. A query reads the
    dataset, and no other file or address; it changes nothing.

    The table on a terminal has the first 300 rows; the other formats have all. The ending of --output chooses the
    format, if --format does not: `.csv`, `.jsonl` or `.parquet`.
    """
    from lmdecode.app.files import refuse_to_overwrite, text_output, whole_file
    from lmdecode.app.query import opened, writing
    from lmdecode.render.answer import as_table, write_csv, write_jsonl, write_parquet
    from lmdecode.render.terminal import print_parts

    chosen = _FORMATS.chosen(format, as_json=as_json, output=output)
    if chosen == "parquet" and output is None and sys.stdout.isatty():
        raise typer.BadParameter("parquet cannot be shown in a terminal: name a file, --output FILE.parquet")
    refuse_to_overwrite(output, [])
    text = sys.stdin.read() if sql == "-" else sql
    with opened(dataset) as session, writing(chosen):
        answer = session.ask(text)
        if chosen in {"table", "csv", "csv-safe"}:
            with text_output(output) as file:
                if chosen == "table":
                    print_parts(as_table(answer.columns.names, answer.batches), file)
                else:
                    write_csv(answer.columns.names, answer.batches, file, safe=chosen == "csv-safe")
            return
        if output is not None:
            with whole_file(output, binary=True) as binary:
                if chosen == "parquet":
                    write_parquet(answer.columns, answer.batches, binary)
                else:
                    write_jsonl(answer.batches, binary)
            return
        out = sys.stdout.buffer
        if chosen == "parquet":
            write_parquet(answer.columns, answer.batches, out)
        else:
            write_jsonl(answer.batches, out)
        out.flush()
