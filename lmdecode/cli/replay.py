"""`lmdecode replay`: the app's requests in a capture, sent again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, complain, reports_errors
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import (
    ConfigOption,
    Formats,
    HostOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    TimeoutOption,
    UtcOption,
)
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.config.targets import find_target
from lmdecode.device.client import ANSWER_TIMEOUT
from lmdecode.device.errors import joined

if TYPE_CHECKING:
    from lmdecode.analysis.replay import Comparison, Step
    from lmdecode.app.replay import CheckedWrite

_LONG: Final = 10.0  # s; a replay that takes longer says so first


_FORMATS: Final = Formats(("table", "jsonl"), piped="jsonl")


@reports_errors
def replay(
    capture: Annotated[
        Path,
        typer.Argument(
            metavar="CAPTURE", help="A capture of any kind that `lmdecode decode` reads.", show_default=False
        ),
    ],
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    model: ModelOption = None,
    capture_key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY",
            help="The key of the machine in the capture, if it is not the machine that you connect to; may be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    capture_port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port in the capture.")] = PORT,
    speed: Annotated[
        str, typer.Option(metavar="FACTOR|max", help="Send this many times as fast as recorded; max makes no pauses.")
    ] = "1",
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="The values that may differ: names, `'mon_*'`, `volatile` for all values that change by themselves "
            "(clock, temperatures, heaters, counters, display), or `none`. [default: volatile]",
            show_default=False,
        ),
    ] = None,
    writes: Annotated[
        bool, typer.Option("--writes", help="Send the writes too, each once. They are checked and listed first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the writes.")] = False,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help=f"Send reads of {ACCOUNT} too."),
    ] = False,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    _utc: UtcOption = False,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
) -> None:
    """Send the app's requests in a capture to a machine, and compare its answers with the recorded ones.

    Examples:

        lmdecode replay morning.pcap

        lmdecode replay morning.pcap --speed max --ignore volatile,power

        lmdecode replay morning.pcap --writes --host 127.0.0.1

    Only reads are sent, unless --writes is given. Each answer is the same, different only in volatile values,
    different, or missing. Exit codes: 0 at most volatile values differ, 1 an answer differs or is missing, 2 wrong
    usage, 3 no connection to the machine.
    """
    from lmdecode.analysis.times import day_text
    from lmdecode.app.replay import Replay, parse_ignored, parse_speed
    from lmdecode.app.send import consent_missing
    from lmdecode.render.machine import replay_entry, replay_lines, replay_summary

    in_lines = _FORMATS.chosen(format, as_json=as_json, output=None) == "jsonl"
    target = find_target(host=host, port=port, key=key, config=config, machine=machine, model=model)
    name = joined(target.host, target.port)
    run = Replay(
        target,
        timeout=timeout,
        speed=parse_speed(speed),
        ignored=parse_ignored(ignore or ["volatile"]),
        writes=writes,
        secrets=secrets,
    )
    steps = run.load(capture, keys=capture_key or [], config=config, port=capture_port, on_trouble=complain)
    if run.needs_consent(steps):
        if not yes and not is_somebody_there():
            raise consent_missing(["changes the machine"])
        _confirm(run_live(run.check_writes(steps), waiting_for=name), target.host, yes=yes)
    if (seconds := run.seconds(steps)) > _LONG:
        echo(f"this takes {seconds:,.0f} s; --speed max is faster", err=True)

    said = ""

    def show(step: Step, found: Comparison) -> None:
        nonlocal said
        if in_lines:
            echo_json(replay_entry(step, found))
        else:
            if (day := day_text(step.time_ns)) != said:
                said = day
                echo(f"recorded {day}")
            echo(*replay_lines(step, found, run.ignored))

    try:
        run_live(run.run(steps, show), waiting_for=name, while_=lambda: not run.counts)
    except KeyboardInterrupt:
        complain("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    finally:
        if line := replay_summary(run.counts, len(steps)):
            echo(line, err=True)
    if run.differs:
        raise typer.Exit(1)


def _confirm(writes: Sequence[CheckedWrite], host: str, *, yes: bool) -> None:
    from lmdecode.render.machine import write_line

    for each in writes:
        echo(write_line(each.step.request, each.fields, each.warnings), err=True)
    if not yes and not confirmed(f"Write these {len(writes)} to {host}?"):
        raise CommandError("nothing was sent")
