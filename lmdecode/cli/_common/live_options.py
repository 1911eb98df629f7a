"""Options of the commands that talk to a machine."""

from __future__ import annotations

from typing import Annotated

import typer

from lmdecode.cli._common.options import number
from lmdecode.config import ENVIRONMENT_VARIABLE

HostOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="The machine's address. Without it: that of the config.", show_default=False),
]
KeyOption = Annotated[
    str | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help="The machine's key: the 32 characters of its communicationKey, or hex:… or base64:…. Other programs can "
        f"see a command line; {ENVIRONMENT_VARIABLE} and a config file keep the key to yourself.",
        show_default=False,
    ),
]
PortOption = Annotated[
    int | None,
    typer.Option(min=1, max=65535, help="Its TCP port. [default: that of the config, else 1774]", show_default=False),
]
MachineOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Of several machines in the config, the one that is meant: its name, serial number or address.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        help="GS3 AV, GS3 MP or Linea Mini. [default: what the config says, else the machine]", show_default=False
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        min=0.1, max=60, callback=number, help="Seconds to wait for an answer. A read without one is made three times."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Write one JSON object, for scripts.")]
