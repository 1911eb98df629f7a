"""`lmdecode samples`: the sample captures, to try the commands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import complain, reports_errors


@reports_errors
def samples(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where they go; the folder is made if it is not there.")
    ] = Path("captures"),
    replace: Annotated[bool, typer.Option("--replace", help="Replace files of the same name that differ.")] = False,
) -> None:
    """Copy the sample captures and their key into a folder, to try the commands on.

    Examples:

        lmdecode samples

        lmdecode samples ~/lmdecode-samples

    The samples have a config.json of their own with the key of a machine that does not exist. Commands use it with
    `--config captures/config.json`; your own config.json is not touched. The exit code is 1 if a file was kept
    because yours differs.
    """
    import shlex

    from lmdecode.app.shipped import SAMPLE_CONFIG, copy_samples

    copied = copy_samples(folder, replace=replace)
    for names, what in ((copied.new, "copied to"), (copied.same, "already in")):
        if names:
            echo(f"{len(names)} {'file' if len(names) == 1 else 'files'} {what} {folder}: {', '.join(names)}")
    for name in copied.other:
        complain(f"{folder / name} differs and was kept; to replace it, add --replace")
    capture, log, day, config = (
        shlex.quote(str(folder / name))
        for name in ("gs3av-settings.pcap", "homeassistant.log", "gs3av-day.pcapng.zst", SAMPLE_CONFIG)
    )
    echo(
        "",
        "next: decode a capture, list the shots in a log, make a page of a day, and run a simulated machine:",
        f"  lmdecode decode {capture} --config {config}",
        f"  lmdecode shots {log}",
        f"  lmdecode report {day} --config {config} --output day.html",
        f"  lmdecode simulate --config {config}",
    )
    if copied.other:
        raise typer.Exit(1)
