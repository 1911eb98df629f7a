"""`lmdecode replay`: what the app asked in a capture, asked again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.app.errors import UsageError
from lmdecode.app.live import target_for
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import (
    ConfigOption,
    HostOption,
    KeyOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    TimeoutOption,
)
from lmdecode.codec.v1.redaction import ACCOUNT
from lmdecode.device.client import ANSWER_TIMEOUT


class Shape(StrEnum):
    """How what came of it is written."""

    TABLE = "table"
    JSONL = "jsonl"


@reports_errors
def replay(
    capture: Annotated[
        Path, typer.Argument(metavar="CAPTURE", help="Whatever `lmdecode decode` reads.", show_default=False)
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
            help="The key of the machine in the capture, if that is another one; several may be given.",
            show_default=False,
        ),
    ] = None,
    capture_port: Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port in the capture.")] = 1774,
    speed: Annotated[
        str, typer.Option(metavar="FACTOR|max", help="How many times as fast as recorded; max: no pauses.")
    ] = "1",
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME",
            help="The values that may differ: names, `'mon_*'`, `volatile` for those that change by themselves (clock, "
            "temperatures, heaters, counters, display), or none. [default: volatile]",
            show_default=False,
        ),
    ] = None,
    writes: Annotated[
        bool, typer.Option("--writes", help="Send the writes too, each once. They are listed and checked first.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before the writes.")] = False,
    secrets: Annotated[
        bool,
        typer.Option("--secrets", help=f"Send reads of {ACCOUNT} too."),
    ] = False,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    format: Annotated[
        Shape | None,
        typer.Option("--format", "-f", help="Default: table on a terminal, jsonl otherwise.", show_default=False),
    ] = None,
) -> None:
    """Send what the app asked in a capture to a machine, and compare the answers with the recorded ones.

    Examples:

        lmdecode replay morning.pcap

        lmdecode replay morning.pcap --speed max --ignore volatile,power

        lmdecode replay morning.pcap --writes --host 127.0.0.1

    Only reads are sent, unless --writes is given. Each answer is the same, different only in volatile values,
    different, or missing. Exit codes: 0 nothing but volatile values differs, 1 something does or is missing, 2 wrong
    usage, 3 no connection to the machine.
    """
    import sys

    from lmdecode.cli.replay_session import ReplaySession

    session = ReplaySession(
        target=target_for(host=host, port=port, key=key, config=config, machine=machine, model=model),
        timeout=timeout,
        speed=_speed(speed),
        ignored=_ignored(ignore or ["volatile"]),
        writes=writes,
        yes=yes,
        secrets=secrets,
        as_json=format is Shape.JSONL or (format is None and not sys.stdout.isatty()),
    )
    session.run(session.load(capture, capture_key or [], config, capture_port))


def _speed(text: str) -> float | None:
    if text.strip().lower() == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0 < factor < float("inf"):
        raise UsageError(f"--speed {text[:40]}: give a number such as 1, 10 or 0.5, or max")
    return factor


def _ignored(texts: list[str]) -> frozenset[str]:
    from lmdecode.analysis.columns import FieldNameError, check_name
    from lmdecode.analysis.replay import related_names
    from lmdecode.codec.v1.windows import VOLATILE

    names: set[str] = set()
    for word in (word.strip() for text in texts for word in text.split(",")):
        try:
            names.update(VOLATILE if word == "volatile" else () if word in {"", "none"} else check_name(word))
        except FieldNameError as error:
            raise UsageError(f"--ignore: {error}") from None
    return related_names(names)
