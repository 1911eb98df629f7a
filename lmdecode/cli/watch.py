"""`lmdecode watch`: a live machine, on a screen or as lines."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.live import target_for
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import (
    ConfigOption,
    HostOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    TimeoutOption,
    number,
    seconds_of,
)
from lmdecode.device.client import ANSWER_TIMEOUT


@reports_errors
def watch(
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    jsonl: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Add each message to this file, as `decode --format jsonl` writes it; - for standard output, without "
            "a screen.",
            show_default=False,
        ),
    ] = None,
    interval: Annotated[
        float,
        typer.Option(
            min=1, max=3600, callback=number, help="Seconds between two reads of what it does not say by itself."
        ),
    ] = 5,
    duration: Annotated[
        float | None,
        typer.Option(parser=seconds_of, metavar="TIME", help="End after 30s, 10m or 2h.", show_default=False),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a machine that is not there yet.")] = False,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
) -> None:
    """Watch the machine: temperatures, shots, what it does and when it switches itself.

    Examples:

        lmdecode watch

        lmdecode watch --jsonl machine.jsonl

        lmdecode watch --duration 10m | jq .fields.coffee_temp

    It reads, and writes nothing. `q` or Ctrl-C ends it. A machine that goes away is connected to again when it is
    back. The machine takes one connection at a time: while you watch, the app cannot connect. Where standard output is
    no terminal, each message is a line of JSON instead.
    """
    from contextlib import ExitStack

    from lmdecode.app.jsonl_log import JsonlLog
    from lmdecode.cli.watch_session import WatchSession
    from lmdecode.render.watch.display import Display, Lines, Screen, Silent

    target = target_for(host=host, port=port, key=key, config=config, machine=machine)
    with ExitStack() as stack:
        log = stack.enter_context(JsonlLog(jsonl)) if jsonl not in {None, Path("-")} and jsonl else None
        display: Display
        if jsonl != Path("-") and Screen.is_possible():
            display = Screen()
        else:
            display = Silent() if log else Lines(sys.stdout.buffer)
        session = WatchSession(target, timeout=timeout, interval=interval, wait=wait, log=log, display=display)
        if log is not None and log.cut:
            display.note(f"{jsonl} ended in half a line; its {log.cut} bytes were cut off")
        asyncio.run(session.run(duration))
