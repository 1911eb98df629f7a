"""`lmdecode get`: single values of a live machine, for people and for shell scripts."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common import completion
from lmdecode.cli._common.echo import echo, echo_json
from lmdecode.cli._common.errors import complain, reports_errors
from lmdecode.cli._common.live import chosen_by_name, live_target, values_now
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


@reports_errors
def get(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME…",
            help="Registers, bits, derived values or settings, of `lmdecode registers`; or a pattern: `'dose_*'`.",
            autocompletion=completion.field_name,
            show_default=False,
        ),
    ],
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
    """Read single values of the machine.

    Examples:

        lmdecode get coffee_temp

        lmdecode get power coffee_temp 'dose_*'

        lmdecode get coffee_temp steam_temp --json

        lmdecode get coffee_temp --bluetooth

    This only reads; nothing is written to the machine. For a single name it prints the bare value, for scripts: a
    number without its unit, `on` or `off`, or names separated by commas. For several names it prints a line for each,
    with name and unit. It asks only for what holds these values, so it is quick. The exit code is 1 if the machine
    has no such value, and 2 if none of its generation has it.
    """
    from lmdecode.app.live import driver_for
    from lmdecode.app.reading import check_names
    from lmdecode.render.setting import bare_text, value_line

    check_names(names, bluetooth=bluetooth == "")
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
    chosen = chosen_by_name(names, driver)
    reading = values_now(driver, chosen, timeout)
    if as_json:
        echo_json(reading.values)
    elif len(chosen.names) == 1:
        echo(*(bare_text(*each) for each in reading.values.items()))
    else:
        echo(*(value_line(*each) for each in reading.values.items()))
    for complaint in reading.complaints:
        complain(complaint)
    if chosen.lacks(reading.values):
        raise typer.Exit(1)
