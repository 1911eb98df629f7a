"""`lmdecode status`: everything a machine reveals about itself, read once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.live import chosen_by_name, live_target, run_live, values_now
from lmdecode.cli._common.options import (
    BluetoothOption,
    ConfigOption,
    HostOption,
    JsonOption,
    KeyOption,
    LiveGenerationOption,
    LiveMachineOption,
    LivePortOption,
    RadioOption,
    TimeoutOption,
)
from lmdecode.device.timing import ANSWER_TIMEOUT

if TYPE_CHECKING:
    from lmdecode.app.reading import Chosen, Reading


@reports_errors
def status(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME…",
            help="Only these values, as for `lmdecode get`.",
            autocompletion=completion.field_name,
            show_default=False,
        ),
    ] = None,
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    bluetooth: BluetoothOption = None,
    radio: RadioOption = None,
    generation: LiveGenerationOption = None,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Show everything the machine reveals about itself: state, temperatures, settings, schedule, counters.

    Examples:

        lmdecode status

        lmdecode status coffee_temp steam_temp

        lmdecode status --host 192.168.1.215 --json

        lmdecode status --bluetooth

    This only reads; nothing is written to the machine. With --json each value is an entry under its name; values that
    the machine did not give are missing. All reads together take at most five times as long as --timeout. A machine
    shows what its generation tells: v1 all of its memory, gateway v3 its configuration, Bluetooth a few values.
    """
    from lmdecode.app.live import driver_for, snapshot_of, whole
    from lmdecode.app.reading import check_names

    check_names(names or (), bluetooth=bluetooth == "")
    target = live_target(
        host=host,
        port=port,
        key=key,
        config=config,
        machine=machine,
        bluetooth=bluetooth,
        radio=radio,
        generation=generation,
    )
    driver = driver_for(target, timeout=timeout)
    if names:
        chosen = chosen_by_name(names, driver)
        _show_only(chosen, values_now(driver, chosen, timeout), as_json=as_json)
        return
    snapshot = run_live(snapshot_of(driver, seconds=whole(timeout, driver.generation)), waiting_for=driver.name)
    if as_json:
        from lmdecode.render.status import status_entry

        echo_json(status_entry(snapshot.records))
    else:
        from lmdecode.render.status import print_status

        print_status(snapshot.records)
    for name, why in snapshot.silent.items():
        complain(f"{name}: {why}")
    for record in snapshot.records:
        for problem in record.problems:
            complain(problem)


def _show_only(chosen: Chosen, reading: Reading, *, as_json: bool) -> None:
    from lmdecode.render.status import value_lines

    if as_json:
        echo_json(reading.values)
    else:
        echo(*value_lines(reading.values))
    for complaint in reading.complaints:
        complain(complaint)
    if chosen.lacks(reading.values):
        raise typer.Exit(1)
