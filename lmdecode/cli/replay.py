"""`lmdecode replay`: the app's requests in a capture, sent again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from lmdecode.app.errors import CommandError
from lmdecode.cli._common import completion
from lmdecode.cli._common.captures import CaptureOptions, over_captures
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import INTERRUPTED, complain, reports_errors
from lmdecode.cli._common.formats import Formats
from lmdecode.cli._common.live import run_live
from lmdecode.cli._common.options import (
    ConfigOption,
    HostOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    TimeoutOption,
    conditions,
    understood_time,
)
from lmdecode.cli._common.prompt import confirmed, is_somebody_there
from lmdecode.codec.v1 import PORT
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.config.targets import find_target
from lmdecode.device.errors import joined
from lmdecode.device.timing import ANSWER_TIMEOUT

if TYPE_CHECKING:
    from lmdecode.analysis.replay import Comparison, Step
    from lmdecode.app.replay import CheckedWrite, Replay

_LONG: Final = 10.0  # s; a replay that takes longer says so first


_FORMATS: Final = Formats(("table", "jsonl"), piped="jsonl")
_WHERE = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        autocompletion=completion.condition,
        callback=conditions,
        help="Only requests that meet this condition, or whose recorded answers do: `'name=dose_*'`; `lmdecode decode "
        "--help` lists all. May be given several times, and then all must be met.",
        show_default=False,
    ),
]
_FROM = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        callback=understood_time,
        help="Only requests from this recorded time on: 02:55, 02:55:57.5, 2026-11-21T02:55, 02:55Z, or +12.5s after "
        "the first message.",
        show_default=False,
    ),
]
_TO = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        callback=understood_time,
        help="Only requests up to this recorded time, all of the minute or second that it names included.",
        show_default=False,
    ),
]


_OF_THE_OTHER: Final = (
    "This option belongs to the machine that lmdecode sends to. `--capture-{}` is for the machine in the captures."
)


@reports_errors
@over_captures(
    without={name: _OF_THE_OTHER.format(name) for name in ("key", "port", "machine")}
    | {
        "config": "This option belongs to the machine that lmdecode sends to; it reads the captures with it, too.",
        "handles": "It sends requests of v1 only.",
    },
    where=_WHERE,
    from_=_FROM,
    to=_TO,
)
def replay(
    given: CaptureOptions,
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
    capture_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"The machine's TCP port in the captures. [default: {PORT} and the ports in the config]",
            show_default=False,
        ),
    ] = None,
    capture_machine: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The machine in the captures, if they have several: its name or serial number in the config, or its "
            "address. `*` is a wildcard.",
            show_default=False,
        ),
    ] = None,
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
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, with the values of writes; do not connect.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the writes.")] = False,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help=f"Send reads of {ACCOUNT} too."),
    ] = False,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    format: Annotated[str | None, _FORMATS.option()] = None,
    as_json: Annotated[bool, _FORMATS.json_option()] = False,
) -> None:
    """Send the app's requests in captures to a machine, and compare its answers with the recorded ones.

    Examples:

        lmdecode replay morning.pcap

        lmdecode replay morning.pcap --speed max --ignore volatile,power

        lmdecode replay morning.pcap --writes --host 127.0.0.1

        lmdecode replay morning.pcap --writes --dry-run --from 06:30 --to 06:35

    Only reads are sent, unless --writes is given. Each answer is the same, different only in volatile values,
    different, or missing. Exit codes: 0 at most volatile values differ, 1 an answer differs or is missing, 2 wrong
    usage, 3 no connection to the machine.

    Several captures are one story, in the order of time. --dry-run connects to nothing, so it needs no address. It
    checks writes as a real run does; what depends on the model is checked if --model or the config names it.
    """
    from lmdecode.app.replay import Replay, parse_ignored, parse_speed
    from lmdecode.app.send import consent_missing
    from lmdecode.app.targets import memory_target
    from lmdecode.cli._common.progress import file_progress
    from lmdecode.render.machine import replay_summary

    in_lines = _FORMATS.chosen(format, as_json=as_json, output=None) == "jsonl"
    found = find_target(
        host=host, port=port, key=key, config=config, machine=machine, model=model, connecting=not dry_run
    )
    target = memory_target(found, "replay reads and writes a machine's memory")
    name = joined(target.host, target.port)
    run = Replay(
        target,
        timeout=timeout,
        speed=parse_speed(speed),
        ignored=parse_ignored(ignore or ["volatile"]),
        writes=writes,
        secrets=secrets,
    )
    asked = given.named(key=capture_key, config=config, port=capture_port, machine=capture_machine).asked()
    steps = run.load(given.captures, asked, progress=file_progress, on_trouble=complain)
    show = _Show(run, in_lines=in_lines)
    if dry_run:
        _plan(run, steps, show)
        return
    if run.needs_consent(steps):
        if not yes and not is_somebody_there():
            raise consent_missing(["changes the machine"])
        _confirm(run_live(run.check_writes(steps), waiting_for=name), target.host, yes=yes)
    if (seconds := run.seconds(steps)) > _LONG:
        echo(f"this takes {seconds:,.0f} s; --speed max is faster", err=True)
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


class _Show:
    """Prints what became of each request, or would become of it."""

    def __init__(self, run: Replay, *, in_lines: bool) -> None:
        self._run = run
        self._in_lines = in_lines
        self._day = ""

    def __call__(self, step: Step, found: Comparison, write: CheckedWrite | None = None) -> None:
        from lmdecode.analysis.times import day_text
        from lmdecode.render.machine import replay_entry, replay_lines, write_line

        if self._in_lines:
            echo_json(replay_entry(step, found) | ({} if write is None else {"fields": dict(write.fields)}))
            return
        if (day := day_text(step.time_ns)) != self._day:
            self._day = day
            echo(f"recorded {day}")
        echo(*replay_lines(step, found, self._run.ignored))
        if write is not None:
            echo(f"    {write_line(step.request, write.fields, write.warnings)}")


def _plan(run: Replay, steps: Sequence[Step], show: _Show) -> None:
    """Shows what would be sent."""
    from lmdecode.render.machine import replay_summary

    run.plan(steps, show)
    if run.needs_consent(steps) and not run.checks_all:
        echo("the model is not known, so the writes were not checked for it: --model names it", err=True)
    echo(f"{replay_summary(run.counts, len(steps))}; nothing was sent", err=True)


def _confirm(writes: Sequence[CheckedWrite], host: str, *, yes: bool) -> None:
    from lmdecode.render.machine import write_line

    for each in writes:
        echo(write_line(each.step.request, each.fields, each.warnings), err=True)
    if not yes and not confirmed(f"Write these {len(writes)} to {host}?"):
        raise CommandError("nothing was sent")
