"""`lmdecode explain`: messages given on the command line, taken apart."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lmdecode.cli.failures import CommandError, reports_errors
from lmdecode.cli.options import ConfigOption, KeysOption, ShowSecretsOption
from lmdecode.codec.record import MASK

if TYPE_CHECKING:
    from lmdecode.codec.decoded import Decoded

__all__ = ["explain"]

_TITLE_LENGTH = 60
_QUOTED_LENGTH = 12  # of what is no message: enough to know it again, too little for a secret in it
_WINDOW = re.compile(r"([0-9A-Fa-f]{4})([0-9A-Fa-f]{4})((?:[0-9A-Fa-f]{2})*)\Z").match


@reports_errors
def explain(
    messages: Annotated[
        list[str],
        typer.Argument(
            metavar="MESSAGE",
            help="A plaintext (R401C000403BC04D8B6), a preamble with or without data (0310001D), "
            "or a whole frame (@…%). Spaces do not matter.",
            show_default=False,
        ),
    ],
    key: KeysOption = None,
    config: ConfigOption = None,
    show_secrets: ShowSecretsOption = False,
) -> None:
    """Take messages apart: every byte with its register, value, unit and how sure we are.

    Examples:

        lmdecode explain R401C000403BC04D8B6

        lmdecode explain 0310001D

        lmdecode explain '@/EvNHlfIE/xwlY2eKvFjXw==%' --config captures/config.json

    Only a whole frame needs the key.
    """
    from lmdecode.codec.decoding import decode_plaintext
    from lmdecode.output.explanation import explanation
    from lmdecode.output.terminal import TerminalConsole

    console = TerminalConsole()
    failed = False
    for given in messages:
        text = "".join(given.split())
        windowed = False
        if text.startswith("@"):
            decoded = _decrypted(text, key or [], config, show_secrets=show_secrets)
        elif window := _WINDOW(text):
            decoded, windowed = _window(window, show_secrets=show_secrets), True
        elif text[:1] in {"R", "W", "Z"}:
            decoded = decode_plaintext(text.encode("latin-1", "replace"), show_secrets=show_secrets)
            decoded = _with_check_byte(text, decoded, show_secrets=show_secrets)
        else:
            raise CommandError(
                f"{_shortened(given, _QUOTED_LENGTH)!r} is no message: give a plaintext such as R40000020D8, "
                "a preamble such as 40000020, or a frame @…%"
            )
        title = _shortened(_title(text, decoded))
        console.print(explanation(title, decoded, windowed=windowed))
        failed = failed or decoded.message is None
    if failed:
        raise typer.Exit(1)


def _decrypted(text: str, keys: list[str], config: Path | None, *, show_secrets: bool) -> Decoded:
    from lmdecode.cloud.keys import decoder_for, find_keys

    if not text.endswith("%") or len(text) < 3:
        raise CommandError("the frame has no % at its end: give all of it, from @ to %, in single quotes")
    machines, _ = find_keys(keys, config)
    return decoder_for(machines, show_secrets=show_secrets).decode(text[1:-1].encode("latin-1", "replace"))


def _window(window: re.Match[str], *, show_secrets: bool) -> Decoded:
    """A window without its message, as people quote them: taken for what a read of it asks, or answers."""
    from lmdecode.codec.decoding import decode_plaintext
    from lmdecode.codec.message import check_byte

    body = f"R{window[0].upper()}".encode("ascii")
    return decode_plaintext(b"%b%02X" % (body, check_byte(body)), show_secrets=show_secrets)


def _with_check_byte(text: str, decoded: Decoded, *, show_secrets: bool) -> Decoded:
    """The message with its check byte, if all that is wrong is that it was left out."""
    from lmdecode.codec.decoding import decode_plaintext
    from lmdecode.codec.message import check_byte, parse_leniently

    body = text.encode("latin-1", "replace")
    completed = b"%b%02X" % (body, check_byte(body))
    if decoded.valid or parse_leniently(completed).problems:
        return decoded
    whole = decode_plaintext(completed, show_secrets=show_secrets)
    return whole._replace(problems=(*whole.problems, "no check byte was given, it seems; the right one was added"))


def _title(text: str, decoded: Decoded) -> str:
    """What was given, but for the secrets in it."""
    if text.startswith("@"):
        return text
    body = decoded.plaintext or f"{text[:9]}{MASK}"
    return body if text[0] in "RWZrwz" else body[1:-2]


def _shortened(text: str, length: int = _TITLE_LENGTH) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
