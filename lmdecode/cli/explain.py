"""`lmdecode explain`: messages given on the command line, taken apart."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.cli._common.echo import echo_json
from lmdecode.cli._common.errors import reports_errors
from lmdecode.cli._common.options import ConfigOption, KeysOption, ShowSecretsOption

if TYPE_CHECKING:
    from lmdecode.codec.v1.decoder import Decoder

_TITLE_LENGTH = 60


@reports_errors
def explain(
    messages: Annotated[
        list[str],
        typer.Argument(
            metavar="MESSAGE",
            help="A plaintext (R401C000403BC04D8B6), a preamble with or without data (0310001D), a range of addresses "
            "(0x4000-0x4022, 0x4000+35), or a whole frame (@…%). Spaces are ignored. Or JSON of a newer machine: a "
            "text of its WebSocket, a STOMP frame, a widget, a Bluetooth notification, a Python dict from a log.",
            show_default=False,
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object a message, for scripts.")] = False,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Take messages apart: show every byte or JSON name with its register or field, value, unit and certainty.

    Examples:

        lmdecode explain R401C000403BC04D8B6

        lmdecode explain 0310001D

        lmdecode explain 0x4000-0x4022

        lmdecode explain '@/EvNHlfIE/xwlY2eKvFjXw==%' --config captures/config.json

        lmdecode explain '{"BrewingUpdateGroup1Time": 6.188}'

    Only an encrypted frame (@…%) needs the key; `lmdecode samples` makes captures/config.json, which has the key of
    the last example.
    """
    from lmdecode.app.explain import read_quoted
    from lmdecode.app.explain_json import looks_like_json, read_json
    from lmdecode.render.explanation import explanation, explanation_entry
    from lmdecode.render.json_explanation import json_explanation, json_explanation_entry
    from lmdecode.render.terminal import TerminalConsole

    console = TerminalConsole()
    failed = False
    for given in messages:
        if looks_like_json(given):
            quoted = read_json(given, show_secrets=show_secrets)
            if as_json:
                echo_json(json_explanation_entry(quoted))
            else:
                console.print(json_explanation(quoted))
            continue
        title, decoded, windowed = read_quoted(
            given, partial(_decoder, key or [], config, show_secrets=show_secrets), show_secrets=show_secrets
        )
        if as_json:
            echo_json(explanation_entry(title, decoded, windowed=windowed))
        else:
            console.print(explanation(_shortened(title), decoded, windowed=windowed))
        failed = failed or decoded.message is None
    if failed:
        raise typer.Exit(1)


def _decoder(keys: list[str], config: Path | None, *, show_secrets: bool) -> Decoder:
    from lmdecode.codec.v1.decoder import decoder_for
    from lmdecode.config.keys import find_keys

    machines, _ = find_keys(keys, config)
    return decoder_for(machines, show_secrets=show_secrets)


def _shortened(text: str) -> str:
    return text if len(text) <= _TITLE_LENGTH else f"{text[: _TITLE_LENGTH - 1]}…"
