"""The options that several commands share, each with its one help text.

First those of all commands and of times, then those of the commands that read captures, then those that talk to a
machine, whose `--port` and `--machine` mean a machine in the network and not one in a capture.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Final, get_type_hints

import typer

from lmdecode.cli._common import completion
from lmdecode.codec.speakers import known_ports
from lmdecode.config import ENVIRONMENT_VARIABLE, RADIO_VARIABLE, TOKEN_VARIABLE
from lmdecode.config.names import ALL_MODELS

_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|min|h|d|)\Z").match
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def number(value: float | None) -> float | None:
    """Returns the value of an option, for Typer's `callback`, which is called for `nan` too: no range excludes it.

    Raises:
        typer.BadParameter: The value is nan.
    """
    if value is not None and math.isnan(value):
        raise typer.BadParameter("must be a number, not nan")
    return value


def seconds_of(text: str) -> float:
    """Returns a time in seconds, for Typer's `parser`.

    Raises:
        typer.BadParameter: The text is not a time, or the time is zero.

    >>> seconds_of("10s"), seconds_of("1.5h"), seconds_of("90")
    (10.0, 5400.0, 90.0)
    """
    match = _DURATION(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise typer.BadParameter(f"{text[:40]!r} is not a time: give 30s, 10m or 2h")
    return seconds


def _file_or_stdout(path: Path | None) -> Path | None:
    return None if path == Path("-") else path


ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The config.json. [default: ./config.json if it is there, otherwise the one in your config folder]",
        show_default=False,
    ),
]
MachineEntryOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        autocompletion=completion.machine,
        help="The machine in the config: its name, serial number or address.",
        show_default=False,
    ),
]
SaveTokensOption = Annotated[
    bool,
    typer.Option(
        "--save-tokens", "--tokens", help="Save the access tokens in the config too. They are secrets, and they expire."
    ),
]
SavePasswordOption = Annotated[
    bool,
    typer.Option(
        "--save-password",
        help="Save the password in the config too. Without this, lmdecode saves it only if you say so.",
    ),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Replace a different key, client or account in the config without asking. A replaced key stays "
        "there under another name.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        callback=_file_or_stdout,
        help="Write to this file; it appears once it is complete. `-` is standard output.",
        show_default=False,
    ),
]
ShowSecretsOption = Annotated[
    bool,
    typer.Option("--show-secrets", help="Do not mask the machine's own cloud account."),
]


# Of times.


def understood_time(text: str | None) -> str | None:
    """Returns the value of an option that is a time, which is understood for good when the captures are read."""
    if text is not None:
        from lmdecode.analysis.typed_times import TimeError, check_time

        try:
            check_time(text)
        except TimeError as error:
            raise typer.BadParameter(str(error)) from None
    return text


def _in_utc(context: typer.Context, wanted: bool) -> bool:
    """Puts UTC in force until the command ends, for times that are typed and for those that are shown."""
    if wanted and not context.resilient_parsing:
        from datetime import UTC

        from lmdecode.analysis.times import in_zone

        context.with_resource(in_zone(UTC))
    return wanted


UtcOption = Annotated[
    bool,
    typer.Option(
        "--utc",
        is_eager=True,  # before the options whose times it concerns
        callback=_in_utc,
        help="Show times in UTC, and take times without a zone as UTC. [default: this computer's zone]",
    ),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        callback=understood_time,
        help="Only what was said from this time on: 02:55, 02:55:57.5, 2026-11-21T02:55, 02:55Z, or +12.5s after the "
        "first message.",
        show_default=False,
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="TIME",
        callback=understood_time,
        help="Only what was said up to this time, all of the minute or second that it names included.",
        show_default=False,
    ),
]


# Of captures.


def _addresses(text: str) -> range:
    from lmdecode.codec.v1.ranges import AddressRangeError, address_range

    try:
        return address_range(text)
    except AddressRangeError as error:
        raise typer.BadParameter(str(error)) from None


def _field_names(texts: list[str] | None) -> list[str]:
    if not texts:
        return []
    from lmdecode.analysis.columns import FieldNameError, chosen_fields

    try:
        return list(chosen_fields(texts))
    except FieldNameError as error:
        raise typer.BadParameter(str(error)) from None


def conditions(texts: list[str] | None) -> list[str] | None:
    """Returns the value of `--where`, once each condition is understood."""
    if texts:
        from lmdecode.analysis.filters import FilterError, parse_all

        try:
            parse_all(texts)
        except FilterError as error:
            raise typer.BadParameter(str(error)) from None
    return texts


CapturesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="CAPTURE…", help="One or more captures, of any kind that `lmdecode decode` reads.", show_default=False
    ),
]
KeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The machine's key: the 32 characters of its communicationKey, or hex:… or base64:…. May be given "
        "several times; each connection uses the key that fits. Other programs can see a command line, but not "
        f"{ENVIRONMENT_VARIABLE} or a config file. Keys are looked up in this order: --config, "
        f"{ENVIRONMENT_VARIABLE}, then the default config files.",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help=f"The machine's TCP port. [default: {', '.join(map(str, known_ports()))} and the ports in the config]",
        show_default=False,
    ),
]
MachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        autocompletion=completion.machine,
        help="Only this machine: its name or serial number in the config, or its address. `*` is a wildcard.",
        show_default=False,
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        autocompletion=completion.condition,
        callback=conditions,
        help="Only messages that meet this condition: kind=write, `'coffee_temp>95'`; `lmdecode decode --help` lists "
        "all. May be given several times, and then all must be met.",
        show_default=False,
    ),
]
JoinOption = Annotated[
    bool,
    typer.Option(
        "--join",
        help="Treat the captures as pieces of one (tcpdump -C, -G, -W): connections continue from one to the next.",
    ),
]
HandlesOption = Annotated[
    str | None,
    typer.Option(
        "--handles",
        metavar="MAP|FILE",
        help="Bluetooth: which characteristic each handle is, `0a0b=0x29,0b0b=0x2b`, where the capture does not say.",
        show_default=False,
    ),
]
RangeOption = Annotated[
    range | None,
    typer.Option(
        "--range",
        metavar="RANGE",
        parser=_addresses,
        help="Only these bytes: 0x4000, 0x4000-0x4022, 0x4000..0x4022 or 0x4000+35.",
        show_default=False,
    ),
]
FieldsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--fields",
        "--only",
        metavar="NAME,NAME",
        callback=_field_names,
        autocompletion=completion.captured_field_names,
        help="Only these registers and bits: `pump_on,coffee_temp`, `'dose_*'`.",
        show_default=False,
    ),
]


# Of live machines.

HostOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The machine's address. [default: the one in the config]", show_default=False),
]
LivePortOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=65535,
        help="The machine's TCP port. [default: the one in the config, otherwise 1774 for v1 and 8081 for v3]",
        show_default=False,
    ),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The machine's key: the 32 characters of its communicationKey, or hex:… or base64:…; over Bluetooth its "
        f"token. Other programs can see a command line, but not {ENVIRONMENT_VARIABLE} (of the token "
        f"{TOKEN_VARIABLE}) or a config file.",
        show_default=False,
    ),
]
BluetoothOption = Annotated[
    str | None,
    typer.Option(
        "--bluetooth",
        metavar="[NAME]",
        autocompletion=completion.bluetooth,
        help="Over Bluetooth, as machines with gateway v5 need it. NAME is what the machine advertises, its serial "
        "number or its address. [default: the machine in the config, or the only one that is near]",
        show_default=False,
    ),
]
RadioOption = Annotated[
    str | None,
    typer.Option(
        "--radio",
        metavar="TRANSPORT",
        help="The Bluetooth radio as bumble names it: usb:0, serial:/dev/ttyACM0,1000000, or tcp-client:127.0.0.1:6402 "
        f"for a simulated machine. [default: {RADIO_VARIABLE}, otherwise this computer's own]",
        show_default=False,
    ),
]
LiveGenerationOption = Annotated[
    str | None,
    typer.Option(
        "--generation",
        metavar="[v1|v3]",
        autocompletion=completion.live_generation,
        help="What the machine speaks. [default: what its port or the config says; otherwise both are tried]",
        show_default=False,
    ),
]
LiveMachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        autocompletion=completion.machine,
        help="The machine, if the config has several: its name, serial number or address.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        autocompletion=completion.live_model,
        help=f"{', '.join(ALL_MODELS)}. [default: the one in the config, otherwise the one that the machine reports]",
        show_default=False,
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        min=0.1,
        max=60,
        callback=number,
        help="Seconds to wait for an answer. A read that gets none is tried three times in all.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object, for scripts.")]

for _often in (number, understood_time, conditions, _in_utc, _file_or_stdout):
    _often.__annotations__ = get_type_hints(_often)  # as in `completion`
