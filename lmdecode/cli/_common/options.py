"""Options that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from lmdecode.config import ENVIRONMENT_VARIABLE


def number(value: float | None) -> float | None:
    """The value of an option; `nan`, which no range keeps out, is none."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter("nan is no number")
    return value


KeysOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key",
        "-k",
        metavar="KEY",
        help=f"The machine's key: the 32 characters of its communicationKey, or hex:… or base64:…. Several may "
        "be given: each connection finds its own. "
        f"Other programs can see a command line; a config file and {ENVIRONMENT_VARIABLE} keep the key to yourself, "
        "and are looked at in this order: --config, the environment, then the config files that need not be named.",
        show_default=False,
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The config.json with the key. Without it: ./config.json, then the one in your config folder.",
        show_default=False,
    ),
]
MachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine",
        metavar="NAME",
        help="Of several machines in a capture, this one: its name in config.json, or its address. `*` is a wildcard.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write to this file instead; it appears when it is whole.",
        show_default=False,
    ),
]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="The machine's TCP port.")]
ShowSecretsOption = Annotated[
    bool,
    typer.Option("--show-secrets", help="Leave the machine's own cloud account readable."),
]
