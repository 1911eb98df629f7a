"""`lmdecode send`: one setting, or raw bytes, to a live machine. The commands are made from the tables of settings."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from lmdecode.app.setting_names import listed_settings
from lmdecode.cli._common.echo import echo
from lmdecode.cli._common.errors import failures_as_json, reports_errors
from lmdecode.cli._common.options import (
    BluetoothOption,
    ConfigOption,
    HostOption,
    JsonOption,
    KeyOption,
    LiveGenerationOption,
    LiveMachineOption,
    LivePortOption,
    ModelOption,
    RadioOption,
    ShowSecretsOption,
    TimeoutOption,
)
from lmdecode.cli._common.setting_command import DryRunOption, YesOption, command_of
from lmdecode.codec.bluetooth import settings as over_bluetooth
from lmdecode.codec.v1.settings import (
    SETTINGS,
    is_former,
    is_value,
    present_name,
    setting_named,
    unknown_setting,
    writable_names,
)
from lmdecode.config.targets import find_target
from lmdecode.device.timing import ANSWER_TIMEOUT

_MEMORY = "send reads and writes bytes of a machine's memory"


class SettingGroup(TyperGroup):
    """The group of the settings. It suggests the nearest name for a wrong one."""

    def get_command(self, ctx: Any, name: str) -> Any:  # noqa: ANN401 -- Typer's click, wherever that is
        """Returns the command of a setting, also by an earlier name or another spelling; None if there is none.

        What can be set and is not in the list has a command as well, which is made when it is asked for: a writable
        register of v1, a field of Bluetooth.
        """
        present = present_name(name)
        found = super().get_command(ctx, present)
        if found is not None:
            return found
        setting = setting_named(present) if present in writable_names() else over_bluetooth.setting_named(name)
        if setting is None:
            return None
        if (found := super().get_command(ctx, setting.name)) is not None:
            return found
        one = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]}, rich_markup_mode="markdown")
        one.command(setting.name, context_settings={"ignore_unknown_options": True})(command_of(setting))
        return typer.main.get_command(one)

    def further_names(self) -> list[str]:
        """Returns the names that have a command and are not in the list, for a shell that completes."""
        return writable_names()

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 -- see above
        """Finds the command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            if is_value(present_name(name)):
                setting_named(name)  # which says that it can only be read
            raise unknown_setting(name, [each for each in listed_settings() if each not in SETTINGS])
        if is_former(name):
            echo(f"lmdecode: {name} is called {present_name(name)} now", err=True)
        return super().resolve_command(ctx, args)

    @reports_errors
    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 -- see above
        """Runs the command."""
        return super().invoke(ctx)


app = typer.Typer(
    cls=SettingGroup,
    help="Change a setting of the machine, or read and write its memory. Without a value, a setting shows its "
    "present and its accepted values, and changes nothing.",
    epilog="Each setting explains itself: `lmdecode send dose --help`. Registers, bits and times of day of v1 can be "
    "set by their own names too: `lmdecode send tue_on_time 06:30`. Exit codes: 0 done, 1 failed or not taken, "
    "2 wrong usage, 3 no connection to the machine.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _setting in listed_settings().values():
    # So that -5 is a number that is out of range rather than an unknown option.
    app.command(_setting.name, context_settings={"ignore_unknown_options": True})(command_of(_setting))


@app.command("read")
@reports_errors
def read(
    address: Annotated[
        str,
        typer.Argument(
            metavar="RANGE",
            help="0x4000-0x401F, or 0x4000+32; or an address, with LENGTH behind it.",
            show_default=False,
        ),
    ],
    length: Annotated[
        str | None,
        typer.Argument(metavar="LENGTH", help="Bytes from that address on: 32, or 0x20.", show_default=False),
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
    dry_run: DryRunOption = False,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Read a window of the machine's memory. Only machines of v1 have one.

    Examples:

        lmdecode send read 0x4000-0x401F

        lmdecode send read 0x4000 32
    """
    from lmdecode.app.live import read_request
    from lmdecode.app.targets import memory_target
    from lmdecode.cli._common.sending import RawSending

    with failures_as_json(as_json):
        request = read_request(address, length)
        target = find_target(
            host=host,
            port=port,
            key=key,
            config=config,
            machine=machine,
            bluetooth=bluetooth,
            radio=radio,
            generation=generation,
            connecting=not dry_run,
        )
        sending = RawSending(memory_target(target, _MEMORY), timeout, as_json=as_json, show_secrets=show_secrets)
        if dry_run:
            sending.show_request(request)
        else:
            sending.read(request)


@app.command("write")
@reports_errors
def write(
    address: Annotated[str, typer.Argument(help="Hexadecimal: 0x001E.", show_default=False)],
    data: Annotated[list[str], typer.Argument(help="Bytes in hexadecimal: 08, or 03A7.", show_default=False)],
    host: HostOption = None,
    port: LivePortOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    machine: LiveMachineOption = None,
    bluetooth: BluetoothOption = None,
    radio: RadioOption = None,
    generation: LiveGenerationOption = None,
    model: ModelOption = None,
    timeout: TimeoutOption = ANSWER_TIMEOUT,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write bytes into the machine's memory, which only machines of v1 have. Known registers take only their values.

    Example:

        lmdecode send write 0x001E 08
    """
    from lmdecode.app.send import raw_write, write_request
    from lmdecode.app.targets import memory_target
    from lmdecode.cli._common.sending import RawSending

    with failures_as_json(as_json):
        request = write_request(address, "".join(data))
        found = find_target(
            host=host,
            port=port,
            key=key,
            config=config,
            machine=machine,
            bluetooth=bluetooth,
            radio=radio,
            generation=generation,
            model=model,
            connecting=not dry_run,
        )
        target = memory_target(found, _MEMORY)
        checked = raw_write(request, model=target.model)
        sending = RawSending(target, timeout, yes=yes, as_json=as_json)
        if dry_run:
            sending.show_request(request)
        else:
            sending.write(checked)
