"""`lmdecode export`: brings captures into a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, complain, failures_as_json, reports_errors
from lmdecode.cli._common.options import JsonOption

if TYPE_CHECKING:
    from lmdecode.app.export_report import ExportReport

_ALL = "a dataset has all messages, and a query chooses among them"
_CAPTURES = Annotated[
    list[str],
    typer.Argument(
        metavar="CAPTURE…",
        help="Captures of any kind that `lmdecode decode` reads; folders, with all captures below them; patterns; and "
        "URLs of these: s3://, gs://, sftp://, https://.",
        show_default=False,
    ),
]
_JOIN = Annotated[
    bool,
    typer.Option(
        "--join",
        help="Put together the files that one recording was cut into (tcpdump -C, -G, -W), which their names and times "
        "show: connections continue from one to the next.",
    ),
]


@reports_errors
@over_captures(
    captures=_CAPTURES,
    without=dict.fromkeys(("machine", "where", "from_", "to", "utc"), _ALL),
    join=_JOIN,
)
def export(
    given: CaptureOptions,
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="DATASET",
            help="The dataset: a folder or a URL. It is made if it is not there.",
            show_default=False,
        ),
    ],
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="local|ADDRESS",
            help="Use Dask: processes of this computer (local), or the cluster of a scheduler, tcp://host:8786 or "
            "tls://host:8786. [default: this process]",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes of --scheduler local. [default: one per core]", show_default=False
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Bring many captures into a dataset: Parquet files that DuckDB, Polars, pandas and others read.

    Examples:

        lmdecode export captures/ --to years

        lmdecode export '/srv/captures/**/*.pcap' --to years --config config.json --scheduler local

        lmdecode export s3://recordings/2026/ --to s3://datasets/years --scheduler tcp://10.0.0.5:8786

    Run it again when there are new captures: it reads only those that the dataset does not have yet. A capture that
    grew is replaced. A capture is in the dataset as a whole or not at all, so the dataset can be read at any time, and
    an export that was interrupted goes on where it was. A capture that is still being written is left for the next run.
    A capture that fails does not stop the others.

    The dataset has a folder for each generation, machine and day (UTC). It never holds a key, and secrets in messages
    are masked. `lmdecode query` asks it in SQL.

    Keys given to a cluster reach its workers through the scheduler: beyond this computer, use tls://.
    """
    import gc

    from lmdecode.app.export import ExportRequest
    from lmdecode.app.export import export as run
    from lmdecode.app.export_report import ExportReport
    from lmdecode.cli._common.progress import captures_bar

    gc.set_threshold(100_000)  # most of what is made is no garbage: imports first of all
    request = ExportRequest(list(map(str, given.captures)), to, given.join, scheduler, workers)
    report = ExportReport()
    name = _shown(to)
    with failures_as_json(as_json):
        try:
            with captures_bar() as show:
                run(request, given.asked(), report, watcher=show, tell=lambda line: echo(f"lmdecode: {line}", err=True))
        except BaseException as error:
            _say(report, name)
            if not isinstance(error, KeyboardInterrupt) or not report.total:
                raise
            complain(
                f"interrupted: {report.done:,} of {report.total:,} captures are done and stay in {name}; "
                "the same command goes on with the others"
            )
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        echo_json(report.as_dict())
    _say(report, name)
    if report.total or not report.wrong:
        echo(report.summary(name), err=True)
    if report.exit_code:
        raise typer.Exit(report.exit_code)


def _say(report: ExportReport, dataset: str) -> None:
    for line in report.remarks():
        echo(f"lmdecode: {line}", err=True)
    for line in report.trouble(dataset):
        complain(line)


def _shown(dataset: str) -> str:
    """Returns what the dataset is called, without a password."""
    from lmdecode.app.dataset.places import shown

    return shown(dataset)
